//! Compiles `proto/grid` without an installed protoc and keeps the descriptors for gRPC reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message as _;

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let mut files = Vec::new();
    for folder in ["grid/adm/v1", "grid/v1"] {
        for entry in fs::read_dir(root.join(folder))? {
            files.push(PathBuf::from(folder).join(entry?.file_name()));
        }
        println!("cargo:rerun-if-changed={}", root.join(folder).display());
    }
    files.sort();
    let descriptors = protox::compile(files.iter().map(|file| root.join(file)), [&root])?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("descriptors.bin"), descriptors.encode_to_vec())?;
    // Rare frames are boxed, so that a call or a result moves few bytes.
    let mut build = tonic_prost_build::configure();
    for rare in [
        "CallToolResponse.outcome.error",
        "HostFrame.frame.announced",
        "HostFrame.frame.fulfilled",
        "HostFrame.frame.registered",
        "HostFrame.frame.capability_updated",
        "HostFrame.frame.answer",
        "HostFrame.frame.error",
        "RuntimeFrame.frame.announce",
        "RuntimeFrame.frame.chunk",
        "RuntimeFrame.frame.error",
    ] {
        build = build.boxed(format!(".grid.v1.{rare}"));
    }
    // A piece of a result is a part of the bytes that it came in.
    build = build.bytes(".grid.v1.StreamChunk.payload");
    build.compile_fds(descriptors)?;
    Ok(())
}

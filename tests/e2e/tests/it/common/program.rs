//! The `grid` program: where it is, how it is run, how it is told to stop.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
    time::SystemTime,
};

use serde_json::Value;

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("a signal ended the command"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }
}

/// The project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The program under test: `GRID_BIN`, else the one that cargo put beside this test. It is built first where it is
/// older than its sources, so that `cargo test --package grid-e2e` tests what is there.
pub fn grid() -> &'static Path {
    static GRID: OnceLock<PathBuf> = OnceLock::new();
    GRID.get_or_init(|| {
        if let Some(path) = std::env::var_os("GRID_BIN") {
            return path.into();
        }
        let mut folder = std::env::current_exe().unwrap();
        folder.pop();
        if folder.ends_with("deps") {
            folder.pop();
        }
        let program = folder.join("grid");
        let built = program.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        if ["host", "proto", "sdk/rust", "Cargo.lock"].iter().any(|part| newest(&root().join(part)) > built) {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--quiet", "--locked", "--package", "grid-cli", "--bin", "grid"]);
            if folder.ends_with("release") {
                cargo.arg("--release");
            }
            let status = cargo.env("CARGO_TARGET_DIR", folder.parent().unwrap()).current_dir(root()).status().unwrap();
            assert!(status.success(), "the host could not be built");
        }
        program
    })
}

/// When a source that `grid` is built of was last changed.
fn newest(path: &Path) -> SystemTime {
    let changed = |path: &Path| path.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    if path.is_file() {
        return changed(path);
    }
    let mut newest = SystemTime::UNIX_EPOCH;
    for entry in std::fs::read_dir(path).unwrap().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !matches!(&*name, "tests" | "benches") {
                newest = newest.max(self::newest(&path));
            }
        } else if name.ends_with(".rs") || name.ends_with(".proto") || name.ends_with(".toml") {
            newest = newest.max(changed(&path));
        }
    }
    newest
}

/// Sends a signal to a process that this test started.
pub fn signal(name: &str, pid: u32) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(pid.to_string()).status().unwrap();
    assert!(status.success(), "kill -{name} {pid}");
}

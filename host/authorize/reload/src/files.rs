//! Whether a directory is another one than before, without knowing what its files mean.

use std::{fs, io, path::Path};

use grid_adm::Digest;
use grid_core::event::Sha256;

/// More than this is no directory of policies.
const MOST_BYTES: u64 = 64 << 20;
const MOST_FILES: usize = 10_000;

/// One number for all files of a directory but its tests and what is hidden.
pub(crate) fn fingerprint(dir: &Path) -> io::Result<Sha256> {
    let (mut text, mut left, mut files) = (Vec::new(), MOST_BYTES, MOST_FILES);
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut entries = fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_unstable_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let about = fs::metadata(&path)?;
            if about.is_dir() {
                if !(folder == dir && name == "tests") {
                    folders.push(path);
                }
                continue;
            }
            files = files.checked_sub(1).ok_or_else(too_much)?;
            left = left.checked_sub(about.len()).ok_or_else(too_much)?;
            text.extend_from_slice(path.as_os_str().as_encoded_bytes());
            text.push(0);
            text.extend_from_slice(Digest::of_bytes(&fs::read(&path)?).as_bytes());
        }
    }
    Ok(*Digest::of_bytes(&text).as_bytes())
}

fn too_much() -> io::Error {
    io::Error::other("it holds more than a directory of policies may")
}

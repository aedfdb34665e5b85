//! The files of an outcome log beside its segments: which there are, the key, and what was rejected.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::NotOpened;
use super::entry::Entry;
use super::seal::Key;
use super::segment::{Segment, path_of};

/// What the names of segments with outcomes begin with.
pub(crate) const OUTCOMES: &str = "";
/// And those with rejected ones.
pub(crate) const REJECTED: &str = "rejected-";

/// What stands in the files of rejected outcomes.
pub(crate) fn rejected(directory: &Path, key: Option<Key>) -> Result<Vec<Entry>, NotOpened> {
    let at = |fault: io::Error| NotOpened::new(directory, &fault.to_string());
    let key = match key {
        Some(key) => key,
        None => key_of(directory).map_err(at)?,
    };
    let mut found = Vec::new();
    for number in numbers(directory, REJECTED).map_err(at)? {
        let path = path_of(directory, REJECTED, number);
        let opened = Segment::open(&path, number, &key).map_err(at)?;
        found.extend(opened.into_iter().flat_map(|(_, entries)| entries).map(|(_, entry)| entry));
    }
    Ok(found)
}

/// The numbers of the segments with this prefix, lowest first.
pub(crate) fn numbers(directory: &Path, prefix: &str) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix(prefix)?.strip_suffix(".seg"));
        numbers.extend(digits.filter(|digits| digits.len() == 20).and_then(|digits| digits.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The log's own key, made where there is none yet.
pub(crate) fn key_of(directory: &Path) -> io::Result<Key> {
    let path = directory.join("key");
    let unusable = || io::Error::new(io::ErrorKind::InvalidData, "its file `key` is not 32 bytes; restore it");
    match File::open(&path) {
        Ok(mut file) => {
            if file.metadata()?.permissions().mode() & 0o077 != 0 {
                return Err(io::Error::other("others may read its file `key`; give it mode 0600"));
            }
            let mut bytes = zeroize::Zeroizing::new(Vec::new());
            file.read_to_end(&mut bytes)?;
            Key::from_bytes(&bytes).ok_or_else(unusable)
        }
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            if !numbers(directory, OUTCOMES)?.is_empty() {
                return Err(io::Error::other("its file `key` is gone, and without it the outcomes cannot be read"));
            }
            let key = Key::generate().ok_or_else(|| io::Error::other("the operating system gave no random bytes"))?;
            let fresh = directory.join("key.new");
            let mut file = owned(OpenOptions::new().write(true).create(true).truncate(true), &fresh)?;
            file.write_all(key.bytes())?;
            file.sync_all()?;
            fs::rename(&fresh, &path)?;
            File::open(directory)?.sync_all()?;
            Ok(key)
        }
        Err(fault) => Err(fault),
    }
}

pub(crate) fn owned(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.mode(0o600).open(path)
}

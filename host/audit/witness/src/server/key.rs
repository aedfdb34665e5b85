//! The witness's key, its file, and the keys of the logs that it trusts.

use std::{
    fs::{self, File},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use grid_tlog::{Kind, Signer, VerifyingKey};

use super::{cosigner::Error, memory::Memory};
use crate::durable;

/// A key file is one line.
const LONGEST: u64 = 4_096;

/// Makes a new witness: its key, in a file that only its owner may read, and its memory, an empty folder. Both must
/// not be there: a witness that lost its memory needs a new key, because it could contradict what it said before.
///
/// # Errors
/// [`Error`]; nothing is overwritten.
pub fn create(name: &str, key: &Path, memory: &Path) -> Result<VerifyingKey, Error> {
    let wrong = |why: String| Error::Key { path: key.to_owned(), why };
    let signer = Signer::generate(name, Kind::Cosignature).map_err(|error| wrong(error.to_string()))?;
    if key.exists() {
        return Err(wrong("it is there already and is not overwritten; give another file".to_owned()));
    }
    Memory::create(memory, signer.verifying_key())?;
    if let Some(folder) = key.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        durable::create_folder(folder)?;
    }
    durable::create(key, format!("{}\n", *signer.secret()).as_bytes())?;
    Ok(signer.verifying_key().clone())
}

/// Reads a witness's key file.
///
/// # Errors
/// [`Error::Key`], also where others than its owner may read it or it is no witness's key. The key is not shown.
pub fn load_key(path: &Path) -> Result<Signer, Error> {
    let wrong = |why: String| Error::Key { path: path.to_owned(), why };
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mode = file.metadata().map_err(|error| wrong(error.to_string()))?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(wrong(format!("its mode is {mode:o}, so others may use the key; run `chmod 600` on it")));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(|error| wrong(error.to_string()))?;
    let signer = Signer::parse(&text).map_err(|error| wrong(error.to_string()))?;
    if signer.verifying_key().kind() != Kind::Cosignature {
        return Err(wrong("it is the key of a log; make one with `grid witness init`".to_owned()));
    }
    Ok(signer)
}

/// The keys of a log that a witness is to trust: `given` is a key itself, or a file with one key a line, as a log's
/// `log.vkey`, or with a size before it, as `log.vkeys`.
///
/// # Errors
/// [`Error::Log`].
pub fn log_keys(given: &str) -> Result<Vec<VerifyingKey>, Error> {
    if let Ok(key) = given.parse::<VerifyingKey>() {
        return only_logs(given, vec![key]);
    }
    let wrong = |why: String| Error::Log(given.to_owned(), why);
    let text = fs::read_to_string(given)
        .map_err(|error| wrong(format!("it is neither a key nor a file that can be read ({error})")))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let last = |line: &str| line.rsplit_once(' ').map_or(line, |(_, key)| key).parse::<VerifyingKey>();
    let keys = lines.map(|line| last(line).map_err(|error| wrong(error.to_string()))).collect::<Result<_, _>>()?;
    only_logs(given, keys)
}

fn only_logs(given: &str, keys: Vec<VerifyingKey>) -> Result<Vec<VerifyingKey>, Error> {
    let wrong = |why: &str| Err(Error::Log(given.to_owned(), why.to_owned()));
    if keys.is_empty() {
        return wrong("no key is in it");
    }
    if keys.iter().any(|key| key.kind() != Kind::Note) {
        return wrong("it is the key of a witness; give the one in the log's `log.vkey`");
    }
    Ok(keys)
}

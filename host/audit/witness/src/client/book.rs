//! What the host remembers of its witnesses over a restart: `witnesses.json` in the log's directory. Losing it costs
//! one question more and the memory of how long a record has waited; it proves nothing.

use std::{io, path::Path};

use grid_tlog::{Checkpoint, Hash, Note, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::desk::Rank;
use crate::durable::{self, Fault};

pub(crate) const BOOK: &str = "witnesses.json";
pub(crate) const WITNESSED: &str = "checkpoint.witnessed";
/// No book and no note is longer; what is, is not ours.
const LONGEST: u64 = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Book {
    format: Format,
    pub(crate) origin: String,
    /// When this log was first looked at, in milliseconds since 1970.
    pub(crate) first_ms: u64,
    pub(crate) witnesses: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Format {
    #[serde(rename = "grid-audit-witnesses/v1")]
    V1,
}

/// What a witness cosigned last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) held: Held,
}

/// A cosignature that was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Held {
    /// Entries under it.
    pub(crate) size: u64,
    /// Root over them.
    pub(crate) root: Hash,
    /// When the checkpoint was first seen here, in milliseconds since 1970.
    pub(crate) taken_ms: u64,
    /// When the witness signed, in seconds since 1970.
    pub(crate) time: u64,
}

impl Book {
    pub(crate) fn new(origin: String, first_ms: u64) -> Self {
        Self { format: Format::V1, origin, first_ms, witnesses: Vec::new() }
    }

    /// None where there is none that can be used.
    pub(crate) fn load(directory: &Path) -> Option<Self> {
        let text = read(&directory.join(BOOK))?;
        match serde_json::from_str(&text) {
            Ok(book) => Some(book),
            Err(error) => {
                tracing::warn!(%error, "`{BOOK}` cannot be used and is begun anew; witnesses will tell their sizes");
                None
            }
        }
    }

    pub(crate) fn save(&self, directory: &Path) -> Result<(), Fault> {
        // Texts and numbers alone; there is nothing in it that JSON cannot say.
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        durable::replace(&directory.join(BOOK), format!("{text}\n").as_bytes())
    }
}

/// Writes the note that others verify.
pub(crate) fn publish(directory: &Path, note: &Note) -> Result<(), Fault> {
    durable::replace(&directory.join(WITNESSED), note.to_string().as_bytes())
}

/// The log and the worth of the note that was published before; none where it cannot be read.
pub(crate) fn published(directory: &Path, keys: &[&VerifyingKey], quorum: usize) -> Option<(String, Rank)> {
    let note = Note::parse(&read(&directory.join(WITNESSED))?).ok()?;
    let checkpoint = Checkpoint::parse(note.text()).ok()?;
    let count = keys.iter().filter(|key| note.cosigned(key).is_ok()).count();
    Some((checkpoint.origin, Rank::new(count, quorum, checkpoint.size)))
}

fn read(path: &Path) -> Option<String> {
    use io::Read as _;
    let mut text = String::new();
    match std::fs::File::open(path).and_then(|file| file.take(LONGEST).read_to_string(&mut text)) {
        Ok(_) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "cannot be read");
            None
        }
    }
}

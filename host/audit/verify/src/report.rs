//! What was checked and what was seen, for people and programs.

use std::collections::BTreeMap;

use grid_tlog::Hash;
use serde::Serialize;

use crate::Cosigned;

/// A log that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Name of the log.
    pub origin: String,
    /// The key that signs now, in one line.
    pub key: String,
    /// Nobody gave a key, so the log's own was believed.
    pub key_from_log: bool,
    /// Entries, published or not.
    pub entries: u64,
    /// Root over all of them.
    pub root: Hash,
    /// Entries under the published checkpoint.
    pub published: u64,
    /// Tiles that were held against the entries.
    pub tiles: u64,
    /// Signatures that were checked.
    pub signatures: u64,
    /// Batches of the private segments that were held against tiles and signatures.
    pub batches: u64,
    /// Kept checkpoints and receipts that the log continues.
    pub kept: u64,
    /// What the witnesses cosigned that were asked for; none where none was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cosigned: Option<Cosigned>,
    /// Records by kind.
    pub records: BTreeMap<String, u64>,
    /// Time of the first record, in milliseconds since 1970.
    pub first_ms: u64,
    /// Time of the last one.
    pub last_ms: u64,
    /// Changes of keys.
    pub rotations: Vec<Rotation>,
    /// What is not wrong, and should be known.
    pub findings: Vec<Finding>,
}

/// One key handed over to the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rotation {
    /// The record that says so.
    pub index: u64,
    /// The new key, in one line.
    pub key: String,
}

/// Something that is not wrong, and should be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which sort, for programs.
    pub name: &'static str,
    /// What it means.
    pub what: String,
    /// How often.
    pub count: u64,
    /// The first entries it is about, ten at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub indices: Vec<u64>,
}

impl Finding {
    pub(crate) fn seen(name: &'static str, what: impl Into<String>, count: u64, indices: Vec<u64>) -> Self {
        Self { name, what: what.into(), count, indices }
    }
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries that were checked.
    pub entries: u64,
    /// Entries under the published checkpoint.
    pub published: u64,
}

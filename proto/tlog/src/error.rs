//! Two things can be wrong with what a stranger hands over: it cannot be read, or it does not prove what it should.

/// A text or file that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: {why}")]
pub struct Malformed {
    what: &'static str,
    why: String,
}

impl Malformed {
    /// `what` it should be, and `why` it is not. For what is built on these formats.
    #[must_use]
    pub fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self { what, why: why.into() }
    }
}

/// Evidence that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unproved {
    /// It cannot even be read.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// No signature of that key is on the note.
    #[error("no signature of the key `{0}` is on it; check that this is the log's own key")]
    NotSigned(String),
    /// There is one, and it is not over this text.
    #[error("the signature of the key `{0}` does not fit: the text was changed or somebody else signed it")]
    BadSignature(String),
    /// The checkpoint is of another log.
    #[error("it is a checkpoint of `{found}`, not of `{expected}`")]
    OtherLog {
        /// The log that was asked about.
        expected: String,
        /// The one that the checkpoint names.
        found: String,
    },
    /// The index is not in a tree of that size.
    #[error("entry {index} cannot be in a log of {size} entries")]
    OutOfRange {
        /// Of the entry.
        index: u64,
        /// Of the tree.
        size: u64,
    },
    /// The number of hashes is not the one that the proof must have.
    #[error("the proof has {found} hashes where {expected} belong")]
    Length {
        /// What belongs there.
        expected: usize,
        /// What is there.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root than the one that was signed")]
    Root,
    /// The newer tree is smaller than the older.
    #[error("a log of {new} entries cannot continue one of {old}")]
    Shrunk {
        /// Entries of the older.
        old: u64,
        /// Entries of the newer.
        new: u64,
    },
    /// Too few of the witnesses that were asked about saw it.
    #[error("{found} of the given witnesses cosigned it where {needed} must; ask for a later checkpoint")]
    Quorum {
        /// How many must have.
        needed: usize,
        /// How many did.
        found: usize,
    },
    /// The bytes of the entry are not those of the leaf.
    #[error("the entry's bytes do not have the leaf's hash")]
    Entry,
}

//! What can go wrong: [`Error`] when a log is opened or read, [`Unavailable`] when a record was not stored.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A log that cannot be opened or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process writes this log.
    #[error(
        "the audit log `{}` is in use by {holder}; stop it or give this host a directory of its own",
        .directory.display()
    )]
    Locked {
        /// The directory.
        directory: PathBuf,
        /// Who to look for.
        holder: String,
    },
    /// The files are not as they were written.
    #[error(
        "the audit log is damaged in `{}` at offset {offset}, entry {index}: {what}; \
         keep the directory as it is and restore it from a copy, or begin a new log in another directory",
        .file.display()
    )]
    Damaged {
        /// The segment.
        file: PathBuf,
        /// Where in it.
        offset: u64,
        /// The entry that was expected there.
        index: u64,
        /// What was found.
        what: String,
    },
    /// The log was signed with another key.
    #[error(
        "the audit log `{}` is signed with the key `{expected}`, and the key at hand is `{found}`; give the log's own \
         key, or begin a new log in another directory (a change of keys is made with `grid audit rotate`)",
        .directory.display()
    )]
    OtherKey {
        /// The directory.
        directory: PathBuf,
        /// The log's public key.
        expected: String,
        /// The one that was given.
        found: String,
    },
    /// The operating system refused.
    #[error("cannot {doing} `{}`: {source}; {}", .path.display(), advice(.source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// An option that cannot work.
    #[error("{0}")]
    Options(String),
    /// The first records could not be written.
    #[error("{0}")]
    Unavailable(#[from] Unavailable),
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}

fn advice(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free some space on its disk and start again",
        _ => "check that the directory exists and belongs to this user",
    }
}

/// A record was not stored, so what it should have covered must not happen.
#[derive(Clone, PartialEq, Eq)]
pub struct Unavailable {
    message: Arc<str>,
    lasting: bool,
}

impl Unavailable {
    /// This record alone was refused; the log works.
    pub(crate) fn once(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), lasting: false }
    }

    /// Nothing will be stored by this ledger any more.
    pub(crate) fn lasting(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), lasting: true }
    }

    /// For the operator: what happened and what to do.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether the ledger is done for, as opposed to this record having been refused.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        self.lasting
    }
}

impl fmt::Debug for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Unavailable {}

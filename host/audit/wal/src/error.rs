//! Why a log cannot be opened or read.

use std::{
    io,
    path::{Path, PathBuf},
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
    /// What opening itself writes was refused.
    #[error("{0}")]
    Unavailable(String),
}

impl Error {
    /// What the operating system said while `doing` that to `path`; for `map_err`.
    pub fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
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

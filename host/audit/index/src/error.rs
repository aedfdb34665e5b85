//! What can go wrong: with the question, with the log, or with the index, which then is made again.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

/// A question that was not answered, or an index that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process has the index.
    #[error(
        "the index `{}` is in use by another process; ask that host, or stop it and try again",
        .file.display()
    )]
    InUse {
        /// The index.
        file: PathBuf,
    },
    /// The content of the index is not what was written, or belongs to another log.
    #[error("the audit log's index cannot be believed: {0}; it is made again from the log")]
    Broken(String),
    /// The operating system refused.
    #[error("cannot use the index `{}`: {source}; check that its directory may be written and has room", .file.display())]
    Io {
        /// The index.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The log cannot be read.
    #[error("{0}")]
    Log(#[from] grid_audit::Error),
    /// The page token was not given for this question.
    #[error(
        "the page token does not belong to this query; leave it out to begin again, or repeat the query it came from"
    )]
    PageToken,
    /// The index does not cover yet what was asked for.
    #[error("the audit log's index is being made: {done} of {of} records are in it; ask again")]
    Behind {
        /// Records that are in it.
        done: u64,
        /// Records that have to be.
        of: u64,
    },
    /// The index is not kept at present.
    #[error("the audit log's index is not available: {0}")]
    Away(String),
}

impl Error {
    /// An error of the store, which may mean that the content is not what was written.
    pub(crate) fn store(file: &Path, error: impl Into<redb::Error>) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen => Self::InUse { file: file.to_path_buf() },
            // A file that is no database at all is told as invalid data, a short one as its end.
            redb::Error::Io(source)
                if !matches!(source.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
            {
                Self::Io { file: file.to_path_buf(), source }
            }
            redb::Error::PreviousIo => {
                let source = io::Error::other("an earlier write failed");
                Self::Io { file: file.to_path_buf(), source }
            }
            other => Self::Broken(other.to_string()),
        }
    }

    /// Whether a new index would help.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }
}

/// Runs what reads bytes that anything may have happened to: the store may end its thread over them instead of
/// saying so, and that too means that they are not what was written.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::Broken("reading it failed".into())))
}

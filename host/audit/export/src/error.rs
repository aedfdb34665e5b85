//! What keeps an exporter from starting. What goes wrong later is in its status.

use std::{
    io,
    path::{Path, PathBuf},
};

/// An exporter that cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An option that cannot work.
    #[error("{0}")]
    Options(String),
    /// The position is not one of this log.
    #[error("the position of an exporter in `{}` cannot be used: {what}", .file.display())]
    Position {
        /// Its file.
        file: PathBuf,
        /// What is wrong and what to do.
        what: String,
    },
    /// Another exporter has that name on this log.
    #[error("`{}` is held by another exporter; stop it, or give this one a name of its own", .file.display())]
    Busy {
        /// The lock.
        file: PathBuf,
    },
    /// The log cannot be read.
    #[error("{0}")]
    Log(grid_audit::Error),
    /// The operating system refused.
    #[error("cannot {doing} `{}`: {source}; check that the directory exists and belongs to this user", .path.display())]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn io(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io { doing, path, source }
    }
}

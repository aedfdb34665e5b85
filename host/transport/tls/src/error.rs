//! Why certificates on the disk cannot be used: which file, and what is wrong with it.

use std::path::{Path, PathBuf};

/// A file that cannot be used. Its text is one line that names the file and ends with what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {why}", .file.display())]
pub struct Error {
    file: PathBuf,
    why: String,
}

impl Error {
    pub(crate) fn of(file: &Path, why: impl Into<String>) -> Self {
        Self { file: file.to_owned(), why: why.into() }
    }

    pub(crate) fn unreadable(file: &Path, fault: &std::io::Error) -> Self {
        Self::of(file, format!("cannot be read: {fault}; check its path and permissions"))
    }

    /// The file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }
}

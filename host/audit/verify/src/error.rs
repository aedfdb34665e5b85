//! Two things can happen to somebody who checks a log: it does not hold ([`Failure`]), or it cannot be read
//! ([`Unreadable`]), which says nothing about the log.

use std::{fmt, io};

use grid_tlog::{Malformed, Unproved};
use serde::Serialize;

/// Why a log, or a proof out of it, is not what its keeper says. The first one that was met.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// What is wrong.
    pub what: String,
    /// The first entry that cannot be believed, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u64>,
    /// The file, below the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Bytes from its beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), index: None, file: None, offset: None }
    }

    pub(crate) fn at(self, index: u64) -> Self {
        Self { index: Some(index), ..self }
    }

    pub(crate) fn within(self, file: impl Into<String>) -> Self {
        Self { file: Some(file.into()), ..self }
    }

    pub(crate) fn offset(self, offset: u64) -> Self {
        Self { offset: Some(offset), ..self }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "entry {index}: ")?;
        }
        f.write_str(&self.what)?;
        match (&self.file, self.offset) {
            (Some(file), Some(offset)) => write!(f, " (`{file}`, offset {offset})"),
            (Some(file), None) => write!(f, " (`{file}`)"),
            (None, _) => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// A file that could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The operating system or the network refused.
    #[error("cannot read `{path}`: {source}")]
    Io {
        /// Which file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It is longer than any such file of a log.
    #[error("`{path}` is longer than such a file can be")]
    TooLong {
        /// Which file.
        path: String,
    },
    /// There is no log there, or not the entry that was asked for.
    #[error("{0}")]
    Missing(String),
}

impl Unreadable {
    pub(crate) fn io<P: Into<String>>(path: P) -> impl FnOnce(io::Error) -> Self + use<P> {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}

/// Why there is no report or no proof.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log does not hold.
    #[error(transparent)]
    Unverified(#[from] Failure),
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(Unreadable),
}

impl From<Unreadable> for Error {
    /// A file that is too long is not one that its keeper wrote.
    fn from(error: Unreadable) -> Self {
        match error {
            Unreadable::TooLong { path } => Failure::new("the file is longer than it can be").within(path).into(),
            other => Self::Unreadable(other),
        }
    }
}

impl From<Unproved> for Error {
    fn from(error: Unproved) -> Self {
        Failure::new(error.to_string()).into()
    }
}

impl From<Malformed> for Error {
    fn from(error: Malformed) -> Self {
        Failure::new(error.to_string()).into()
    }
}

//! A record was not stored, or nothing will be any more.

use std::{fmt, sync::Arc};

use grid_audit_wal::Error;

/// A record was not stored, so what it should have covered must not happen.
#[derive(Clone, PartialEq, Eq)]
pub struct Unavailable {
    message: Arc<str>,
    lasting: bool,
    overtaken: bool,
}

impl Unavailable {
    /// This record alone was refused; the log works.
    pub(crate) fn once(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), lasting: false, overtaken: false }
    }

    /// Nothing will be stored by this ledger any more.
    pub(crate) fn lasting(message: impl Into<Arc<str>>) -> Self {
        Self { message: message.into(), lasting: true, overtaken: false }
    }

    /// Rights ended between the decision of an admission and its record.
    pub(crate) fn overtaken() -> Self {
        let message = "the decision was made void before its admission could be stored; decide anew";
        Self { message: message.into(), lasting: false, overtaken: true }
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

    /// Whether an admission was refused because its decision is older than [`crate::Ledger::void_before`] allows.
    #[must_use]
    pub fn is_overtaken(&self) -> bool {
        self.overtaken
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

impl From<Unavailable> for Error {
    /// Where it is one of the records by which a log is opened.
    fn from(reason: Unavailable) -> Self {
        Self::Unavailable(reason.message().to_owned())
    }
}

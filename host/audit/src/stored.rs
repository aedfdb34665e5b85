//! Evidence for whoever waited for a record.

use std::sync::Arc;

use grid_audit_wal::Kept;
use grid_tlog::Proof;

/// Evidence that a record is in the log, on the disk, under a signed checkpoint. Only this crate makes one.
#[derive(Debug, Clone)]
pub struct Stored {
    index: u64,
    kept: Arc<Kept>,
}

impl Stored {
    pub(crate) fn new(index: u64, kept: &Arc<Kept>) -> Self {
        Self { index, kept: Arc::clone(kept) }
    }

    /// The record's place in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What others can check, without the log and without this host. Some hashes are made for it.
    #[must_use]
    pub fn proof(&self) -> Proof {
        self.kept.proof(self.index)
    }
}

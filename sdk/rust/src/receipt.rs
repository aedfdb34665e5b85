//! Receipts of the host's audit log. One that is kept outlives the host: it shows later that a record was there, and a
//! log without it is a log that was changed.

use grid_proto::v1;
use grid_tlog::Hash;

pub use grid_tlog::{Checkpoint, Proof as Receipt, Unproved, VerifyingKey};

/// The receipt in an answer; none where there is none, or one that nobody could check.
pub(crate) fn read(wire: Option<v1::AuditReceipt>) -> Option<Box<Receipt>> {
    let wire = wire?;
    let leaf = Hash::from_slice(&wire.leaf_hash)?;
    let inclusion = wire.inclusion.iter().map(|hash| Hash::from_slice(hash)).collect::<Option<_>>()?;
    Some(Box::new(Receipt::new(wire.index, leaf, inclusion, wire.checkpoint)))
}

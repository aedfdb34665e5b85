//! The audit log: what was decided, begun and ended, durable before anybody acts on it. It knows records, events,
//! admissions and keys, and works without the host; the files below them, and what is promised of these, are
//! [grid-audit-wal](../wal/src/lib.rs)'s.
//!
//! | step | file |
//! |---|---|
//! | open: take the directory, check keys and checkpoints, close what an earlier process left open | [opening.rs](opening.rs), [keys.rs](keys.rs), [open_calls.rs](open_calls.rs) |
//! | take events and give evidence | [ledger.rs](ledger.rs), [stored.rs](stored.rs), [unavailable.rs](unavailable.rs) |
//! | event to record | [encode.rs](encode.rs) |
//! | gather records, write and sync a batch, tell its callers | [writer.rs](writer.rs), [linger.rs](linger.rs), [ack.rs](ack.rs), [state.rs](state.rs) |
//! | make public what is durable, and remove segments that nothing needs | [background.rs](background.rs), [publish.rs](publish.rs) |
//! | read records, without the host | [reader.rs](reader.rs), [record.rs](record.rs) |
//! | hand the log over to another key | [rotate.rs](rotate.rs) |
//!
//! # Public files
//! A log is one directory (mode 0700, files 0600). What anybody may read and check is laid out as C2SP tlog-tiles says:
//!
//! ```text
//! checkpoint                      newest public signed note: origin, size, root
//! log.vkey                        the key that signs now, in one line
//! log.vkeys                       every key it ever had, each with the first tree size that it signs
//! tile/entries/000                entries, 256 a file, each behind its length in two bytes
//! tile/0/000, tile/1/000, …       hashes of the tree, 256 a file
//! checkpoints.log                 every signature ever made that the tiles have passed
//! ```
//!
//! # Private files
//! The segments are what the writer writes and syncs, and the truth for all that tiles do not hold yet. A publisher
//! follows them; what it makes can be made again from them. A segment goes when its entries are in full tiles that
//! were synced, its signatures in `checkpoints.log`, and none of its admissions is open.
//!
//! ```text
//! lock                            held by the process that writes; its content is that process's id
//! wal/00000000000000000000.seg    segments, each named by the index of its first entry
//! wal/spare                       the next segment, already filled with zeros
//! ```
//!
//! Indices are consecutive from 0 over the whole log. An entry is one JSON object in RFC 8785 form, at most 65,535
//! bytes; its leaf in the tree is SHA-256 over a zero byte and those bytes.

#![deny(missing_docs)]

mod ack;
mod background;
mod driver;
pub mod encode;
mod keys;
mod ledger;
mod linger;
mod open_approvals;
mod open_calls;
mod opening;
mod publish;
mod reader;
mod record;
mod rotate;
mod state;
mod stored;
mod unavailable;
mod writer;

pub use driver::Driver;
pub use grid_audit_wal::{
    Chain, Disk, Error, FileOptions, FileStorage, MAX_ENTRY, MemoryStorage, OsDisk, Signed, Storage,
};
pub use keys::{History, KeyError, KeySource, new_origin};
pub use ledger::{Durability, Ledger, Options, Receipt, Recovered};
pub use reader::{Follow, Reader, Records};
pub use record::Record;
pub use rotate::{hand_over, rotate, rotate_on};
pub use state::{Observer, Status};
pub use stored::Stored;
pub use unavailable::Unavailable;

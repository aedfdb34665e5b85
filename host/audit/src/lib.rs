//! The audit log: what was decided, begun and ended, durable before anybody acts on it. [`Ledger`] writes,
//! [`Reader`] reads the same files without the host, and [`encode`](encode::encode) says what a record is.
//!
//! # Files
//! A log is one directory (mode 0700, files 0600):
//!
//! ```text
//! lock                            held by the process that writes; its content is that process's id
//! wal/00000000000000000000.seg    segments, each named by the index of its first entry
//! wal/spare                       the next segment, already filled with zeros
//! ```
//!
//! A segment is made at its full size and filled with zeros before its name appears, so that an append changes
//! no metadata and one `fdatasync` is enough. All numbers are little-endian. It begins with 64 bytes:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `F5` `GRIDWAL` |
//! | 8 | 4 | version, 1 |
//! | 12 | 4 | CRC32C of bytes 16 to 64 |
//! | 16 | 8 | index of the first entry |
//! | 24 | 16 | id of the log, random, the same in all its segments |
//! | 40 | 24 | zeros |
//!
//! Then frames follow one another at multiples of 8, up to the first one that would not fit; the rest is zeros.
//! A frame is a batch that became durable at once:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `F5` `GAF` |
//! | 4 | 1 | version, 1 |
//! | 5 | 1 | kind: 1 entries; 2 is kept for entries with a trailer |
//! | 6 | 2 | zeros |
//! | 8 | 4 | length of the whole frame, header and padding too |
//! | 12 | 4 | CRC32C of bytes 0 to 12 and 16 to the end |
//! | 16 | 8 | index of its first entry |
//! | 24 | 4 | number of entries, at least 1 |
//! | 28 | 4 | length of the trailer, 0 in kind 1 |
//! | 32 | | each entry as its length (4 bytes) and its bytes, then the trailer, then zeros to a multiple of 8 |
//!
//! Indices are consecutive from 0 over the whole log. An entry is one JSON object in RFC 8785 form, at most 1 MiB.
//!
//! # What is promised
//! Frames are written one at a time and the next only after the sync of the one before, so a stopped process
//! leaves at most one incomplete frame, the last. Opening cuts it. It also writes the last complete frame again, with
//! zeros behind it, and syncs: the process before may have been stopped before its sync, or that sync failed and
//! reading shows what the disk does not have. A frame that does not check and is followed by
//! one that does was damaged later: opening refuses. Damage to the very last frame looks like an incomplete one;
//! only what others keep (receipts, checkpoints) can tell the two apart.

#![deny(missing_docs)]

mod ack;
mod cursor;
pub mod disk;
pub mod encode;
mod error;
mod file;
mod frame;
mod ledger;
mod linger;
mod lock;
mod memory;
mod open_calls;
mod reader;
mod record;
mod recovery;
mod scan;
mod segment;
mod state;
mod storage;
mod writer;

pub use disk::{Disk, OsDisk};
pub use error::{Error, Unavailable};
pub use file::{FileOptions, FileStorage};
pub use frame::MAX_ENTRY;
pub use ledger::{Durability, Ledger, Options, Receipt, Recovered};
pub use memory::MemoryStorage;
pub use reader::{Follow, Reader, Records};
pub use record::Record;
pub use state::{Observer, Status};
pub use storage::{Entry, Storage, Tail, Visit};

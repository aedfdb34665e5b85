//! The audit log: what was decided, begun and ended, durable before anybody acts on it. [`Ledger`] writes,
//! [`Reader`] reads the same files without the host, and [`encode`](encode::encode) says what a record is.
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
//! A segment is made at its full size and filled with zeros before its name appears, so that an append changes
//! no metadata and one `fdatasync` is enough. Numbers are little-endian where nothing else is said. It begins with 4096
//! bytes:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | `F5` `GRIDWAL` |
//! | 8 | 4 | version, 2 |
//! | 12 | 4 | CRC32C of bytes 16 to 4096 |
//! | 16 | 8 | index of the first entry |
//! | 24 | 16 | id of the log, random, the same in all its segments |
//! | 40 | | the tree's edge before the first entry: hashes of its maximal complete subtrees, left to right; then zeros |
//!
//! Then frames follow one another at multiples of 8, up to the first one that would not fit; the rest is zeros.
//! A frame is a batch that became durable at once:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 4 | `F5` `GAF` |
//! | 4 | 1 | version, 1 |
//! | 5 | 1 | kind: 2, entries with a trailer |
//! | 6 | 2 | zeros |
//! | 8 | 4 | length of the whole frame, header and padding too |
//! | 12 | 4 | CRC32C of bytes 0 to 12 and 16 to the end |
//! | 16 | 8 | index of its first entry |
//! | 24 | 4 | number of entries, at least 1 |
//! | 28 | 4 | length of the trailer, 136 |
//! | 32 | | each entry as its length (4 bytes) and its bytes, then the trailer, then zeros to a multiple of 8 |
//!
//! The trailer is the root of the tree before the batch (32 bytes), the root with it (32), the id of the key
//! (4, big-endian), zeros (4), and the Ed25519 signature (64) over the text of the checkpoint with the batch.
//!
//! Indices are consecutive from 0 over the whole log. An entry is one JSON object in RFC 8785 form, at most 65,535
//! bytes; its leaf in the tree is SHA-256 over a zero byte and those bytes.
//!
//! # What is promised
//! Frames are written one at a time and the next only after the sync of the one before, so a stopped process
//! leaves at most one incomplete frame, the last. Opening cuts it. A frame that does not check and is followed by
//! one that does was damaged later: opening refuses. So it does where a batch does not continue the tree before it,
//! where the last one is not signed by the log's key, and where the log ends before a checkpoint that it published.
//! Damage to the very last frame, before anything of it was published, looks like an incomplete one; only a receipt
//! can tell the two apart.

#![deny(missing_docs)]

mod ack;
mod background;
mod chain;
mod cursor;
pub mod disk;
pub mod encode;
mod error;
mod file;
mod frame;
mod frames;
mod keys;
mod ledger;
mod linger;
mod lock;
mod memory;
mod open_calls;
mod opening;
mod publish;
mod reader;
mod record;
mod recovery;
mod rotate;
mod scan;
mod seal;
mod segment;
mod segments;
mod signatures;
mod stack;
mod state;
mod storage;
mod writer;

pub use chain::Chain;
pub use disk::{Disk, OsDisk};
pub use error::{Error, Unavailable};
pub use file::{FileOptions, FileStorage};
pub use frame::MAX_ENTRY;
pub use keys::{History, KeyError, KeySource};
pub use ledger::{Durability, Ledger, Options, Receipt, Recovered};
pub use memory::MemoryStorage;
pub use reader::{Follow, Reader, Records};
pub use record::Record;
pub use rotate::{hand_over, rotate};
pub use seal::{Stored, Trailer};
pub use segments::{Found, Sealed, Segments};
pub use signatures::Signed;
pub use state::{Observer, Status};
pub use storage::{Entry, Storage, Visit};

//! The files of an audit log, below what is in them: an entry is bytes here, a batch of them is a frame with a signature
//! over the tree. The crate writes frames so that they survive a loss of power, checks them when a log is opened, lays
//! them out as tiles for others, and reads them. What a record is, who waits for it and which key signs is
//! [grid-audit](../../src/lib.rs)'s.
//!
//! | step | file |
//! |---|---|
//! | the port to the file system, where a simulated one can take its place | [disk.rs](disk.rs), [disk/os.rs](disk/os.rs) |
//! | one writer a directory | [lock.rs](lock.rs) |
//! | opening: walk the segments, check each frame against the tree, cut what is torn | [recovery.rs](recovery.rs), [chain.rs](chain.rs) |
//! | fill a batch and sign the tree with it | [seal.rs](seal.rs), [frame.rs](frame.rs) |
//! | append the frame and sync it, in segments that were filled with zeros before | [storage.rs](storage.rs), [file.rs](file.rs), [segment.rs](segment.rs); [memory.rs](memory.rs) for tests |
//! | follow the durable frames and make them public | [frames.rs](frames.rs), [tiles.rs](tiles.rs), [stack.rs](stack.rs), [signatures.rs](signatures.rs) |
//! | read: entries for readers, batches for those who check | [cursor.rs](cursor.rs), [segments.rs](segments.rs), [scan.rs](scan.rs) |
//!
//! # Segments
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
//! Indices are consecutive from 0 over the whole log. An entry has at most 65,535 bytes; its leaf in the tree is SHA-256
//! over a zero byte and those bytes.
//!
//! # What is promised
//! Frames are written one at a time and the next only after the sync of the one before, so a stopped process
//! leaves at most one incomplete frame, the last. Opening cuts it. It also writes the last complete frame again, with
//! zeros behind it, and syncs: the process before may have been stopped before its sync, or that sync failed and
//! reading shows what the disk does not have. A frame that does not check and is followed by one that does was damaged
//! later: opening refuses. So it does where a batch does not continue the tree before it,
//! where the last one is not signed by the log's key, and where the log ends before a checkpoint that it published.
//! Damage to the very last frame, before anything of it was published, looks like an incomplete one; only a receipt
//! can tell the two apart.

#![deny(missing_docs)]

mod chain;
mod cursor;
pub mod disk;
mod error;
mod file;
mod frame;
mod frames;
mod lock;
mod memory;
mod recovery;
mod scan;
mod seal;
pub mod segment;
mod segments;
mod signatures;
mod stack;
mod storage;
mod tiles;

pub use chain::{Chain, Keys};
pub use cursor::{Cursor, Raw};
pub use disk::{Disk, OsDisk};
pub use error::Error;
pub use file::{FileOptions, FileStorage};
pub use frame::{Frame, MAX_ENTRY, NotAdded};
pub use frames::Frames;
pub use memory::MemoryStorage;
pub use seal::{Kept, Sealer, Trailer};
pub use segments::{Found, Sealed, Segments};
pub use signatures::{Signatures, Signed};
pub use storage::{Entry, Storage, Visit};
pub use tiles::Tiles;

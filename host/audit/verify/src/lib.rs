//! The auditor's tool: checks an audit log without the host that wrote it, and proves entries of it to others.
//!
//! [`verify()`] goes once over all entries of a log in a [`Directory`] or behind an address ([`Web`]), makes the tree
//! anew and holds everything that its keeper wrote or signed against it. [`Tiles`] gives hashes and entries by place;
//! [`Log`] makes proofs of them that stand alone.
//!
//! # What it cannot see
//! Whoever holds the log's key can write another log. That is seen only by somebody who kept something of the first
//! ([`Evidence`]): a checkpoint, a receipt. A log that was cut back to an earlier state of its own is such another log.
//! Nor can it see what is made up anew at every start and adds nothing: the end of `checkpoints.log` as far as the
//! segments have the same signatures, a last batch that nobody was told of, segments whose entries are in tiles.

#![deny(missing_docs)]

mod approvals;
mod checkpoints;
mod cosigned;
mod error;
mod evidence;
mod keys;
mod log;
mod marks;
mod order;
mod record;
mod report;
mod rows;
mod shelf;
mod signatures;
mod source;
mod tiles;
mod verify;
mod wal;
mod walk;
mod web;

pub use cosigned::{Cosigned, Witness};
pub use error::{Error, Failure, Unreadable};
pub use evidence::Evidence;
pub use keys::Keys;
pub use log::Log;
pub use report::{Finding, Progress, Report, Rotation};
pub use source::{Directory, MAX_FILE, Source};
pub use tiles::Tiles;
pub use verify::{Options, verify};
pub use web::Web;

//! Finds records of the audit log by what is in them. The index is one file beside the log, `index.redb`, and
//! nothing but a help: it is made of the log, may be deleted at any time, and every record that it finds is read from
//! the log and looked at before it is given.
//!
//! # The file
//! A redb database. For each field that a [`Filter`](grid_core::reading::Filter) can name, and each value of it, it
//! holds the places of the records that have it, in entries of 4,096 records each; beside that the time of every
//! record. Values stand in it as 64-bit hashes under a secret of the index's own. It names the log that it belongs
//! to by the hashes of the first and of the last entry that it has taken in.
//!
//! # What is promised
//! An answer holds every record up to the place that was asked for, or there is none. An index that is damaged, of
//! another log or of another version is thrown away and made again by itself. Memory is bounded, however long the
//! log is: 32 MiB of pages and one batch of 32,768 records.

#![deny(missing_docs)]

mod batch;
mod bits;
mod error;
mod index;
mod indexer;
mod moments;
mod query;
mod search;
mod store;
mod terms;
mod token;

pub use error::Error;
pub use index::{Index, rebuild};
pub use indexer::{Indexer, Options};
pub use query::{Found, Query, scan};

//! The audit log for others. [`export`] writes records in the formats that other tools read, [`report::Report`] says
//! who used what and who was denied what, and an [`Exporter`] follows the log and delivers it to a [`Sink`]. All of
//! them see the log as any reader does, and none of them can hold a call up.

#![deny(missing_docs)]

mod error;
mod exporter;
mod filter;
mod format;
mod leaf;
pub mod report;
mod severity;
mod sink;
mod text;

pub use error::Error;
pub use exporter::{Backoff, End, Exporter, Options, Status};
pub use filter::Filter;
pub use format::{COLUMNS, Counts, Format, Stopped, export};
pub use severity::Severity;
pub use sink::{Batch, Failure, FileOptions, FileSink, HttpSink, OtlpOptions, OtlpSink, Sink, Taken, Web, WebOptions};

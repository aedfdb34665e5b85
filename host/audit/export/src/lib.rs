//! The audit log for others. [`export`] writes records in the formats that other tools read, [`report::Report`] says
//! who used what and who was denied what, and an [`Exporter`] follows the log and delivers it to a sink. All of them
//! see the log as any reader does, and none of them can hold a call up.

#![deny(missing_docs)]

mod filter;
mod format;
mod leaf;
pub mod report;
mod severity;
mod text;

pub use filter::Filter;
pub use format::{COLUMNS, Counts, Format, Stopped, export};
pub use severity::Severity;

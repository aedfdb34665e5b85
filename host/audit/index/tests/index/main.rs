//! The index as those who use it meet it: over logs that a ledger wrote, in files that anything may happen to.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot be set up fails")]

mod common;
mod follows;
mod keeping;
mod killed;
mod queries;

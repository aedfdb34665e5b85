//! Trees against the definition, notes against those of others.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

mod notes;
mod tiles;
mod trees;
mod vectors;
mod witnesses;

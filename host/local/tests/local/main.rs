//! Grants: given, ended once, and by whom.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails should stop")]

mod common;
mod ends;
mod forged;
mod gives;
mod races;
mod restart;

//! A witness from outside: what it answers, what it never says twice, and what a host makes of bad ones.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

mod answers;
mod conformance;
mod http;
mod kit;
mod memory;
mod races;

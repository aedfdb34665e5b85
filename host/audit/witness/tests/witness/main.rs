//! A witness from outside: what it answers, what it never says twice, and what a host makes of bad ones.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at what it did not expect"
)]

mod answers;
mod conformance;
mod hostile;
mod http;
mod kit;
mod memory;
#[path = "../../../tests/promise/mod.rs"]
mod promise;
mod promised;
mod races;
mod witnessing;

//! The audit log from outside: what is promised, what survives, what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a suite fails by panicking, and its tasks end with its runtime"
)]

mod common;
mod damage;
mod failing;
mod group;
mod killed;
mod ledger;
#[path = "../promise/mod.rs"]
mod promise;
mod promised;
mod public;
mod reader;

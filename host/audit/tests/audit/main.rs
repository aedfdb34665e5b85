//! The audit log from outside: what is promised, what survives, what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a suite fails by panicking, and its tasks end with its runtime"
)]

mod common;
mod damage;
mod failing;
mod group;
mod killed;
mod ledger;
mod public;
mod reader;

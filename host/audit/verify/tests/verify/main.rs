//! Honest logs hold, whatever state their host left them in; changed ones do not, whoever changed them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a suite fails by panicking, and measures its own time"
)]

mod approvals;
mod common;
mod honest;
mod keeper;
mod live;
mod maker;
mod mutants;
mod order;
mod web;

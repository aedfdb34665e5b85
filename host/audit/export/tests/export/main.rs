//! Files, reports and sinks of a log, from outside.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test that cannot go on should stop where it is, and these wait for threads in real time"
)]

mod certificate;
mod common;
mod file;
mod following;
mod formats;
mod killed;
mod otlp;
mod parsers;
#[path = "../../../tests/promise/mod.rs"]
mod promise;
mod promised;
mod reports;
mod server;
mod web;

//! The transport from the outside: real connections on 127.0.0.1, doors that remember what they were asked.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a helper of a test fails the test")]

mod admin;
mod auditors;
mod callers;
mod doors;
mod hardening;
mod life;
mod limits;
mod locals;
mod raw;
mod runtimes;
mod secured;
mod streams;

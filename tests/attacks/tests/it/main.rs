//! Attacks against a host that runs as a process of its own. Each lasts a moment in CI and as long as ATTACK_SECONDS
//! says in `make soak-security`. While it goes on, a good client beside it is served, every call; the host neither ends
//! nor panics, and grows by no more than 64 MiB (SV-1). No test has a time to be held.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod bodies;
mod common;
mod connections;
mod floods;
mod headers;
mod messages;
mod noisy;
mod operators;
mod resets;
mod runtimes;
mod stalled;

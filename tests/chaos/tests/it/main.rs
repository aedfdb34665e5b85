//! A STRICT host under 200 calls a second, whose runtimes are processes that are killed, stopped, resumed and replaced
//! as a seed says. The log and what the runtimes wrote down themselves are held against each other. Fifteen seconds in
//! CI, CHAOS_MINUTES in `make soak-chaos`; CHAOS_SEED repeats what was chosen. No test has a time to be held.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should stop"
)]

mod chaos;
/// Hosts and callers as the end-to-end tests have them.
#[path = "../../../e2e/tests/it/common/mod.rs"]
#[expect(dead_code, unused_imports, reason = "those tests need more of it than these")]
mod common;
mod gauge;
mod herd;
mod load;
mod soak;

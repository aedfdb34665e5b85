//! Local dispatch against a host in the test's own process that believes nothing.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests say what they expect"
)]

mod dispatch;
mod fallbacks;
mod grants;
mod host;
mod kills;
mod outcomes;
mod scene;
mod service;

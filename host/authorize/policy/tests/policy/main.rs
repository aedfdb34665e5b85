//! Sets of policies: what is wrong with them, what they answer, and that nothing that fails permits.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod common;
mod decides;
mod faults;
mod properties;
mod random;
mod schemas;

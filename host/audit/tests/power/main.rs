//! AUD-2: power is lost at any operation of a ledger, again and again, also while it recovers. What it acknowledged
//! is there afterwards, it opens unattended, and every admission gets one outcome.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a suite fails by panicking, and its tasks end with its runtime"
)]

mod content;
mod failing;
mod filled;
mod full;
mod image;
mod lives;
mod machine;
mod os;
mod public;
mod random;
mod relaxed;
mod rotating;
mod seeds;
mod sim;
mod simulated;
mod story;
mod subsets;

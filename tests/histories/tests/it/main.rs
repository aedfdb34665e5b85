//! Histories of a host (RL-4). `GRID_HISTORY_SEED=… cargo test -p grid-histories one_history -- --nocapture` runs one of
//! them again; `GRID_HISTORIES` says how many are run, `GRID_HISTORY_OPS` how long they are.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod approvals;
mod check;
mod clock;
mod grants;
mod host;
mod known;
mod record;
mod registry;
mod runs;
mod sessions;
mod world;

//! Seeds of a whole host (RL-1). `GRID_SIM_SEED=… cargo test -p grid-sim one_seed -- --nocapture` runs one of them and
//! says what happened; `GRID_SIM_FIRST` and `GRID_SIM_SEEDS` say which are run. What is where: `tests/sim/README.md`.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod answers;
mod callers;
mod check;
mod disk;
mod flows;
mod holders;
mod life;
mod line;
mod operators;
mod readers;
mod runs;
mod runtimes;
mod script;
mod streams;
mod trace;
mod upwards;
mod world;

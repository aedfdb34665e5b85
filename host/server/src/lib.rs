//! The `grid` program: the only crate that sees all stages.

pub mod cli;

mod admin_door;
mod archive;
mod audit_door;
mod call_path;
mod compose;
mod front_door;
mod fulfilment;
mod host;
mod metrics;
mod pages;
mod runtime_door;
mod serve;
mod telemetry;
mod traces;
mod trail;

#[cfg(test)]
mod tests;

//! The `grid` program: the only crate that sees all stages.

pub mod cli;
pub mod config;

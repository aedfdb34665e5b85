//! What the host says of itself: log lines, and traces for a collector. Neither carries an argument.

#![deny(missing_docs)]

mod begin;
pub mod traces;

pub use begin::{Telemetry, Unusable, start};

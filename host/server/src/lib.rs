//! The host: composes all stages and serves them. The only crate that sees them all.

#![deny(missing_docs)]

mod admin_door;
mod archive;
mod audit_door;
mod call_path;
mod compose;
mod front_door;
mod fulfilment;
mod host;
mod local_door;
mod outlets;
mod pages;
mod ports;
mod runtime_door;
mod serve;
mod telemetry;
mod traces;
mod trail;

pub use compose::{audit_key_fault, audit_origin};
pub use ports::tls_fault;
pub use serve::{Failure, serve, signalled};
pub use telemetry::{Telemetry, start as start_telemetry};

#[cfg(test)]
mod tests;

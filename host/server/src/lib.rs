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
mod runtime_door;
mod serve;
mod telemetry;
mod traces;
mod trail;

pub use compose::{audit_key_fault, audit_origin, identity_faults, identity_of, manifest_faults};
pub use serve::{Failure, serve, signalled};
pub use telemetry::{Telemetry, start as start_telemetry};

#[cfg(test)]
mod tests;

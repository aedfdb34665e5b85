//! The host: composes all stages and serves them. The only crate that sees them all.

#![deny(missing_docs)]

mod admin_door;
mod approval_door;
mod archive;
mod asker;
mod attempts;
mod audit_door;
mod call_path;
mod choosing;
mod compose;
mod consent;
mod deciding;
mod descriptors;
mod drain;
mod embedded;
mod events;
mod front_door;
mod fulfilment;
mod guard;
mod home;
mod host;
mod limits;
mod local_door;
mod negotiation;
mod nested;
mod outlets;
mod pages;
mod places;
mod ports;
mod provider_door;
mod providers;
mod reusing;
mod runtime_door;
mod serve;
mod streams;
mod swapping;
mod trail;

pub use compose::{audit_key_fault, identity_faults, identity_of};
pub use deciding::decision_point_fault;
pub use embedded::{Embedded, Held};
pub use grid_telemetry::Telemetry;
pub use limits::limits_faults;
pub use ports::{secret_faults, tls_fault};
pub use providers::providers_faults;
pub use serve::{Failure, serve, signalled, start_telemetry};

#[cfg(test)]
mod tests;

//! The vocabulary that all rooms of the host share: ids, codes, refusals, frames, audit events and the ports
//! through which rooms meet. It holds no evidence of the path (each stage mints its own) and does no IO.

#![deny(missing_docs)]

pub mod clock;
pub mod consent;
pub mod envelope;
pub mod event;
pub mod explain;
pub mod feature;
pub mod frame;
pub mod gate;
pub mod lifecycle;
pub mod listing;
pub mod local;
pub mod outcome;
pub mod port;
pub mod principal;
pub mod provider;
pub mod reading;
pub mod refusal;
pub mod revocation;
pub mod roles;
pub mod runtime;
pub mod stream;

pub use grid_codes::{self as code, Code};
pub use grid_ids as id;
pub use refusal::{Refusal, Stage};

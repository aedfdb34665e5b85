//! Tools that run where their caller is, governed by the host: it decides before a tool starts and has the outcome on
//! record afterwards. A [`LocalClient`] opens sessions whose calls run here or at a runtime, as [`ExecutionMode`] says;
//! an [`Executor`] alone runs tools in programs that have no host.
#![deny(missing_docs)]

mod client;
mod clock;
mod epoch;
mod error;
mod executor;
mod fallback;
mod governed;
mod mode;
pub mod outcomes;
mod permit;
mod registry;
mod result;
mod session;

pub use client::{LocalClient, LocalClientBuilder, LocalSessionOptions};
pub use error::{Answered, FellBack, LocalError, Ran};
pub use executor::Executor;
pub use fallback::Fallback;
pub use mode::{Environment, ExecutionMode, NotAMode};
pub use outcomes::{OutcomeLog, OutcomeSettings, OutcomeStatus, RejectedOutcome};
pub use permit::{Expected, NotGranted, Permit, Trust};
pub use registry::{NotRegistered, Registry, SessionTools};
pub use result::ToolResult;
pub use session::LocalSession;

/// The example of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

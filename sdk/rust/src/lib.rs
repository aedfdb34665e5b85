//! Callers and runtimes of a GRID host. A [`Client`] opens sessions and calls tools; a [`Runtime`] serves tools that
//! [`macro@tool`] makes from plain functions. Both speak `grid.v1` and trust no answer that does not prove itself.
#![deny(missing_docs)]

// The macros name this crate by its public name, here as elsewhere.
extern crate self as grid_sdk;

pub mod admin;
pub mod approvals;
pub mod auditor;
mod backoff;
pub mod client;
mod clock;
mod connect;
pub mod error;
mod receipt;
pub mod runtime;
mod token;

pub use admin::{Admin, AdminBuilder};
pub use approvals::{Approvals, ApprovalsBuilder, Verdict, WaitingCall};
pub use auditor::{Auditor, AuditorBuilder};
pub use backoff::Backoff;
pub use client::{
    Approval, AuthorizeOptions, CallAnswer, CallOptions, CallStream, Client, ClientBuilder, Grant, GrantWatch,
    Invalidation, Listing, Outcome, Piece, Report, Retries, Session, SessionOptions, StreamEnd, Tried, arguments,
};
pub use error::{Error, Refusal, ToolFailure};
pub use receipt::{Checkpoint, Receipt, Unproved, VerifyingKey};

/// Makes a function a tool that a [`Runtime`] can serve.
///
/// The declaration is read from the function: its name, the first paragraph of its doc comment, its parameters, and
/// their texts from a list under `# Arguments` or from doc comments on the parameters themselves. `name = "…"` and
/// `description = "…"` go before both. A tool without a description does not compile, nor does a parameter without
/// an ADM type; the message names it.
///
/// ```
/// /// Greets somebody.
/// #[grid_sdk::tool]
/// fn greet(
///     /// Whom to greet.
///     name: &str,
///     /// How often; once where it is left out.
///     times: Option<u8>,
/// ) -> String {
///     format!("hello {name}! ").repeat(times.unwrap_or(1).into())
/// }
///
/// // The name stays callable, for tests and for other code.
/// assert_eq!(greet("Ada", None), "hello Ada! ");
/// ```
///
/// ```compile_fail
/// /// Takes what ADM cannot hold.
/// #[grid_sdk::tool]
/// fn take(count: u64) {}
/// ```
///
/// ```compile_fail
/// struct Unknown;
///
/// /// Takes a type that does not derive `ToolType`.
/// #[grid_sdk::tool]
/// fn take(thing: Unknown) {}
/// ```
///
/// ```compile_fail
/// #[grid_sdk::tool]
/// fn undescribed() {}
/// ```
pub use grid_sdk_macros::tool;

pub use grid_sdk_macros::ToolType;
pub use grid_sdk_tool::{Code, IntoTool, Tool, ToolError, ToolType};
pub use runtime::{Context, Emitter, Mode, Phase, Runtime, RuntimeBuilder, State, Status, stop_signal};

/// What the macros write about. Nothing here is meant to be named by hand.
#[doc(hidden)]
pub mod macro_support {
    pub use grid_sdk_tool::read::{Fields, Reader};
    pub use grid_sdk_tool::schema::{Properties, Schema, Schemas};
    pub use grid_sdk_tool::{Answer, Boxed, PlainAnswer, Returned, Work, tool};
    pub use serde_json::Value;
}

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;

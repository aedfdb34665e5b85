//! Callers and runtimes of a GRID host. A [`Client`] opens sessions and calls tools; a [`Runtime`] serves tools that
//! [`tool`] makes from plain functions. Both speak `grid.v1` and trust no answer that does not prove itself.
#![deny(missing_docs)]

// The macros name this crate by its public name, here as elsewhere.
extern crate self as grid_sdk;

pub mod admin;
mod backoff;
pub mod client;
mod clock;
mod code;
mod connect;
pub mod error;
pub mod runtime;
mod token;
mod tool;

pub use admin::{Admin, AdminBuilder};
pub use backoff::Backoff;
pub use client::{CallAnswer, CallOptions, Client, ClientBuilder, Listing, Outcome, Retries, Session, SessionOptions};
pub use code::Code;
pub use error::{Error, Refusal, ToolFailure};
pub use grid_sdk_macros::{ToolType, tool};
pub use runtime::{Mode, Runtime, RuntimeBuilder, State, Status, stop_signal};
pub use tool::{IntoTool, Tool, ToolError, ToolType};

/// What the macros write about. Nothing here is meant to be named by hand.
#[doc(hidden)]
pub mod macro_support {
    pub use crate::tool::read::{Fields, Reader};
    pub use crate::tool::schema::{Properties, Schema, Schemas};
    pub use crate::tool::{Answer, Boxed, PlainAnswer, Returned, Work, tool};
    pub use serde_json::Value;
}

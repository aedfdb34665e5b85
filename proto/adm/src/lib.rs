//! The ALTAR data model: its structures, their JSON form, their rules, and the checking of arguments.
//!
//! The way of a text: [`json::parse`] reads it strictly into a [`Value`]; [`ToolManifest`] and its like take a value and answer
//! all [`Problem`]s at once; an [`ArgumentChecker`] is compiled from a contract's [`Schema`] and checks each call; [`digest`]
//! hashes canonical bytes; [`lint`] puts all of it behind `grid adm check`.
//!
//! This crate knows nothing of hosts, sessions or wires. Rules are cited by their numbers: R for requirements, Q for questions
//! that the specification leaves open.

#![deny(missing_docs)]

mod arguments;
pub mod canonical;
mod digest;
pub mod json;
pub mod limits;
pub mod lint;
mod model;
mod problem;
mod read;
pub mod rule;
mod shape;
mod value;

pub use arguments::{ArgumentChecker, ExtraArgs, NotAPolicy};
pub use digest::{Digest, Digesting, NotADigest, contract_digest, digest};
pub use lint::{Kind, check};
pub use model::{
    ErrorObject, FunctionCall, FunctionDeclaration, Outcome, Schema, SchemaType, Tool, ToolContract, ToolManifest,
    ToolResult,
};
pub use problem::{Problem, Severity};
pub use read::Mode;
pub use shape::{Names, shape};
pub use value::{Map, NotANumber, Number, Value};

/// The version of the data model that this crate implements.
pub const ADM_VERSION: &str = "1.0.0";

//! Strict reading of JSON at the edge: the first thing that happens to arguments, manifests and results.
//! Takes text or bytes, gives a [`Value`] with number tokens as written.
//! Refuses whatever two parsers may read differently (R-172, Q53): duplicate keys, lone surrogates, numbers no double can hold,
//! excess depth, excess size, anything after the value.

mod error;
mod parser;
mod scan;

pub use error::{Error, Fault};

use crate::Value;
use crate::limits;

/// What a text may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Levels of arrays and objects; a scalar has none.
    pub depth: usize,
    /// Values, containers included.
    pub nodes: usize,
}

impl Limits {
    /// For arguments, calls and results: 64 levels, 100,000 values.
    pub const DATA: Self = Self { depth: limits::JSON_DEPTH, nodes: limits::JSON_NODES };
    /// For documents that hold schemas: deep enough for a schema of 64 levels, so that the schema's own rule speaks.
    pub const DEFINITION: Self = Self { depth: limits::DEFINITION_DEPTH, nodes: limits::JSON_NODES };
    /// For manifests, which hold as many definitions as a host serves.
    pub const MANIFEST: Self = Self { depth: limits::DEFINITION_DEPTH, nodes: limits::MANIFEST_NODES };
}

/// Reads one JSON text within [`Limits::DATA`].
///
/// # Errors
/// See [`Fault`]; the error tells where and what to do.
pub fn parse(text: &str) -> Result<Value, Error> {
    parse_within(text, Limits::DATA)
}

/// Reads one JSON text within `limits`. Depth is limited to 256 whatever `limits` says, since reading recurses.
///
/// # Errors
/// See [`Fault`].
pub fn parse_within(text: &str, limits: Limits) -> Result<Value, Error> {
    let limits = Limits { depth: limits.depth.min(256), ..limits };
    parser::Parser::new(text, limits).document()
}

/// Reads one JSON text from bytes within `limits`; see [`parse_within`].
///
/// # Errors
/// See [`Fault`]; bytes that are not UTF-8 are [`Fault::Utf8`].
pub fn parse_bytes(bytes: &[u8], limits: Limits) -> Result<Value, Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => parse_within(text, limits),
        Err(error) => Err(Error::new(Fault::Utf8, error.valid_up_to())),
    }
}

#[cfg(test)]
mod tests;

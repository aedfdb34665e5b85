//! Calls from within a call.

/// So many calls may be within one another, the client's own included.
pub(crate) const DEPTH: usize = 8;

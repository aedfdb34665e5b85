//! Where contracts come from, and what may be wrong with that: [`names`] that pass for others, [`lint`] of what models
//! read, the [`signature`] of a manifest and its [`version`], which only rises. Values in, answers out; no IO.

pub mod lint;
pub mod names;
pub mod signature;
pub mod version;

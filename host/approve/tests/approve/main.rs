//! Approvals from the outside: who may decide, what an approval is for, how long it is good, and that of many at once one
//! wins.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop")]

mod common;
mod decides;
mod races;
mod waits;

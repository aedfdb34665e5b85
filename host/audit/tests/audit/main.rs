//! The audit log from outside: what is promised, what survives, what is refused.

mod common;
mod ledger;

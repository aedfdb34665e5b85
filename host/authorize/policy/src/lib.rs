//! What operators say who may do: Cedar policies and a graph of roles, read from a directory and checked against the
//! contracts. A [`PolicySet`] decides as an authorizer: the roles of the contract and the policies both have to permit.

#![deny(missing_docs)]

mod args;
pub mod cases;
mod decide;
mod explain;
mod fault;
mod graph;
pub mod junit;
mod page;
mod probe;
mod reads;
pub mod replay;
mod request;
mod roles;
mod rule;
mod schema;
mod set;
mod slice;
mod source;
mod validate;

pub use decide::{NONE, TWO_ROLES};
pub use explain::{Explanation, Standing};
pub use fault::{Fault, Place, Warning};
pub use graph::{Binding, Ring, RoleGraph, Whom};
pub use probe::{Answer, NotAQuestion, Probe};
pub use rule::Rule;
pub use schema::{CALL, DYNAMIC};
pub use set::{Loaded, PolicySet};

//! Stage: authorize. Takes a [`ContractedCall`], gives a [`PermittedCall`] with the decision that permits it.
//! Refuses with PERMISSION_DENIED. Deny is the default: no roles, an error and a time-out all deny.

mod cache;
mod decision;
mod roles;

pub use cache::{Authorize, Settings};
pub use decision::{Decision, PermittedCall};
pub use grid_contract::{Contract, ContractedCall, Local, Session};
pub use roles::Roles;

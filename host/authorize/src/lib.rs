//! Stage: authorize. Takes a [`ContractedCall`], gives a [`PermittedCall`] with the decision that permits it.
//! Refuses with PERMISSION_DENIED. Deny is the default: no roles, an error and a time-out all deny.

mod chain;
mod decision;
mod kept;
mod roles;
mod shadow;
mod snapshot;
mod stage;
mod sync;
mod via;

pub use chain::Chain;
pub use decision::{Decision, Needs, PermittedCall};
pub use grid_contract::{Contract, ContractedCall, Local, Session};
pub use roles::Roles;
pub use shadow::{Observed, Said, Shadow};
pub use snapshot::Beginning;
pub use stage::{Authorize, Disclosure, Foreseen, Listed, Settings};

pub(crate) use stage::Deciding;

//! Stage: local. Takes a [`DigestedCall`], gives a [`Held`] place among the grants that are open, and, when the log's
//! [`Receipt`](grid_audit::Receipt) for its admission is there, an [`Issued`] grant. It takes the place of resolve and
//! dispatch for a call that its caller runs. Refuses with FEATURE_UNAVAILABLE where the contract forbids that, and with
//! RATE_LIMIT_EXCEEDED or RESOURCE_EXHAUSTED where too many grants are open.
//!
//! A grant ends once: reported, given back, run out or revoked. Each is an [`Ending`], which writes the conclusion and
//! then settles the grant; one that is dropped before that leaves it open.

#![deny(missing_docs)]

mod claim;
mod ending;
mod grant;
mod held;
mod places;
mod rejected;
mod slot;
mod table;

pub use claim::Claim;
pub use ending::{End, Ending};
pub use grant::Grant;
pub use grid_approve::{Approved, DigestedCall};
pub use grid_session::Ticket;
pub use held::{Held, Issued};
pub use rejected::Rejected;
pub use table::{GivenUp, Grants, Redeemed, Settings};

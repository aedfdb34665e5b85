//! Stage: approve. [`judge`] takes a call whose arguments are known and asks what only they decide; [`Approvals`] has it
//! wait for a person where one has to say yes. Gives an [`Approved`] call. Refuses with PERMISSION_DENIED, and with
//! RESOURCE_EXHAUSTED where too many wait.

#![deny(missing_docs)]

mod approvals;
mod approved;
mod asked;
mod ending;
mod request;
mod table;

pub use approvals::{Approvals, Settings};
pub use approved::{Approved, Checked, Consent, Judged, judge};
pub use asked::Asked;
pub use ending::{End, Ending};
pub use grid_authorize::{Decision, Needs};
pub use grid_validate::{CheckedCall, Contract, DigestedCall, Session};
pub use request::{Asking, Request, Waiter};

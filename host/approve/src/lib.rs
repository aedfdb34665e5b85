//! Stage: approve. [`judge`] takes a call whose arguments are known and asks what only they decide; [`Approvals`] has it
//! wait for a person where one has to say yes. Gives an [`Approved`] call. Refuses with PERMISSION_DENIED.

#![deny(missing_docs)]

mod approved;

pub use approved::{Approved, Checked, Consent, Judged, judge};
pub use grid_authorize::{Decision, Needs};
pub use grid_validate::{CheckedCall, Contract, DigestedCall, Session};

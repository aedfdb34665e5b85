//! Stage: session. Takes a [`Caller`] and the session id of the request, gives a [`SessionCall`]. Refuses with
//! INVALID_SESSION or SESSION_EXPIRED. A session that belongs to somebody else is as good as unknown.

mod calls;
mod evidence;
mod session;
mod table;

pub use calls::{Claim, Ended, Stopper, Ticket};
pub use evidence::{SessionCall, SessionRequest};
pub use grid_identity::Caller;
pub use session::Session;
pub use table::{End, Limits, Opening, Sessions};

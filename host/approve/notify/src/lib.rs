//! Tells a web address of each call that begins to wait for a person, signed, on a thread of its own. It never holds a
//! call up: what does not fit its queue, and what the address does not take in a few tries, is counted and given up,
//! because whoever decides finds the call in the list all the same.

#![deny(missing_docs)]

mod notice;
mod secret;
mod thread;

pub use notice::Notice;
pub use secret::{Fault, Secret, Signature};
pub use thread::{Notifier, Options, Outcome};

/// The signature's header: `t=` and the second since 1970, `,v1=` and the HMAC-SHA256 of `t`, a full stop and the body.
pub const SIGNATURE: &str = "Grid-Signature";

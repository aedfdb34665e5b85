//! Every state of the protocol of intent, dispatch, outcome, grant and revocation (RL-2). The design holds in all of
//! them; each of the design bugs in `Bug` leads to one in which it does not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on should stop")]

mod bugs;
mod design;
mod promises;
mod state;
mod steps;

//! Every state of the protocol of intent, dispatch, outcome, grant and revocation (RL-2). The design holds in all of
//! them; each of the design bugs in `Bug` leads to one in which it does not.

mod bugs;
mod design;
mod promises;
mod state;
mod steps;

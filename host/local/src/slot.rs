//! One grant in the table: open, being ended by somebody, or over.

use std::{sync::Arc, time::Duration};

use grid_core::{Code, Refusal, Stage, event::Outcome};
use grid_session::Ticket;
use tokio::sync::oneshot;

use crate::{End, Grant, claim::Told, places::Place};

#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) grant: Arc<Grant>,
    pub(crate) state: State,
    /// How it has to end, once that is settled: its rights have ended, or somebody was told so. Nothing later changes it.
    pub(crate) bound: Option<End>,
}

#[derive(Debug)]
pub(crate) enum State {
    Open(Hold),
    /// Its conclusion is being written.
    Ending {
        hold: Hold,
        end: End,
        told: Option<Told>,
        waiting: Vec<oneshot::Sender<End>>,
    },
    Over {
        settled: Settled,
        at: Duration,
    },
    /// Between two of them; never seen from outside the lock.
    Moving,
}

/// What a grant holds until it is over.
#[derive(Debug)]
pub(crate) struct Hold {
    pub(crate) place: Place,
    /// Of its call_id; one that an earlier process gave has none, because its session is gone.
    pub(crate) ticket: Option<Ticket>,
}

/// How a grant ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settled {
    pub(crate) end: End,
    pub(crate) told: Option<Told>,
}

impl Slot {
    /// Only of an open one; callers have looked.
    pub(crate) fn begin(&mut self, end: End, told: Option<Told>) {
        self.state = match std::mem::replace(&mut self.state, State::Moving) {
            State::Open(hold) => State::Ending { hold, end, told, waiting: Vec::new() },
            other => other,
        };
    }
}

/// What becomes of the call_id. One that was given back may be used again, for a runtime too; so may one of a call that
/// does no harm twice. Otherwise it stays used, because its caller ran the call or may have.
pub(crate) fn close(ticket: Ticket, grant: &Grant, settled: Settled, now: Duration) {
    let succeeded = settled.told.is_some_and(|told| told.outcome == Outcome::Success);
    if settled.end == End::Cancelled || (grant.is_repeatable() && !succeeded) {
        return;
    }
    let message = "the call with this `call_id` was its caller's to run, under a grant; use a new one for another call";
    let refusal = Refusal::new(Code::MalformedRequest, Stage::Repeat, message);
    ticket.end(&Err(refusal), true, now);
}

//! A call that is about to wait, and who waits with it.

use std::{fmt, sync::Arc};

use grid_core::{
    Refusal,
    event::{Event, Kind},
    id::ApprovalId,
};
use tokio::sync::watch;

use crate::{Asked, End, approvals::Inner};

/// What became of asking for a person.
#[derive(Debug)]
pub enum Asking {
    /// Nobody was asked about this call before.
    New(Request),
    /// Somebody was, and has not decided.
    Waiting(Arc<Asked>),
    /// Somebody said yes, and it is not used up.
    Allowed(ApprovalId),
    /// It is over.
    Over(Refusal),
}

/// A place among the calls that wait, whose record is still to be written. Dropped, it gives the place back.
pub struct Request {
    pub(crate) inner: Arc<Inner>,
    pub(crate) asked: Arc<Asked>,
    pub(crate) opened: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("asked", &self.asked).finish_non_exhaustive()
    }
}

impl Request {
    /// What it is about.
    #[must_use]
    pub fn asked(&self) -> &Arc<Asked> {
        &self.asked
    }

    /// The record that must be in the log before anybody may decide.
    #[must_use]
    pub fn event(&self) -> Event {
        Event {
            verdict: Some("ask"),
            expires_ms: Some(self.asked.expires_at_ms),
            args_bytes: self.asked.args_bytes,
            detail: Some(format!("waits for a person with the role `{}`", self.asked.need.role)),
            ..self.asked.event(Kind::ApprovalRequested, self.asked.requested_at_ms)
        }
    }

    /// It is written down: those who may decide see it.
    #[must_use]
    pub fn open(mut self) -> Waiter {
        self.opened = true;
        Waiter(self.inner.open(self.asked.approval))
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if !self.opened {
            self.inner.withdraw(self.asked.approval);
        }
    }
}

/// Waits for the end. Dropping it ends nothing.
#[derive(Debug)]
pub struct Waiter(pub(crate) Option<watch::Receiver<Option<End>>>);

impl Waiter {
    /// Completes when the end is written down.
    pub async fn ended(&mut self) {
        if let Some(end) = &mut self.0 {
            // A sender that is gone has forgotten it, which is an end too.
            let _ = end.wait_for(Option::is_some).await;
        }
    }
}

//! How the wait for a person ends, and the right to end it: one at a time, and over only once it is written down.

use std::{fmt, sync::Arc};

use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind},
    principal::Principal,
};

use crate::{Asked, approvals::Inner};

/// A longer word of a person's is cut.
const LONGEST_REASON: usize = 512;

/// How it ended.
#[derive(Debug, Clone)]
pub enum End {
    /// Somebody said yes.
    Allowed {
        /// Who.
        by: Arc<Principal>,
        /// Their own words.
        reason: String,
    },
    /// Somebody said no.
    Denied {
        /// Who.
        by: Arc<Principal>,
        /// Their own words.
        reason: String,
    },
    /// Nobody said anything in time.
    Expired,
    /// Rights were made void meanwhile.
    Revoked,
    /// The call was cancelled, or its session ended.
    Cancelled,
    /// The host stops.
    Stopped,
}

impl End {
    /// As the log writes it.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        match self {
            Self::Allowed { .. } => "allow",
            Self::Denied { .. } => "deny",
            Self::Expired => "expired",
            Self::Revoked | Self::Cancelled | Self::Stopped => "void",
        }
    }

    /// Why the call does not go on; nothing where somebody said yes.
    pub(crate) fn refusal(&self, asked: &Asked) -> Option<Refusal> {
        let role = &asked.need.role;
        let (code, message) = match self {
            Self::Allowed { .. } => return None,
            Self::Denied { .. } => {
                (Code::PermissionDenied, format!("a person with the role `{role}` has denied this call"))
            }
            Self::Expired => {
                let message = "nobody with the role `{role}` approved this call in time, so it is denied; ask them, and \
                               call again under a new `call_id`";
                (Code::PermissionDenied, message.replace("{role}", role))
            }
            Self::Revoked => {
                let message = "rights were made void while the call waited for a person, and its approval with them; \
                               call again under a new `call_id`";
                (Code::PermissionDenied, message.to_owned())
            }
            Self::Cancelled => {
                (Code::Cancelled, "the call was cancelled while it waited for a person; nothing ran".to_owned())
            }
            Self::Stopped => {
                let message = "the host stops and the call still waited for a person; call again when it is back";
                (Code::ServiceUnavailable, message.to_owned())
            }
        };
        let refusal = Refusal::new(code, Stage::Approve, message).with("approval_id", asked.approval.to_string());
        Some(refusal.with("sent", "false"))
    }
}

/// The right to end it. Dropped without [`Ending::settle`] it waits on, because nobody could write the end down.
pub struct Ending {
    pub(crate) inner: Arc<Inner>,
    pub(crate) asked: Arc<Asked>,
    pub(crate) end: Option<End>,
}

impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending").field("approval", &self.asked.approval).field("end", &self.end).finish()
    }
}

impl Ending {
    /// What it is about.
    #[must_use]
    pub fn asked(&self) -> &Arc<Asked> {
        &self.asked
    }

    /// As the log writes it.
    #[must_use]
    pub fn verdict(&self) -> &'static str {
        self.end.as_ref().map_or("void", End::verdict)
    }

    /// The record that must be in the log before anything comes of it. Its principal is who decided; where nobody did,
    /// who asked for the call.
    #[must_use]
    pub fn event(&self, at_ms: u64) -> Event {
        let event = self.asked.event(Kind::ApprovalDecided, at_ms);
        let (principal, detail) = match &self.end {
            Some(End::Allowed { by, reason } | End::Denied { by, reason }) => (by, in_their_words(reason)),
            Some(End::Expired) => (&self.asked.principal, Some("nobody decided in time".to_owned())),
            Some(End::Revoked) => (&self.asked.principal, Some("rights were made void meanwhile".to_owned())),
            Some(End::Cancelled) => (&self.asked.principal, Some("the call was cancelled".to_owned())),
            Some(End::Stopped) | None => (&self.asked.principal, Some("the host stopped".to_owned())),
        };
        Event { principal: Some(Arc::clone(principal)), verdict: Some(self.verdict()), detail, ..event }
    }

    /// It is written down: whoever waits hears of it.
    pub fn settle(mut self) {
        if let Some(end) = self.end.take() {
            self.inner.settle(self.asked.approval, end);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if self.end.take().is_some() {
            self.inner.reopen(self.asked.approval);
        }
    }
}

/// What a person wrote is marked as that: nobody checked it.
fn in_their_words(reason: &str) -> Option<String> {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let reason: String = reason.trim().chars().take(LONGEST_REASON).map(plain).collect();
    (!reason.is_empty()).then(|| format!("in their own words: {reason}"))
}

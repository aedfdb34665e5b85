//! Whether and when a request is sent again. Only where the host allows it, or the fault is transient and a repeat
//! cannot do harm: nothing was sent yet, or the request is idempotent (a call is, by its call id). R-069.

use std::time::Duration;

use super::Refused;
use crate::Code;
use crate::backoff::Backoff;
use crate::clock;
use crate::error::{Error, Refusal};

/// The host's own TIMEOUT is worth waiting for: it says more than ours.
const SLACK: Duration = Duration::from_secs(2);

/// How requests are repeated where repeating is allowed at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// The most repeats of one request.
    pub most: u32,
    /// The pauses between them.
    pub backoff: Backoff,
    /// A host that asks for a longer pause than this gets no repeat; its refusal is returned instead.
    pub longest_pause: Duration,
}

impl Retries {
    /// Every fault is returned at once.
    #[must_use]
    pub const fn none() -> Self {
        Self::up_to(0)
    }

    /// The usual pauses, but at most so many repeats.
    #[must_use]
    pub const fn up_to(most: u32) -> Self {
        Self {
            most,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(10)),
            longest_pause: Duration::from_secs(30),
        }
    }
}

impl Default for Retries {
    /// Three repeats.
    fn default() -> Self {
        Self::up_to(3)
    }
}

/// What a repeat can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Safety {
    /// The host answers a repeat as it answered the first time.
    Idempotent,
    /// A repeat may act twice, unless nothing was sent.
    OnlyUnsent,
}

/// One request on its way, over all its tries.
#[derive(Debug)]
pub(super) struct Attempt<'a> {
    pub(super) correlation_id: &'a str,
    safety: Safety,
    retries: Retries,
    deadline_unix_ms: Option<u64>,
    people: Duration,
    tries: u32,
    repeated: bool,
    refreshed: bool,
}

impl<'a> Attempt<'a> {
    pub(super) const fn new(correlation_id: &'a str, safety: Safety, retries: Retries) -> Self {
        Self {
            correlation_id,
            safety,
            retries,
            deadline_unix_ms: None,
            people: Duration::ZERO,
            tries: 0,
            repeated: false,
            refreshed: false,
        }
    }

    pub(super) fn retried(mut self, retries: Option<Retries>) -> Self {
        self.retries = retries.unwrap_or(self.retries);
        self
    }

    pub(super) const fn until(mut self, deadline_unix_ms: Option<u64>) -> Self {
        self.deadline_unix_ms = deadline_unix_ms;
        self
    }

    /// People may take so long, beside what the answer takes.
    pub(super) const fn waiting(mut self, people: Duration) -> Self {
        self.people = people;
        self
    }

    /// How long to wait for an answer of this try.
    pub(super) fn patience(&self, longest: Duration) -> Duration {
        let longest = longest.saturating_add(self.people);
        self.left().map_or(longest, |left| (left + SLACK).min(longest))
    }

    fn left(&self) -> Option<Duration> {
        self.deadline_unix_ms.map(|deadline| clock::left_until(deadline).unwrap_or_default())
    }

    /// No answer came in time.
    pub(super) fn late(&self) -> Error {
        Error::late(self.correlation_id)
    }

    /// The host refused this try.
    pub(super) fn refused(&mut self, refused: Refused) -> Error {
        self.repeated = refused.repeated;
        let mut refusal = Refusal::from(refused.error);
        refusal.invocation_id = refused.invocation_id;
        refusal.receipt = refused.receipt;
        refusal.attempts = refused.attempts;
        if refusal.correlation_id.is_empty() {
            self.correlation_id.clone_into(&mut refusal.correlation_id);
        }
        Error::Refused(Box::new(refusal))
    }

    /// Once a request, a refused credential is worth a look at the token file: nothing was admitted.
    pub(super) fn may_refresh(&mut self, error: &Error) -> bool {
        let may = !self.refreshed && *error.code() == Code::INVALID_CREDENTIALS;
        self.refreshed |= may;
        may
    }

    /// Waits until the next try, or returns the error where there must be none.
    pub(super) async fn wait_or_give_up(&mut self, error: Error) -> Result<(), Error> {
        let Some(pause) = self.pause(&error) else {
            return Err(error);
        };
        tracing::debug!(
            code = %error.code(),
            correlation_id = self.correlation_id,
            tries = self.tries,
            pause_ms = clock::millis(pause),
            "trying again"
        );
        tokio::time::sleep(pause).await;
        Ok(())
    }

    fn pause(&mut self, error: &Error) -> Option<Duration> {
        self.tries = self.tries.saturating_add(1);
        let (bound, asked) = self.allowed(error)?;
        if self.tries > bound.min(self.retries.most) {
            return None;
        }
        let pause = self.retries.backoff.wait(self.tries, asked);
        let in_time = self.left().is_none_or(|left| pause < left);
        (in_time && pause <= self.retries.longest_pause).then_some(pause)
    }

    /// The most repeats that this error allows, and the pause that the host asked for.
    fn allowed(&self, error: &Error) -> Option<(u32, Option<Duration>)> {
        match error {
            // A recorded outcome stays what it is, however often it is asked for.
            Error::Refused(refusal) if refusal.retry_allowed && !self.repeated => {
                Some((refusal.max_retries.unwrap_or(u32::MAX), refusal.retry_after))
            }
            Error::Transport(fault) if fault.transient && (fault.before_send || self.safety == Safety::Idempotent) => {
                Some((u32::MAX, None))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;

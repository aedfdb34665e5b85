//! An attached runtime, as the stages see it: a card that says what it is, and a line to hand it calls.

use std::{
    fmt::Debug,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::oneshot;

use crate::{
    feature::Features,
    frame::CallFrame,
    id::{ConnectionId, InvocationId, RuntimeId, TenantId},
    lifecycle::Beat,
    outcome::ToolAnswer,
    principal::{self, RuntimeScope},
    stream::Pipe,
};

/// How much a runtime has to do. Written by the link, read by the resolver; no lock.
#[derive(Debug, Default)]
pub struct Load {
    in_flight: AtomicU32,
    idle_since: AtomicU64,
    calls: AtomicU64,
    failures: AtomicU64,
    draining: AtomicBool,
    /// Calls that it can hold by its own account; 0 while it has said nothing.
    slots: AtomicU32,
    busy_percent: AtomicU32,
}

impl Load {
    /// Takes a place if fewer than `limit` are taken.
    #[must_use]
    pub fn enter(&self, limit: u32) -> bool {
        let entered = self
            .in_flight
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| (now < limit).then(|| now + 1))
            .is_ok();
        if entered {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        entered
    }

    /// Gives the place back.
    pub fn leave(&self, now: Duration, failed: bool) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.idle_since.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Release);
        if failed {
            self.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Calls handed over and not ended.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    /// Clock reading, in nanoseconds, when the last call ended; 0 before the first.
    #[must_use]
    pub fn idle_since(&self) -> u64 {
        self.idle_since.load(Ordering::Acquire)
    }

    /// Calls ever handed over.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that ended without the tool's own success.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Takes what the runtime says of itself.
    pub fn report(&self, beat: &Beat) {
        if beat.free_slots > 0 {
            self.slots.store(beat.in_flight.saturating_add(beat.free_slots), Ordering::Relaxed);
        }
        self.busy_percent.store(beat.load_percent.min(100), Ordering::Relaxed);
    }

    /// Calls that it can hold by its own account, those in flight among them; `None` before it has named a number. A
    /// beat that names none leaves the one before: a full runtime has no slot to name.
    #[must_use]
    pub fn slots(&self) -> Option<u32> {
        Some(self.slots.load(Ordering::Relaxed)).filter(|slots| *slots > 0)
    }

    /// How busy it is by its own account, 0 to 100.
    #[must_use]
    pub fn busy_percent(&self) -> u32 {
        self.busy_percent.load(Ordering::Relaxed)
    }

    /// It asked for no new calls.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// From now on it gets no new calls.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }
}

/// What a runtime is.
#[derive(Debug)]
pub struct Card {
    /// Proved: its provider part is the principal of the connection.
    pub id: RuntimeId,
    /// The tenant it may serve, or `*`.
    pub tenant: TenantId,
    /// What `*` means for it, where that is not every tenant.
    pub scope: Option<Arc<RuntimeScope>>,
    /// Of this attachment.
    pub connection: ConnectionId,
    /// As announced.
    pub language: String,
    /// As announced.
    pub version: String,
    /// Milliseconds since 1970.
    pub attached_at_ms: u64,
    /// Calls at most in flight, as the host is set; see [`Card::most`].
    pub limit: u32,
    /// What it and the host agreed to use.
    pub features: Features,
    /// How busy it is.
    pub load: Load,
}

impl Card {
    /// Calls at most in flight: the host's limit, or the runtime's own where that is lower.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.load.slots().map_or(self.limit, |slots| slots.min(self.limit))
    }

    /// The provider that the runtime serves.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.id.provider()
    }

    /// Whether it may serve calls of `tenant`.
    #[must_use]
    pub fn serves(&self, tenant: &TenantId) -> bool {
        principal::serves(&self.tenant, self.scope.as_deref(), tenant)
    }

    /// What it serves, for people: a tenant, `*`, or names with commas.
    #[must_use]
    pub fn tenants(&self) -> String {
        principal::shown(&self.tenant, self.scope.as_deref())
    }
}

/// How a call that was handed over came back.
#[derive(Debug)]
pub enum Ending {
    /// With an answer from the runtime that was called, for this call.
    Answered(ToolAnswer),
    /// The last piece of its result is in the pipe.
    Streamed,
    /// With an answer that is not one: other call_id, other name, neither content nor error.
    Violated(String),
    /// With an answer that no message can hold.
    TooLarge {
        /// Bytes that it had.
        found: usize,
        /// Bytes that it may have.
        limit: usize,
    },
    /// The runtime went away.
    Crashed(String),
}

/// A frame could not be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// The connection is gone.
    Gone,
    /// Its queue is full.
    Busy,
}

/// A line to one runtime. Implemented by the link, used by dispatch.
pub trait Runtime: Debug + Send + Sync + 'static {
    /// What it is.
    fn card(&self) -> &Card;

    /// Hands a call over; its ending comes through the receiver, exactly once.
    ///
    /// # Errors
    /// [`Unreachable`] where the frame was certainly not sent.
    fn start(&self, call: CallFrame) -> Result<oneshot::Receiver<Ending>, Unreachable>;

    /// As [`Self::start`], and what the runtime says before the end comes through `pipe`. A runtime that cannot stream
    /// gets the call as one that is not streamed.
    ///
    /// # Errors
    /// As [`Self::start`].
    fn start_heard(&self, call: CallFrame, pipe: Arc<Pipe>) -> Result<oneshot::Receiver<Ending>, Unreachable>;

    /// Lets the runtime send so many bytes more of a stream; false where that could not be said now.
    #[must_use]
    fn grant(&self, invocation: InvocationId, bytes: u64) -> bool;

    /// Asks the runtime to stop; whatever it answers later is late.
    fn cancel(&self, invocation: InvocationId, reason: &str);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_that_names_its_slots_gets_no_more_calls_than_that() {
        let load = Load::default();
        assert_eq!(load.slots(), None);
        load.report(&Beat { in_flight: 3, free_slots: 5, load_percent: 250, ..Beat::default() });
        assert_eq!((load.slots(), load.busy_percent()), (Some(8), 100));
        load.report(&Beat { in_flight: 8, free_slots: 0, ..Beat::default() });
        assert_eq!(load.slots(), Some(8), "a full runtime has no slot to name");
    }
}

//! What an exporter says of itself while it runs, and how it is told to stop.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// An exporter at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// The index of the record that the sink gets next; what is before it has been delivered.
    pub next: u64,
    /// Records that the log has and the sink has not; absent until it was counted.
    pub lag: Option<u64>,
    /// Records that were delivered since the start.
    pub delivered: u64,
    /// Batches that were delivered since the start.
    pub batches: u64,
    /// Records that the sink refused for good since the start; `exports/<name>.rejected` says where they stand.
    pub rejected: u64,
    /// Deliveries that failed since the start.
    pub failures: u64,
    /// Why the last one failed, or what the sink had to say; stays until a batch is taken without a word.
    pub last_error: Option<String>,
    /// Since when nothing is delivered, in milliseconds since 1970; absent while all is well.
    pub down_since_ms: Option<u64>,
    /// When a batch was delivered last, in milliseconds since 1970.
    pub delivered_at_ms: Option<u64>,
    /// The thread has ended.
    pub ended: bool,
}

#[derive(Debug, Default)]
struct State {
    status: Status,
    stop: bool,
}

/// What handle and thread share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// A thread that panicked while it held the lock left plain values behind.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn status(&self) -> Status {
        self.lock().status.clone()
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock().status);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lock().stop
    }

    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    pub(super) fn end(&self) {
        self.update(|status| status.ended = true);
        self.changed.notify_all();
    }

    /// Waits, though not after a stop.
    pub(super) fn pause(&self, time: Duration) {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| !state.stop);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the thread's end; false where it did not come within `time`.
    pub(super) fn wait_for_end(&self, time: Duration) -> bool {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |state| !state.status.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.status.ended
    }
}

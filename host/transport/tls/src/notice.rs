//! Strangers can make handshakes fail as often as they like, and must not fill the log with it: a line a second at
//! most, with how many there were.

use std::{
    fmt::Display,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use grid_core::clock::SharedClock;

const PAUSE: Duration = Duration::from_secs(1);

/// Counts what failed and tells it now and then.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Duration>,
    untold: u64,
    all: u64,
}

impl Notices {
    /// One more.
    pub(crate) fn add(&self, clock: &SharedClock, why: &dyn Display) {
        let now = clock.elapsed();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.all += 1;
        if state.last.is_some_and(|last| now.saturating_sub(last) < PAUSE) {
            state.untold += 1;
            return;
        }
        let others = std::mem::take(&mut state.untold);
        state.last = Some(now);
        drop(state);
        tracing::info!(others, "a TLS handshake was refused: {why}");
    }

    pub(crate) fn all(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

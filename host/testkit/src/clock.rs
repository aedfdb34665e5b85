//! A clock that stands still until it is moved.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::clock::{Clock, SharedClock};

/// When the fake world begins, in milliseconds since 1970.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// A clock that stands still until it is moved.
#[derive(Debug, Clone, Default)]
pub struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    /// Moves time on.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// As the host takes it.
    #[must_use]
    pub fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }
}

impl Clock for FakeClock {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn unix_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

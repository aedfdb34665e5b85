//! Time as a port, so that tests can move it. Everything that waits or expires asks here.

use std::{
    fmt::Debug,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// A clock that all stages share.
pub type SharedClock = Arc<dyn Clock>;

/// Monotonic and wall time.
pub trait Clock: Debug + Send + Sync + 'static {
    /// Time since this clock was made; never goes back.
    fn elapsed(&self) -> Duration;

    /// Milliseconds since 1970, UTC.
    fn unix_ms(&self) -> u64;
}

/// The machine's own clock.
#[derive(Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock that begins now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's time")]
    pub fn shared() -> SharedClock {
        Arc::new(Self { origin: Instant::now() })
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.origin.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's time")]
    fn unix_ms(&self) -> u64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

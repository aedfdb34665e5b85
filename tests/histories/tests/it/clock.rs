//! The host's clock: tokio's, which stands still until everybody waits, or runs faster than it does.

use std::{sync::Arc, time::Duration};

use grid_core::clock::{Clock, SharedClock};
use tokio::time::Instant;

/// When the world begins, in milliseconds since 1970: where the testkit's clock does, whose tokens are used here.
const EPOCH_MS: u64 = 1_700_000_000_000;

#[derive(Debug)]
struct Fast {
    began: Instant,
    times: u32,
}

/// So many times as fast as tokio's. Call it inside a runtime.
pub fn clock(times: u32) -> SharedClock {
    Arc::new(Fast { began: Instant::now(), times })
}

impl Clock for Fast {
    fn elapsed(&self) -> Duration {
        self.began.elapsed() * self.times
    }

    fn unix_ms(&self) -> u64 {
        EPOCH_MS + u64::try_from(self.elapsed().as_millis()).unwrap()
    }
}

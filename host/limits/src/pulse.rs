//! How much work the host takes in at once. The limit follows the host's own latency: what a call takes here, without
//! its runtime and without people. While that is near what it was at its best, the limit grows by its square root; when it
//! is a multiple of it, work queues up somewhere, and the limit shrinks with the ratio.
//!
//! The literature: the gradient is that of Netflix's concurrency-limits (`Gradient2Limit`, 2018), which multiplies by
//! long over short latency and adds a queue of the limit's square root. Its long average drifts up under a load that
//! stays, and with it the limit; so the base here is the lowest average, as TCP Vegas has it (Brakmo and Peterson,
//! 1995), and rises by a tenth a minute only, so that a host that became slower for good finds its new measure.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

/// One look at the latency.
const WINDOW: Duration = Duration::from_millis(100);
/// Fewer calls say nothing.
const LEAST: u32 = 10;
/// Latency may be this multiple of its base before it counts as queueing: records share syncs of the disk, so that
/// some waiting is what makes the log fast.
const TOLERANCE: f64 = 3.0;
/// A faster base is taken for this: below it a slow sync of the disk or a busy neighbour is larger than any queue.
const FASTEST: f64 = 0.02;
/// No window makes less of the limit.
const STEEPEST: f64 = 0.5;
/// How much of each new limit is believed.
const SMOOTHING: f64 = 0.5;
/// What the base rises by in a second.
const RISE: f64 = 1.0016;

/// The limit and what it is made of.
#[derive(Debug)]
pub(crate) struct Pulse {
    least: u32,
    most: u32,
    limit: AtomicU32,
    /// Of the window: nanoseconds and calls.
    sum: AtomicU64,
    calls: AtomicU32,
    /// When it began, in nanoseconds of the host's clock.
    began: AtomicU64,
    /// Of the last window, in microseconds.
    average: AtomicU64,
    base: Mutex<Option<Base>>,
}

#[derive(Debug, Clone, Copy)]
struct Base {
    seconds: f64,
    limit: f64,
    at: Duration,
}

impl Pulse {
    /// Begins at `most`.
    pub(crate) fn new(least: u32, most: u32) -> Self {
        Self {
            least: least.min(most),
            most,
            limit: AtomicU32::new(most),
            sum: AtomicU64::new(0),
            calls: AtomicU32::new(0),
            began: AtomicU64::new(0),
            average: AtomicU64::new(0),
            base: Mutex::new(None),
        }
    }

    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// What a call took of late.
    pub(crate) fn average(&self) -> Duration {
        Duration::from_micros(self.average.load(Ordering::Relaxed))
    }

    /// A call took so long at the host.
    pub(crate) fn took(&self, time: Duration, now: Duration) {
        self.sum.fetch_add(nanos(time), Ordering::Relaxed);
        let calls = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let began = self.began.load(Ordering::Relaxed);
        if calls < LEAST || nanos(now).saturating_sub(began) < nanos(WINDOW) {
            return;
        }
        // Whoever closes the window thinks for all.
        if self.began.compare_exchange(began, nanos(now), Ordering::AcqRel, Ordering::Relaxed).is_err() {
            return;
        }
        let (sum, calls) = (self.sum.swap(0, Ordering::AcqRel), self.calls.swap(0, Ordering::AcqRel));
        if calls > 0 {
            let average = sum / u64::from(calls);
            self.average.store(average / 1_000, Ordering::Relaxed);
            self.turn(Duration::from_nanos(average).as_secs_f64(), now);
        }
    }

    fn turn(&self, average: f64, now: Duration) {
        let mut kept = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.unwrap_or(Base { seconds: average, limit: f64::from(self.most), at: now });
        let risen = before.seconds * RISE.powf(now.saturating_sub(before.at).as_secs_f64());
        let seconds = average.min(risen);
        let gradient = (TOLERANCE * seconds.max(FASTEST) / average).clamp(STEEPEST, 1.0);
        let next = before.limit * gradient + before.limit.sqrt();
        let limit = before.limit + (next - before.limit) * SMOOTHING;
        let limit = limit.clamp(f64::from(self.least), f64::from(self.most));
        *kept = Some(Base { seconds, limit, at: now });
        self.limit.store(whole(limit), Ordering::Relaxed);
    }
}

/// It was clamped between two numbers of that size.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the bounds of a u32 before")]
fn whole(limit: f64) -> u32 {
    limit.round() as u32
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;

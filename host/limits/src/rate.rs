//! Calls in a time: the generic cell rate algorithm (ITU-T I.371), by the crate `governor`, on one atomic. Its state is
//! kept here, so that several rates can be asked before one is taken from, and what was taken can be given back.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use governor::{Quota, RateLimiter, clock::Clock, middleware::NoOpMiddleware, nanos::Nanos, state::StateStore};
use grid_core::clock::SharedClock;

/// So many in a time, and so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pace {
    /// Calls.
    pub calls: NonZeroU32,
    /// In this time.
    pub within: Duration,
    /// At once, after a rest.
    pub burst: NonZeroU32,
}

impl Pace {
    /// So many a second; as many at once where nothing else is said. None for 0, which stands for no bound.
    #[must_use]
    pub fn per_second(calls: u32, burst: u32) -> Option<Self> {
        let calls = NonZeroU32::new(calls)?;
        Some(Self { calls, within: Duration::from_secs(1), burst: NonZeroU32::new(burst).unwrap_or(calls) })
    }

    fn quota(self) -> Option<Quota> {
        Quota::with_period(self.within / self.calls.get()).map(|quota| quota.allow_burst(self.burst))
    }
}

/// How a rate is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Ask,
    Take,
}

/// When the next call conforms, in nanoseconds since the rate was made. Shared, because `governor` keeps it to itself.
#[derive(Debug, Clone, Default)]
struct Arrival(Arc<AtomicU64>);

impl StateStore for Arrival {
    type Key = Use;

    fn measure_and_replace<T, F, E>(&self, key: &Use, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let known = |nanos: u64| (nanos > 0).then(|| Nanos::from(nanos));
        let mut before = self.0.load(Ordering::Acquire);
        loop {
            let (measured, after) = measure(known(before))?;
            if *key == Use::Ask {
                return Ok(measured);
            }
            match self.0.compare_exchange_weak(before, after.as_u64(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Ok(measured),
                Err(other) => before = other,
            }
        }
    }
}

/// The host's clock, as `governor` reads it.
#[derive(Debug, Clone)]
struct Watch(SharedClock);

impl Clock for Watch {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// One rate of one key.
#[derive(Debug)]
pub(crate) struct Rate {
    limiter: RateLimiter<Use, Arrival, Watch, NoOpMiddleware<Duration>>,
    arrival: Arrival,
    /// Nanoseconds.
    each: u64,
    origin: Duration,
}

impl Rate {
    /// None where calls come faster than the clock can tell.
    pub(crate) fn new(pace: Pace, clock: &SharedClock) -> Option<Self> {
        let quota = pace.quota()?;
        let (watch, arrival) = (Watch(clock.clone()), Arrival::default());
        let each = nanos(quota.replenish_interval());
        Some(Self { origin: watch.now(), limiter: RateLimiter::new(quota, arrival.clone(), watch), arrival, each })
    }

    /// How long until a call would conform; nothing where it does.
    pub(crate) fn ask(&self) -> Result<(), Duration> {
        self.check(Use::Ask)
    }

    /// Takes a call from the rate.
    pub(crate) fn take(&self) -> Result<(), Duration> {
        self.check(Use::Take)
    }

    /// Gives back what was taken for a call that another limit refused.
    pub(crate) fn give_back(&self) {
        let less = |arrival: u64| Some(arrival.saturating_sub(self.each));
        // The closure always gives a value.
        let _ = self.arrival.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
    }

    fn check(&self, how: Use) -> Result<(), Duration> {
        self.limiter.check_key(&how).map_err(|not_until| not_until.wait_time_from(self.limiter.clock().now()))
    }

    /// As good as new: a rest has filled it again.
    pub(crate) fn is_rested(&self) -> bool {
        let now = nanos(self.limiter.clock().now().saturating_sub(self.origin));
        self.arrival.0.load(Ordering::Relaxed) <= now
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

//! What the breakers of a host count since its start.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::breaker::Phase;

/// What was counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Breakers that became open, half open, recovering and closed.
    pub changes: [(&'static str, u64); 4],
    /// Times that somebody was passed over, or refused, because of a breaker.
    pub rejected: u64,
    /// Calls that were slow.
    pub slow: u64,
    /// Failures that counted.
    pub failures: u64,
    /// Times that a breaker let calls try again, closed after that, and opened again instead.
    pub recoveries: [u64; 3],
    /// Good reports of runtimes that counted for an open breaker.
    pub reports: u64,
    /// Calls that went to another runtime than they would have without breakers.
    pub elsewhere: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) open: AtomicU64,
    pub(crate) half_open: AtomicU64,
    pub(crate) recovering: AtomicU64,
    pub(crate) closed: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) slow: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) recovered: AtomicU64,
    pub(crate) relapsed: AtomicU64,
    pub(crate) reports: AtomicU64,
    pub(crate) elsewhere: AtomicU64,
}

impl Counters {
    /// A breaker is another than before.
    pub(crate) fn count(&self, from: Phase, to: Phase) {
        let state = match to {
            Phase::Open => &self.open,
            Phase::HalfOpen => &self.half_open,
            Phase::Recovering => &self.recovering,
            Phase::Closed => &self.closed,
        };
        state.fetch_add(1, Ordering::Relaxed);
        let tried = match (from, to) {
            (Phase::HalfOpen | Phase::Recovering, Phase::Closed) => &self.recovered,
            (Phase::HalfOpen | Phase::Recovering, Phase::Open) => &self.relapsed,
            _ => return,
        };
        tried.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counts {
        let counters = self;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            changes: [
                (Phase::Open.as_str(), read(&counters.open)),
                (Phase::HalfOpen.as_str(), read(&counters.half_open)),
                (Phase::Recovering.as_str(), read(&counters.recovering)),
                (Phase::Closed.as_str(), read(&counters.closed)),
            ],
            rejected: read(&counters.rejected),
            slow: read(&counters.slow),
            failures: read(&counters.failures),
            recoveries: [read(&counters.half_open), read(&counters.recovered), read(&counters.relapsed)],
            reports: read(&counters.reports),
            elsewhere: read(&counters.elsewhere),
        }
    }
}

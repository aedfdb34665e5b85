//! Sheds load before anything is parsed. What begins work is let in up to the limit of [`Pulse`]; the last part of it
//! is kept for senders that have less than their share inside, so that one of them cannot shut the others out (SV-4).
//! What ends work, and what operators ask, is never turned away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::{
    clock::SharedClock,
    gate::{Gate, Lane, Shed},
};

use crate::pulse::Pulse;

/// Senders are told apart by so many slots; two that share one share its part.
const SLOTS: usize = 1024;
const SOONEST: Duration = Duration::from_millis(25);
const LATEST: Duration = Duration::from_secs(1);

/// The gate of one host.
#[derive(Debug)]
pub struct Adaptive {
    pulse: Pulse,
    clock: SharedClock,
    inside: AtomicU32,
    senders: AtomicU32,
    slots: Box<[AtomicU32]>,
    passed: [AtomicU64; Lane::ALL.len()],
    shed: AtomicU64,
    shed_share: AtomicU64,
}

/// How the gate stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// Requests that begin work and may be worked on at once.
    pub limit: u32,
    /// Those that are.
    pub inside: u32,
    /// Let in since the start, by [`Lane::ALL`].
    pub passed: [u64; Lane::ALL.len()],
    /// Turned away since the start.
    pub shed: u64,
    /// Of these, because their sender had more than its share.
    pub shed_share: u64,
    /// What a call took at the host of late.
    pub latency: Duration,
}

impl Adaptive {
    /// A gate that lets in between `least` and `most` at once.
    #[must_use]
    pub fn new(least: u32, most: u32, clock: SharedClock) -> Arc<Self> {
        Arc::new(Self {
            pulse: Pulse::new(least, most),
            clock,
            inside: AtomicU32::new(0),
            senders: AtomicU32::new(0),
            slots: std::iter::repeat_with(AtomicU32::default).take(SLOTS).collect(),
            passed: Default::default(),
            shed: AtomicU64::new(0),
            shed_share: AtomicU64::new(0),
        })
    }

    /// A call took so long at the host, its runtime and people apart.
    pub fn took(&self, time: Duration) {
        self.pulse.took(time, self.clock.elapsed());
    }

    /// How it stands.
    #[must_use]
    pub fn flow(&self) -> Flow {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Flow {
            limit: self.pulse.limit(),
            inside: self.inside.load(Ordering::Relaxed),
            passed: self.passed.each_ref().map(count),
            shed: count(&self.shed),
            shed_share: count(&self.shed_share),
            latency: self.pulse.average(),
        }
    }

    fn slot(&self, who: u64) -> Option<&AtomicU32> {
        let at = usize::try_from(who).unwrap_or(0) % self.slots.len();
        self.slots.get(at)
    }

    fn admits(&self, who: u64) -> bool {
        let (limit, inside) = (self.pulse.limit(), self.inside.load(Ordering::Relaxed));
        if inside >= limit {
            return false;
        }
        // The last quarter is for those who have less than their share.
        let shared = limit - limit / 4;
        if inside < shared {
            return true;
        }
        let senders = self.senders.load(Ordering::Relaxed).max(1);
        let own = self.slot(who).map_or(0, |slot| slot.load(Ordering::Relaxed));
        let fair = own < (limit / senders).max(1);
        if !fair {
            self.shed_share.fetch_add(1, Ordering::Relaxed);
        }
        fair
    }

    fn add(&self, who: u64) {
        self.inside.fetch_add(1, Ordering::Relaxed);
        if self.slot(who).is_some_and(|slot| slot.fetch_add(1, Ordering::Relaxed) == 0) {
            self.senders.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// When to come again: once about as much is done as is inside now, and not all at the same time.
    fn later(&self, who: u64) -> Duration {
        let turn = self.shed.fetch_add(1, Ordering::Relaxed).wrapping_add(who);
        let spread = u32::try_from(turn % 8).unwrap_or(0);
        let wait = self.pulse.average().saturating_mul(2).clamp(SOONEST, LATEST);
        wait + wait * spread / 8
    }
}

impl Gate for Adaptive {
    fn enter(&self, lane: Lane, who: u64) -> Result<(), Shed> {
        if lane == Lane::Work {
            if !self.admits(who) {
                return Err(Shed { retry_after: self.later(who) });
            }
            self.add(who);
        }
        if let Some(passed) = self.passed.get(lane as usize) {
            passed.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn again(&self, lane: Lane, who: u64) {
        if lane == Lane::Work {
            self.add(who);
        }
    }

    fn leave(&self, lane: Lane, who: u64) {
        if lane != Lane::Work {
            return;
        }
        self.inside.fetch_sub(1, Ordering::Relaxed);
        if self.slot(who).is_some_and(|slot| slot.fetch_sub(1, Ordering::Relaxed) == 1) {
            self.senders.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;

//! What happened lately, in a fixed number of slots: its memory does not grow with the calls.

use std::time::Duration;

/// A window moves on by one of so many parts of it.
const SLOTS: usize = 10;

/// Calls that count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: u32,
    pub(crate) failures: u32,
    pub(crate) slow: u32,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.calls = self.calls.saturating_add(other.calls);
        self.failures = self.failures.saturating_add(other.failures);
        self.slow = self.slow.saturating_add(other.slow);
    }

    fn take(&mut self, other: Self) {
        self.calls = self.calls.saturating_sub(other.calls);
        self.failures = self.failures.saturating_sub(other.failures);
        self.slow = self.slow.saturating_sub(other.slow);
    }
}

/// The slots and their sum.
#[derive(Debug, Default)]
pub(crate) struct Window {
    slots: [Tally; SLOTS],
    newest: u64,
    sum: Tally,
}

impl Window {
    /// Counts a call that ended now.
    pub(crate) fn count(&mut self, now: Duration, length: Duration, one: Tally) {
        self.turn(now, length);
        if let Some(slot) = self.slots.get_mut(place(self.newest)) {
            slot.add(one);
            self.sum.add(one);
        }
    }

    /// Everything within the window.
    pub(crate) fn sum(&mut self, now: Duration, length: Duration) -> Tally {
        self.turn(now, length);
        self.sum
    }

    pub(crate) fn clear(&mut self) {
        *self = Self { newest: self.newest, ..Self::default() };
    }

    fn turn(&mut self, now: Duration, length: Duration) {
        let slot = (length.as_nanos() / SLOTS as u128).max(1);
        let current = u64::try_from(now.as_nanos() / slot).unwrap_or(u64::MAX);
        let behind = current.saturating_sub(self.newest);
        for number in (1..=behind.min(SLOTS as u64)).map(|step| self.newest.saturating_add(step)) {
            // As many places as slots have to be emptied, wherever the turning begins.
            if let Some(old) = self.slots.get_mut(place(number)) {
                self.sum.take(std::mem::take(old));
            }
        }
        self.newest = self.newest.max(current);
    }
}

fn place(number: u64) -> usize {
    usize::try_from(number % SLOTS as u64).unwrap_or(0)
}

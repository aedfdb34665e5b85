//! Whether a batch waits a moment for more. After a batch of n, its n callers tend to come again together; a sync
//! for the first of them alone would make the others wait for two. It pays only where they come, so a wait in
//! vain makes the next ones rarer.

use std::time::Duration;

/// Longer than it takes to wake a runtime, far shorter than a sync on a slow disk.
const LONGEST: Duration = Duration::from_micros(60);
const RAREST: u32 = 6;

/// Learns from the batches that went by.
#[derive(Debug, Default)]
pub(crate) struct Linger {
    /// Records in the last batch.
    last: usize,
    /// Half of what the last write and sync took.
    worth: Duration,
    misses: u32,
    skip: u32,
}

impl Linger {
    /// A batch of `entries` took `took`.
    pub(crate) fn committed(&mut self, entries: usize, took: Duration) {
        self.last = entries;
        self.worth = took / 2;
    }

    /// How many records to wait for and how long, where `here` are there.
    pub(crate) fn wanted(&mut self, here: usize) -> Option<(usize, Duration)> {
        if here >= self.last {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        Some((self.last, self.worth.min(LONGEST)))
    }

    /// What came of waiting.
    pub(crate) fn waited(&mut self, came: bool) {
        self.misses = if came { 0 } else { (self.misses + 1).min(RAREST) };
        self.skip = if came { 0 } else { 1 << self.misses };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYNC: Duration = Duration::from_micros(80);

    #[test]
    fn a_lone_caller_is_never_kept_waiting() {
        let mut linger = Linger::default();
        assert_eq!(linger.wanted(1), None);
        linger.committed(1, SYNC);
        assert_eq!(linger.wanted(1), None);
    }

    #[test]
    fn callers_of_the_last_batch_are_waited_for_half_a_sync() {
        let mut linger = Linger::default();
        linger.committed(16, SYNC);
        assert_eq!(linger.wanted(1), Some((16, SYNC / 2)));
        assert_eq!(linger.wanted(16), None);
        linger.committed(16, Duration::from_millis(5));
        assert_eq!(linger.wanted(1), Some((16, LONGEST)));
    }

    #[test]
    fn waiting_in_vain_becomes_rare_and_success_brings_it_back() {
        let mut linger = Linger::default();
        let mut waits = 0;
        for _ in 0..1000 {
            linger.committed(16, SYNC);
            if linger.wanted(8).is_some() {
                waits += 1;
                linger.waited(false);
            }
        }
        assert!((10..25).contains(&waits), "{waits}");
        linger.waited(true);
        assert!(linger.wanted(8).is_some());
    }
}

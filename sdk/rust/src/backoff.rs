//! How long to wait before the next try: exponential, bounded, with jitter, never less than the host asked for.

use std::time::Duration;

use crate::clock;

/// Waiting times between tries. The n-th wait is `first * 2^n`, at most `longest`, and then shortened or
/// lengthened by up to a tenth, so that many clients do not return at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// Before the first repeat.
    pub first: Duration,
    /// The bound of the doubling.
    pub longest: Duration,
}

impl Backoff {
    /// Doubling from `first` up to `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The wait after `tries` failed tries (counted from 1), at least what the host asked for.
    pub(crate) fn wait(&self, tries: u32, asked: Option<Duration>) -> Duration {
        let doublings = tries.saturating_sub(1).min(20);
        let plain = self.first.saturating_mul(2_u32.saturating_pow(doublings)).min(self.longest);
        let percent = clock::random() % 21 + 90;
        let jittered = plain.saturating_mul(percent) / 100;
        jittered.max(asked.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

    #[test]
    fn waits_double_up_to_the_longest_and_stay_within_a_tenth() {
        for (tries, plain) in [(1, 100), (2, 200), (3, 400), (9, 2_000), (u32::MAX, 2_000)] {
            let wait = BACKOFF.wait(tries, None).as_millis();
            assert!((plain * 9 / 10..=plain * 11 / 10).contains(&wait), "{tries} tries waited {wait} ms");
        }
    }

    #[test]
    fn the_host_is_never_asked_again_sooner_than_it_said() {
        let asked = Duration::from_secs(7);
        assert_eq!(BACKOFF.wait(1, Some(asked)), asked);
    }
}

//! How long to wait before a sink is asked again: longer after every failure, up to a cap, and never at the same
//! moment as others that failed with it.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

/// A sink is heard that wants to be left alone, though not for longer than this.
const MAX_ASKED: Duration = Duration::from_secs(3_600);

/// The pauses between tries.
#[derive(Debug)]
pub struct Backoff {
    least: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    /// From `least` up to `most`.
    #[must_use]
    pub fn new(least: Duration, most: Duration) -> Self {
        Self { least, most: most.max(least), next: least }
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.next = self.least;
    }

    /// After a failure: between half and the whole of a time that doubles. `asked` is what the sink asked for.
    #[must_use]
    pub fn wait(&mut self, asked: Option<Duration>) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.most);
        let waited = whole.mul_f64(0.5 + 0.5 * share());
        waited.max(asked.unwrap_or_default().min(MAX_ASKED))
    }
}

/// Anything from 0 to 1. The keys of a new hasher are random, and here nothing hangs on how well.
fn share() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    (random >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_cap_and_differ() {
        let second = Duration::from_secs(1);
        let mut waits = Vec::new();
        for _ in 0..50 {
            let mut backoff = Backoff::new(second, second * 8);
            for whole in [1, 2, 4, 8, 8, 8] {
                let wait = backoff.wait(None);
                assert!(wait >= second * whole / 2 && wait <= second * whole, "{wait:?} of {whole} s");
                waits.push(wait);
            }
            backoff.reset();
            assert!(backoff.wait(None) <= second);
        }
        waits.sort_unstable();
        waits.dedup();
        assert!(waits.len() > 200, "{} different waits", waits.len());
    }

    #[test]
    fn a_sink_that_asks_for_time_gets_it_within_reason() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(8));
        assert_eq!(backoff.wait(Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.wait(Some(Duration::MAX)), MAX_ASKED);
        assert!(backoff.wait(Some(Duration::ZERO)) > Duration::ZERO);
    }
}

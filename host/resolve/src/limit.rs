//! How long a call may take: each attempt the contract's `timeout`, all of it the contract's `total` or the deadline that
//! its caller set. Where the contract gives no `total`, its `timeout` holds for all attempts together.

use std::time::Duration;

/// Which limit it is that ends a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Of one attempt, by the contract.
    Timeout,
    /// Of everything, by the contract.
    Total,
    /// The caller's own.
    Deadline,
}

impl Limit {
    /// The name of the detail that says it in refusals.
    pub const DETAIL: &'static str = "limit";

    /// As refusals write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Total => "total",
            Self::Deadline => "deadline",
        }
    }

    /// For people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Timeout => "its contract's `timeout`",
            Self::Total => "its contract's `total` for all attempts and waits",
            Self::Deadline => "the deadline that its caller set",
        }
    }
}

/// The time of one call, by the clock's readings.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    timeout: Duration,
    ends: Duration,
    by: Limit,
}

impl Times {
    /// Of a call that came at `now`, whose contract says `timeout` and perhaps `total`, and whose caller gives it `left`.
    #[must_use]
    pub fn new(now: Duration, timeout: Duration, total: Option<Duration>, left: Option<Duration>) -> Self {
        let (total, by) = total.map_or((timeout, Limit::Timeout), |total| (total, Limit::Total));
        let (total, by) = match left {
            Some(left) if left < total => (left, Limit::Deadline),
            _ => (total, by),
        };
        Self { timeout, ends: now.saturating_add(total), by }
    }

    /// What is left of all of it.
    #[must_use]
    pub fn left(&self, now: Duration) -> Duration {
        self.ends.saturating_sub(now)
    }

    /// Which limit ends all of it.
    #[must_use]
    pub fn ends_by(&self) -> Limit {
        self.by
    }

    /// What an attempt that begins now may take, and by which limit.
    #[must_use]
    pub fn attempt(&self, now: Duration) -> (Duration, Limit) {
        let left = self.left(now);
        if self.timeout < left { (self.timeout, Limit::Timeout) } else { (left, self.by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_shortest_limit_ends_an_attempt_and_is_named() {
        let now = seconds(100);
        for (total, left, first, by) in [
            (None, None, 30, Limit::Timeout),
            (Some(seconds(70)), None, 30, Limit::Timeout),
            (Some(seconds(20)), None, 20, Limit::Total),
            (None, Some(seconds(5)), 5, Limit::Deadline),
            (Some(seconds(20)), Some(seconds(50)), 20, Limit::Total),
            (Some(seconds(70)), Some(seconds(50)), 30, Limit::Timeout),
        ] {
            let times = Times::new(now, seconds(30), total, left);
            assert_eq!(times.attempt(now), (seconds(first), by), "{total:?} {left:?}");
        }
    }

    #[test]
    fn further_attempts_share_what_is_left_of_all() {
        let times = Times::new(seconds(0), seconds(30), Some(seconds(70)), None);
        assert_eq!(times.attempt(seconds(30)), (seconds(30), Limit::Timeout));
        assert_eq!(times.attempt(seconds(60)), (seconds(10), Limit::Total));
        assert_eq!(times.left(seconds(80)), Duration::ZERO);
        let times = Times::new(seconds(0), seconds(30), None, None);
        assert_eq!(times.attempt(seconds(12)), (seconds(18), Limit::Timeout), "without a `total` the `timeout` is all");
    }
}

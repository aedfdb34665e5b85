//! The time in which calls count: after those that are first of their kind, and before those that the end cuts off.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{Fallible, clock::now, cpu::Used};

/// From when to when is measured.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    begin: Instant,
    end: Instant,
}

impl Window {
    /// Begins after `warm_up` and takes `length`.
    #[must_use]
    pub fn after(warm_up: Duration, length: Duration) -> Self {
        let begin = now() + warm_up;
        Self { begin, end: begin + length }
    }

    /// When it begins.
    #[must_use]
    pub fn begin(self) -> Instant {
        self.begin
    }

    /// How long it takes.
    #[must_use]
    pub fn length(self) -> Duration {
        self.end - self.begin
    }

    /// Whether nothing more is to be sent.
    #[must_use]
    pub fn is_over(self, at: Instant) -> bool {
        at >= self.end
    }

    /// Nanoseconds of what was sent at the first and ended at the second; none for what did not end in the window.
    #[must_use]
    pub fn took(self, sent: Instant, ended: Instant) -> Option<u64> {
        let counts = ended >= self.begin && ended < self.end;
        counts.then(|| u64::try_from((ended - sent).as_nanos()).unwrap_or(u64::MAX))
    }

    /// Waits until it is over; says by `begun` when it begins. Gives the seconds of the processor that `pid` used in it.
    ///
    /// # Errors
    /// There is no such process.
    pub async fn processor_of(self, pid: u32, begun: impl FnOnce()) -> Fallible<f64> {
        sleep(self.begin.saturating_duration_since(now())).await;
        begun();
        let before = Used::by(pid)?;
        sleep(self.end.saturating_duration_since(now())).await;
        Ok(Used::by(pid)?.seconds_since(&before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_before_or_after_does_not_count() {
        let window = Window::after(Duration::from_secs(1), Duration::from_secs(2));
        let at = |millis| window.begin() + Duration::from_millis(millis) - Duration::from_secs(1);
        assert_eq!(window.took(at(0), at(999)), None);
        assert_eq!(window.took(at(0), at(1_000)), Some(1_000_000_000));
        assert_eq!(window.took(at(2_500), at(2_999)), Some(499_000_000));
        assert_eq!(window.took(at(2_500), at(3_000)), None);
        assert!(!window.is_over(at(2_999)) && window.is_over(at(3_000)));
    }
}

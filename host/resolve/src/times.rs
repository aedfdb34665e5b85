//! How long a call may take: each attempt the contract's `timeout`, all of it the contract's `total` or the deadline that
//! its caller set. Where the contract gives no `total`, its `timeout` holds for all attempts together.

use std::time::Duration;

use grid_approve::Contract;
use grid_core::{Code, Refusal, Stage};

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

/// The time of one call, counted from when it came to be routed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    timeout: Duration,
    ends: Duration,
    by: Limit,
}

impl Times {
    /// `now` is the clock's reading.
    pub(crate) fn new(
        contract: &Contract,
        deadline: Option<u64>,
        now_ms: u64,
        now: Duration,
    ) -> Result<Self, Refusal> {
        let timeout = contract.timeout();
        let own = contract.conduct().total.map(|total| (total, Limit::Total));
        let (total, by) = own.unwrap_or((timeout, Limit::Timeout));
        let left = deadline.map(|deadline| Duration::from_millis(deadline.saturating_sub(now_ms)));
        let (total, by) = match left {
            Some(Duration::ZERO) => {
                let message = "the deadline of the call has passed before it could begin; send it with more time";
                let refusal = Refusal::new(Code::Timeout, Stage::Resolve, message);
                return Err(refusal.with(Limit::DETAIL, Limit::Deadline.as_str()));
            }
            Some(left) if left < total => (left, Limit::Deadline),
            _ => (total, by),
        };
        Ok(Self { timeout, ends: now.saturating_add(total), by })
    }

    /// What is left of all of it.
    pub(crate) fn left(&self, now: Duration) -> Duration {
        self.ends.saturating_sub(now)
    }

    /// What an attempt that begins now may take, and by which limit.
    pub(crate) fn attempt(&self, now: Duration) -> (Duration, Limit) {
        let left = self.left(now);
        if self.timeout < left { (self.timeout, Limit::Timeout) } else { (left, self.by) }
    }
}

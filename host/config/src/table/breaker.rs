//! Settings of breakers.

use std::time::Duration;

use crate::{
    kind::Kind,
    setting::{Fallback::Is, section},
    table::{DAY, HOUR, MS, SECOND, integer, time},
};

section! {
    breaker: Breaker {
        /// Keeps calls away from them.
        enabled: bool = Kind::Bool, Is("true");
        /// Failures one after the other that open a breaker; 0 for never.
        consecutive_failures: u32 = integer(0, 1_000_000), Is("5");
        /// Failures within `breaker.window` that open one, whatever succeeded between them; 0 for never.
        failures_in_window: u32 = integer(0, 1_000_000), Is("10");
        /// How far back calls are counted.
        window: Duration = time(SECOND, HOUR), Is("60s");
        /// Failures within the window, in percent of its calls, that open one; 0 for never.
        failure_percent: u32 = integer(0, 100), Is("50");
        /// Calls within the window below which no share of them opens one.
        minimum_calls: u32 = integer(1, 1_000_000), Is("10");
        /// A call that takes longer is slow.
        slow_call: Duration = time(MS, HOUR), Is("10s");
        /// Slow calls within the window, in percent of its calls, that open one; 0 for never.
        slow_percent: u32 = integer(0, 100), Is("80");
        /// How long one stays open; twice as long each time that it opens again before it was closed.
        recovery: Duration = time(MS, HOUR), Is("30s");
        /// The longest that one stays open.
        max_recovery: Duration = time(MS, DAY), Is("300s");
        /// Calls that have to succeed then.
        success_threshold: u32 = integer(1, 1_000), Is("3");
        /// Calls that are let through then, until those have succeeded.
        half_open_calls: u32 = integer(1, 10_000), Is("10");
        /// Lets a share of the calls through after that, which grows, instead of all at once.
        gradual: bool = Kind::Bool, Is("true");
        /// That share at first, in percent.
        gradual_start: u32 = integer(1, 100), Is("10");
        /// How much it grows with each step, in percent.
        gradual_step: u32 = integer(1, 100), Is("20");
        /// The time of one step.
        gradual_every: Duration = time(MS, HOUR), Is("30s");
        /// Health reports of a runtime one after the other after which its breaker, and those that opened with it, let calls try before that time is over; 0 for never.
        health_checks: u32 = integer(0, 1_000), Is("3");
        /// Reports that come faster than this count as one.
        health_interval: Duration = time(MS, HOUR), Is("5s");
        /// Counts a tool's own errors that say `TOOL_EXECUTION_FAILED` or the like against the tool; one caller's arguments can then keep all others away from it.
        tool_errors: bool = Kind::Bool, Is("false");
        /// Runtimes, providers and tools that are counted at once, of each; further ones are not guarded.
        entries: usize = integer(16, 1_000_000), Is("10000");
    }
}

//! The one place where the benchmark reads time. A benchmark measures the machine's own clock, so the host's
//! clock port, which a test can move, is of no use here.

use std::time::Instant;

/// Now, by a clock that never goes back.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub fn now() -> Instant {
    Instant::now()
}

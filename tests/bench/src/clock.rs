//! The one place where the benchmark reads time. A benchmark measures the machine's own clock, so the host's
//! clock port, which a test can move, is of no use here.

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

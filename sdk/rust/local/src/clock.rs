//! The one place where this crate reads the clock and draws randomness.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Milliseconds since 1970, UTC. A clock set before 1970 counts as 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the SDK runs in foreign programs, which have no clock port to give; every reading goes through here"
)]
pub(crate) fn unix_ms() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// A duration in whole milliseconds.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// `plain`, made up to a tenth shorter or longer, so that many clients do not return at once.
pub(crate) fn jittered(plain: Duration) -> Duration {
    let (random, ..) = Uuid::new_v4().as_fields();
    plain.saturating_mul(random % 21 + 90) / 100
}

/// `client-{unix seconds}-{8 hex}` (protocol section 4).
pub(crate) fn correlation_id() -> String {
    let (random, ..) = Uuid::new_v4().as_fields();
    format!("client-{}-{random:08x}", unix_ms() / 1_000)
}

/// A fresh id of a call.
pub(crate) fn call_id() -> String {
    Uuid::new_v4().to_string()
}

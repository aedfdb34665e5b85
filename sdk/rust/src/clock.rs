//! The one place where the SDK reads the clock and draws randomness: wall time for deadlines and correlation
//! ids, random bits for ids and jitter.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

/// Time since 1970, UTC. A clock set before 1970 counts as 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "the SDK runs in foreign programs, which have no clock port to give; every reading goes through here"
)]
pub(crate) fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Milliseconds since 1970, UTC.
pub(crate) fn unix_ms() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

/// The wire's deadline for a call that may take `within` from now.
pub(crate) fn deadline_in(within: Duration) -> u64 {
    unix_ms().saturating_add(millis(within))
}

/// What is left until a wire deadline; `None` where it has passed.
pub(crate) fn left_until(deadline_unix_ms: u64) -> Option<Duration> {
    deadline_unix_ms.checked_sub(unix_ms()).filter(|left| *left > 0).map(Duration::from_millis)
}

/// A duration in whole milliseconds, as the wire wants it.
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// 32 random bits.
pub(crate) fn random() -> u32 {
    let (high, ..) = Uuid::new_v4().as_fields();
    high
}

/// `{component}-{unix seconds}-{8 hex}` (protocol.md section 4).
pub(crate) fn correlation_id(component: &str) -> String {
    format!("{component}-{}-{:08x}", since_epoch().as_secs(), random())
}

/// A fresh call id, which is also the idempotency key of the call.
pub(crate) fn call_id() -> String {
    Uuid::new_v4().to_string()
}

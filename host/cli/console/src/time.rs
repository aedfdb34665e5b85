//! Times for people.

use jiff::Timestamp;

/// Milliseconds since 1970 as date and time, UTC.
#[must_use]
pub fn stamp(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| ms.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string())
}

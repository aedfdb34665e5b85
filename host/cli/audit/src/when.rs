//! A point in time as people write it: RFC 3339, a date, or how long ago.

use jiff::{Timestamp, civil::Date, tz::TimeZone};

/// Milliseconds since 1970, or a time before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    At(u64),
    Ago(u64),
}

impl When {
    /// Milliseconds since 1970.
    pub(super) fn at_ms(self, now_ms: u64) -> u64 {
        match self {
            Self::At(ms) => ms,
            Self::Ago(ms) => now_ms.saturating_sub(ms),
        }
    }

    /// Reads `2026-03-01T12:00:00Z`, `2026-03-01` (midnight UTC), or `90s`, `30m`, `24h`, `7d`, `2w` (so long ago).
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no time; write 2026-03-01T12:00:00Z, a date (2026-03-01), or so long ago (30m, 24h, 7d)"
            )
        };
        if let Some(ago) = ago(text) {
            return Ok(Self::Ago(ago));
        }
        let time = match text.parse::<Timestamp>() {
            Ok(time) => Some(time),
            Err(_) if text.len() == "2026-03-01".len() => {
                text.parse::<Date>().ok().and_then(|date| Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp()))
            }
            Err(_) => None,
        };
        let ms = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        ms.map(Self::At).ok_or_else(wrong)
    }
}

fn ago(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    let seconds: u64 = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    number.checked_mul(seconds)?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::When::{self, Ago, At};

    #[test]
    fn times_are_read_as_people_write_them() {
        let good = [
            ("1970-01-01T00:00:01Z", At(1_000)),
            ("1970-01-01T01:00:00.5+01:00", At(500)),
            ("1970-01-02", At(86_400_000)),
            ("90s", Ago(90_000)),
            ("30m", Ago(1_800_000)),
            ("24h", Ago(86_400_000)),
            ("7d", Ago(604_800_000)),
            ("2w", Ago(1_209_600_000)),
        ];
        for (text, when) in good {
            assert_eq!(When::parse(text), Ok(when), "{text}");
        }
        for bad in [
            "",
            "7",
            "d",
            "-7d",
            "7y",
            "yesterday",
            "1969-12-31",
            "2026-02-30",
            "2026-03-01T12:00:00",
            "99999999999999999w",
        ] {
            assert!(When::parse(bad).unwrap_err().contains("is no time"), "{bad}");
        }
        assert_eq!(Ago(5).at_ms(12), 7);
        assert_eq!(Ago(5).at_ms(2), 0);
    }
}

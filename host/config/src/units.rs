//! Times and sizes as people write them: `30s`, `1h30m`, `4MiB`. A number without a unit is refused, because
//! nobody can tell what it was meant to be.

use std::{fmt, time::Duration};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(u64);

impl ByteSize {
    pub(crate) const fn kib(count: u64) -> Self {
        Self(count * 1024)
    }

    pub(crate) const fn mib(count: u64) -> Self {
        Self(count * 1024 * 1024)
    }

    /// The number.
    #[must_use]
    pub fn bytes(self) -> u64 {
        self.0
    }

    /// The number, for interfaces that count in memory.
    #[must_use]
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// Reads `512B`, `64KiB`, `4MiB`, `1GiB`, and the decimal `64KB`, `4MB`, `1GB`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(digits)?;
        let factor = SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim_start()))?.1;
        Some(Self(number.parse::<u64>().ok()?.checked_mul(factor)?))
    }
}

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
];

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, factor) = SIZES
            .iter()
            .take(4)
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .unwrap_or(&("B", 1));
        write!(f, "{}{name}", self.0 / factor)
    }
}

const TIMES: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Reads `500ms`, `30s`, `5m`, `12h`, `7d` and sums such as `1h30m`.
#[must_use]
pub fn parse_time(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total: u64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let letters = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at_checked(letters)?;
        let factor = TIMES.iter().find(|(name, _)| *name == unit)?.1;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(factor)?)?;
        rest = next;
    }
    Some(Duration::from_millis(total))
}

/// The shortest exact form in one unit: `1h`, `90s`, `250ms`.
#[must_use]
pub fn show_time(time: Duration) -> String {
    let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        return "0s".to_owned();
    }
    let (name, factor) = TIMES.iter().find(|(_, factor)| ms.is_multiple_of(*factor)).unwrap_or(&("ms", 1));
    format!("{}{name}", ms / factor)
}

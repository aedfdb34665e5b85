//! Time cut into hours, days or weeks, in UTC. Memory is bounded: what would be too many periods is counted in
//! longer ones.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::Serialize;

use super::{Point, Tally};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// The 1st of January 1970 was a Thursday; weeks begin on Monday.
const MONDAY: u64 = 3;
/// More than two years of hours.
const MAX_PERIODS: usize = 20_000;

/// How long one period of a report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Period {
    /// 60 minutes.
    Hour,
    /// 24 hours from midnight UTC.
    Day,
    /// 7 days from Monday.
    Week,
}

impl Period {
    /// Every period.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// As it is called on command lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
            Self::Week => "week",
        }
    }

    /// Milliseconds.
    #[must_use]
    pub fn length_ms(self) -> u64 {
        match self {
            Self::Hour => HOUR_MS,
            Self::Day => DAY_MS,
            Self::Week => 7 * DAY_MS,
        }
    }

    /// The beginning of the period that holds `at_ms`; the first week begins with 1970.
    pub(crate) fn start(self, at_ms: u64) -> u64 {
        match self {
            Self::Hour | Self::Day => at_ms - at_ms % self.length_ms(),
            Self::Week => ((at_ms / DAY_MS + MONDAY) / 7 * 7).saturating_sub(MONDAY) * DAY_MS,
        }
    }

    fn longer(self) -> Option<Self> {
        match self {
            Self::Hour => Some(Self::Day),
            Self::Day => Some(Self::Week),
            Self::Week => None,
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|period| period.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no period; there are hour, day and week"))
    }
}

/// A tally for every period in which something happened.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) period: Period,
    pub(crate) tallies: BTreeMap<u64, Tally>,
    /// What came after the room was used up.
    pub(crate) outside: Tally,
    cap: usize,
}

impl Series {
    pub(crate) fn new(period: Period) -> Self {
        Self { period, tallies: BTreeMap::new(), outside: Tally::default(), cap: MAX_PERIODS }
    }

    pub(crate) fn at(&mut self, at_ms: u64) -> &mut Tally {
        while !self.tallies.contains_key(&self.period.start(at_ms)) && self.tallies.len() >= self.cap {
            let Some(longer) = self.period.longer() else {
                return &mut self.outside;
            };
            self.period = longer;
            for (start, tally) in std::mem::take(&mut self.tallies) {
                self.tallies.entry(longer.start(start)).or_default().add(&tally);
            }
        }
        self.tallies.entry(self.period.start(at_ms)).or_default()
    }
}

/// Neighbouring periods as one, so that there are at most `most`; periods in which nothing happened are there too.
pub(crate) fn bars(points: &[Point], period: Period, most: usize) -> (u64, Vec<Point>) {
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        return (1, Vec::new());
    };
    let first = first.start_ms;
    let count = (last.start_ms - first) / period.length_ms() + 1;
    let together = count.div_ceil(most.max(1) as u64).max(1);
    let step = together.saturating_mul(period.length_ms());
    let empty = |at: u64| Point { start_ms: first.saturating_add(at.saturating_mul(step)), tally: Tally::default() };
    let mut bars: Vec<Point> = (0..count.div_ceil(together)).map(empty).collect();
    for point in points {
        let bar = usize::try_from((point.start_ms - first) / step).ok().and_then(|at| bars.get_mut(at));
        if let Some(bar) = bar {
            bar.tally.add(&point.tally);
        }
    }
    (together, bars)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one() -> Tally {
        Tally { success: 1, ..Tally::default() }
    }

    #[test]
    fn weeks_begin_on_monday_in_utc() {
        // Friday the 14th of November 2025, 06:13 UTC; its Monday is the 10th.
        let friday = 1_763_100_800_000;
        assert_eq!(crate::text::time(Period::Week.start(friday)), "2025-11-10T00:00:00.000Z");
        assert_eq!(crate::text::time(Period::Day.start(friday)), "2025-11-14T00:00:00.000Z");
        assert_eq!(crate::text::time(Period::Hour.start(friday)), "2025-11-14T06:00:00.000Z");
        assert_eq!(Period::Week.start(1), 0);
        for period in Period::ALL {
            let start = period.start(u64::MAX);
            assert_eq!(period.start(start), start);
        }
    }

    #[test]
    fn too_many_periods_become_longer_ones_and_nothing_is_lost() {
        let mut series = Series { cap: 50, ..Series::new(Period::Hour) };
        for at in 0..10_000 {
            series.at(at * HOUR_MS).add(&one());
        }
        assert_eq!(series.period, Period::Week);
        let counted: u64 = series.tallies.values().map(|tally| tally.success).sum();
        assert_eq!((counted + series.outside.success, series.tallies.len()), (10_000, 50));
        assert!(series.outside.success > 0);
    }

    #[test]
    fn bars_are_few_and_have_no_holes() {
        let points = [0, HOUR_MS, 9 * HOUR_MS].map(|start_ms| Point { start_ms, tally: one() });
        let (together, all) = bars(&points, Period::Hour, 100);
        assert_eq!((together, all.len()), (1, 10));
        let (together, few) = bars(&points, Period::Hour, 4);
        assert_eq!((together, few.len()), (3, 4));
        assert_eq!(few.iter().map(|bar| bar.tally.success).collect::<Vec<_>>(), [2, 0, 0, 1]);
        assert!(bars(&[], Period::Hour, 4).1.is_empty());
    }
}

//! Durations in few numbers: buckets that grow with their values, sixteen for each doubling, so that a percentile is
//! right to about 3 % whatever the range, and two sketches can be added.

use std::collections::BTreeMap;

use serde::Serialize;

/// Values below this have a bucket each.
const EXACT: u64 = 16;
const PER_DOUBLING: u32 = 4;

/// Microseconds, counted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sketch {
    buckets: BTreeMap<u32, u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

/// What is said of durations.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Durations {
    /// How many were measured.
    pub count: u64,
    /// The shortest, in microseconds; exact.
    pub min_us: u64,
    /// Half were at most this long; right to 3 %, as the other percentiles.
    pub p50_us: u64,
    /// 95 of 100 were at most this long.
    pub p95_us: u64,
    /// 99 of 100 were at most this long.
    pub p99_us: u64,
    /// The longest; exact.
    pub max_us: u64,
    /// Their mean; exact.
    pub mean_us: u64,
    /// How many there are in each doubling, shortest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doublings: Vec<Doubling>,
}

/// Durations between a power of two and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Doubling {
    /// Not shorter than this, in microseconds.
    pub from_us: u64,
    /// Shorter than this.
    pub below_us: u64,
    /// How many.
    pub count: u64,
}

impl Sketch {
    pub(crate) fn add(&mut self, us: u64) {
        self.min = if self.count == 0 { us } else { self.min.min(us) };
        self.max = self.max.max(us);
        self.count += 1;
        self.sum += u128::from(us);
        *self.buckets.entry(bucket(us)).or_default() += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.sum += other.sum;
        for (bucket, count) in &other.buckets {
            *self.buckets.entry(*bucket).or_default() += count;
        }
    }

    /// The value that `per_mille` of 1000 values do not pass.
    fn percentile(&self, per_mille: u64) -> u64 {
        let rank = (u128::from(self.count) * u128::from(per_mille)).div_ceil(1000).max(1);
        let mut seen = 0;
        for (bucket, count) in &self.buckets {
            seen += u128::from(*count);
            if seen >= rank {
                let (low, high) = bounds(*bucket);
                return (low + (high - low) / 2).clamp(self.min, self.max);
            }
        }
        self.max
    }

    pub(crate) fn durations(&self) -> Durations {
        let mut doublings: Vec<Doubling> = Vec::new();
        for (bucket, count) in &self.buckets {
            let (from_us, below_us) = doubling(bounds(*bucket).0);
            match doublings.last_mut().filter(|last| last.from_us == from_us) {
                Some(last) => last.count += count,
                None => doublings.push(Doubling { from_us, below_us, count: *count }),
            }
        }
        Durations {
            count: self.count,
            min_us: self.min,
            p50_us: self.percentile(500),
            p95_us: self.percentile(950),
            p99_us: self.percentile(990),
            max_us: self.max,
            mean_us: self.sum.checked_div(u128::from(self.count)).map_or(0, |mean| u64::try_from(mean).unwrap_or(0)),
            doublings,
        }
    }
}

/// Below [`EXACT`] the value itself; then the doubling and its sixteenth.
fn bucket(us: u64) -> u32 {
    let shift = if us < EXACT { 0 } else { us.ilog2() - PER_DOUBLING };
    // Below 32: for large values the leading one and the four bits behind it.
    let leading = u32::try_from(us >> shift).unwrap_or(0);
    (shift << PER_DOUBLING) + leading
}

/// The least and the largest value of a bucket.
fn bounds(bucket: u32) -> (u64, u64) {
    if u64::from(bucket) < EXACT {
        return (bucket.into(), bucket.into());
    }
    let shift = (bucket >> PER_DOUBLING) - 1;
    let leading = u64::from(bucket - (shift << PER_DOUBLING));
    let low = leading << shift;
    (low, low + ((1 << shift) - 1))
}

fn doubling(us: u64) -> (u64, u64) {
    match us {
        0 => (0, 1),
        us => (1 << us.ilog2(), (1_u64 << us.ilog2()).saturating_mul(2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_within_its_bucket_and_buckets_touch() {
        let edges = (0..63).flat_map(|shift| [(1_u64 << shift) - 1, 1 << shift, (1 << shift) + 1]);
        for us in edges.chain(0..5_000).chain([u64::MAX, u64::MAX / 3]) {
            let (low, high) = bounds(bucket(us));
            assert!((low..=high).contains(&us), "{us} in {low}..={high}");
            assert!(high - low <= us / 16, "{us}: {low}..={high} is too wide");
            if high < u64::MAX {
                assert_eq!(bucket(high + 1), bucket(us) + 1);
            }
        }
    }

    #[test]
    fn percentiles_are_right_to_three_per_cent() {
        let mut sketch = Sketch::default();
        let mut values: Vec<u64> = (1..=10_000_u64).map(|at| at * at * 7 % 3_000_017).collect();
        for value in &values {
            sketch.add(*value);
        }
        values.sort_unstable();
        let durations = sketch.durations();
        let found = [(durations.p50_us, 5_000), (durations.p95_us, 9_500), (durations.p99_us, 9_900)];
        for (found, rank) in found {
            let exact = values[rank - 1];
            assert!(found.abs_diff(exact) * 32 <= exact, "{found} for {exact}");
        }
        assert_eq!((durations.min_us, durations.max_us), (values[0], values[9_999]));
        assert_eq!(durations.doublings.iter().map(|doubling| doubling.count).sum::<u64>(), 10_000);
    }

    #[test]
    fn adding_sketches_is_adding_their_values() {
        let (mut all, mut left, mut right) = (Sketch::default(), Sketch::default(), Sketch::default());
        for us in 0..1_000 {
            all.add(us * us);
            if us % 3 == 0 { left.add(us * us) } else { right.add(us * us) }
        }
        left.merge(&right);
        left.merge(&Sketch::default());
        assert_eq!(left.durations(), all.durations());
        assert_eq!(Sketch::default().durations(), Durations::default());
    }
}

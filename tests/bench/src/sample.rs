//! What one measurement gave: how many calls, how long, how late, and what the process in the middle spent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// One setup at one concurrency in one round.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Sample {
    /// How many calls ended in the time.
    pub calls: u64,
    /// Calls a second.
    pub calls_per_second: f64,
    /// The middle latency, in microseconds.
    pub p50_us: f64,
    /// The latency of one in a hundred, in microseconds.
    pub p99_us: f64,
    /// The latency of one in a thousand, in microseconds.
    pub p999_us: f64,
    /// Of the echo, the relay or the host.
    pub cpu_seconds_per_1000_calls: f64,
}

impl Sample {
    /// Of latencies in nanoseconds, and what the process in the middle used of the processor meanwhile.
    #[must_use]
    pub fn of(mut latencies: Vec<u64>, took: Duration, cpu_seconds: f64) -> Self {
        latencies.sort_unstable();
        let calls = latencies.len() as f64;
        Self {
            calls: latencies.len() as u64,
            calls_per_second: calls / took.as_secs_f64(),
            p50_us: quantile(&latencies, 0.5) / 1e3,
            p99_us: quantile(&latencies, 0.99) / 1e3,
            p999_us: quantile(&latencies, 0.999) / 1e3,
            cpu_seconds_per_1000_calls: cpu_seconds / calls * 1e3,
        }
    }
}

/// Of sorted values; 0 where there is none.
pub fn quantile(sorted: &[u64], quantile: f64) -> f64 {
    let last = sorted.len().saturating_sub(1) as f64;
    sorted.get((last * quantile).round() as usize).copied().unwrap_or(0) as f64
}

/// The middle one; of an even number, the mean of the two in the middle.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or(0.0);
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    (upper + lower) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_two_in_the_middle() {
        assert!((median([4.0, 1.0, 3.0, 2.0]) - 2.5).abs() < 1e-9);
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!(median([]).abs() < 1e-9);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let sorted: Vec<u64> = (0..=100).collect();
        assert!((quantile(&sorted, 0.99) - 99.0).abs() < 1e-9);
        assert!((quantile(&sorted, 0.999) - 100.0).abs() < 1e-9);
        assert!(quantile(&[], 0.5).abs() < 1e-9);
    }
}

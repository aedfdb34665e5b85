//! Sizes that a soak raises, and choices that a seed repeats.

use std::{env, str::FromStr, time::SystemTime};

/// A number from the environment, or the one for CI.
pub fn size<T: FromStr>(name: &str, ci: T) -> T {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("`{name}={text}` is no number")),
        Err(_) => ci,
    }
}

/// The same choices for the same seed (xorshift64*). The seed is `GRID_FAULTS_SEED`, or the time; it is printed.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    #[expect(clippy::disallowed_methods, reason = "any number does for a seed")]
    pub fn seeded(what: &str) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let seed = size("GRID_FAULTS_SEED", now.as_nanos() as u64);
        println!("{what}: GRID_FAULTS_SEED={seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// So many of its kind, each with choices of its own.
    pub fn several(&mut self, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self(self.below(u64::MAX) | 1)).collect()
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) % end
    }

    pub fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize]
    }
}

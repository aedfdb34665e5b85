//! Choices that a seed makes; the same seed makes the same ones on every machine.

use grid_testkit::Dice;

#[derive(Debug, Clone)]
pub struct Random(Dice);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Dice::seeded(seed))
    }

    pub fn next(&mut self) -> u64 {
        self.0.roll()
    }

    /// From 0 up to and without `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// One of these.
    pub fn one_of<T: Copy>(&mut self, these: &[T]) -> T {
        let at = self.below(these.len() as u64);
        these[usize::try_from(at).unwrap()]
    }
}

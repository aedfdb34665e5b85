//! Counting by name in bounded memory: the first names get a row each, what comes after they are all taken is
//! counted in one row, and that is said.

use std::{collections::HashMap, hash::Hash};

use serde::Serialize;

/// What is counted for a name.
pub(crate) trait Count: Default {
    fn merge(&mut self, other: &Self);
    /// By what rows are put in order, largest first.
    fn weight(&self) -> u64;
}

/// How many records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    /// Records.
    pub count: u64,
}

impl Count for Times {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
    }

    fn weight(&self) -> u64 {
        self.count
    }
}

/// Counts by name.
#[derive(Debug)]
pub(crate) struct Names<K, T> {
    rows: HashMap<K, T>,
    rest: T,
    cap: usize,
    reached: bool,
}

/// The names with most, and all others as one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ranking<K, T> {
    /// Largest first.
    pub rows: Vec<Row<K, T>>,
    /// All names that are not in `rows`, as one; absent where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub others: Option<Others<T>>,
    /// Different names that were seen; at least so many where `capped`.
    pub distinct: usize,
    /// There were more names than are told apart: those that came later are in `others`.
    pub capped: bool,
}

/// A name and what was counted for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row<K, T> {
    /// Whose row it is.
    #[serde(flatten)]
    pub name: K,
    /// What was counted.
    #[serde(flatten)]
    pub value: T,
}

/// What has no row of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Others<T> {
    /// Names in it that were told apart.
    pub names: usize,
    /// What was counted for them and for all that came after the cap was reached.
    #[serde(flatten)]
    pub value: T,
}

impl<K: Hash + Eq + Ord, T: Count> Names<K, T> {
    pub(crate) fn new(cap: usize) -> Self {
        Self { rows: HashMap::new(), rest: T::default(), cap, reached: false }
    }

    pub(crate) fn at(&mut self, name: K) -> &mut T {
        if self.rows.len() >= self.cap && !self.rows.contains_key(&name) {
            self.reached = true;
            return &mut self.rest;
        }
        self.rows.entry(name).or_default()
    }

    /// The `top` largest; equal ones by name.
    pub(crate) fn rank<U>(self, top: usize, finish: impl Fn(T) -> U) -> Ranking<K, U> {
        let distinct = self.rows.len();
        let mut rows: Vec<(K, T)> = self.rows.into_iter().collect();
        rows.sort_by(|(name, count), (other, more)| more.weight().cmp(&count.weight()).then(name.cmp(other)));
        let mut rest = self.rest;
        let rest_names = rows.len().saturating_sub(top);
        for (_, count) in rows.iter().skip(top) {
            rest.merge(count);
        }
        rows.truncate(top);
        let others = (rest_names > 0 || self.reached).then_some(rest);
        Ranking {
            rows: rows.into_iter().map(|(name, count)| Row { name, value: finish(count) }).collect(),
            others: others.map(|count| Others { names: rest_names, value: finish(count) }),
            distinct,
            capped: self.reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs<K: Copy>(ranking: &Ranking<K, Times>) -> Vec<(K, u64)> {
        ranking.rows.iter().map(|row| (row.name, row.value.count)).collect()
    }

    #[test]
    fn the_largest_come_first_and_nothing_is_lost() {
        let mut names: Names<&str, Times> = Names::new(10);
        for (name, count) in [("b", 3), ("a", 3), ("c", 9), ("d", 1), ("e", 2)] {
            names.at(name).count += count;
        }
        let ranking = names.rank(3, |count| count);
        assert_eq!(pairs(&ranking), [("c", 9), ("a", 3), ("b", 3)]);
        assert_eq!(ranking.others, Some(Others { names: 2, value: Times { count: 3 } }));
        assert_eq!((ranking.distinct, ranking.capped), (5, false));
    }

    #[test]
    fn names_beyond_the_cap_are_one() {
        let mut names: Names<u64, Times> = Names::new(3);
        for name in 0..1_000 {
            names.at(name).count += 1;
            names.at(0).count += 1;
        }
        let ranking = names.rank(2, |count| count);
        assert_eq!(pairs(&ranking), [(0, 1_001), (1, 1)]);
        assert_eq!(ranking.others, Some(Others { names: 1, value: Times { count: 998 } }));
        assert_eq!((ranking.distinct, ranking.capped), (3, true));
    }
}

//! Records on their way into the index: what they are found by, gathered in order until it is written at once.

use grid_audit::Record;
use grid_core::{event::Sha256, reading::Filter};
use grid_tlog::Hash;

use crate::{
    store::About,
    terms::{BLOCK, Key, Namer},
};

/// Records of one batch at most. With every field present and different that is about 5 MiB.
pub(crate) const BATCH: usize = 1 << 15;

/// Consecutive records.
#[derive(Debug)]
pub(crate) struct Batch {
    about: About,
    first: u64,
    times: Vec<u64>,
    terms: Vec<(Key, u16)>,
    /// The last record, as it is stored.
    last: String,
}

impl Batch {
    /// Begins behind what is in the index.
    pub(crate) fn after(about: About) -> Self {
        Self { about, first: about.next, times: Vec::new(), terms: Vec::new(), last: String::new() }
    }

    /// Takes the next record.
    pub(crate) fn add(&mut self, record: &Record) {
        let index = record.index();
        let (block, place) = (index / BLOCK, u16::try_from(index % BLOCK).unwrap_or_default());
        let values = Filter::default().fields().map(|(name, _)| record.text(name));
        let terms = Namer(self.about.namer).terms(values);
        self.terms.extend(terms.map(|term| (term.key(block), place)));
        self.times.push(record.at_ms());
        if index == 0 {
            self.about.first = hash(record.line());
        }
        self.last.clear();
        self.last.push_str(record.line());
        self.about.next = index + 1;
    }

    pub(crate) fn len(&self) -> usize {
        self.times.len()
    }

    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// What the index says of itself with this batch in it.
    pub(crate) fn about(&self) -> About {
        if self.times.is_empty() { self.about } else { About { last: hash(&self.last), ..self.about } }
    }

    /// Entry for entry, and the places of each in order.
    pub(crate) fn sorted(&mut self) -> &[(Key, u16)] {
        self.terms.sort_unstable();
        &self.terms
    }

    /// The times of each `size` records that have a number of their own, and that number.
    pub(crate) fn times_by(&self, size: u64) -> impl Iterator<Item = (u64, &[u64])> {
        let mut at = self.first;
        let mut rest = self.times.as_slice();
        std::iter::from_fn(move || {
            let room = usize::try_from(size - at % size).unwrap_or(usize::MAX).min(rest.len());
            let (times, after) = rest.split_at_checked(room).filter(|(times, _)| !times.is_empty())?;
            let number = at / size;
            at += times.len() as u64;
            rest = after;
            Some((number, times))
        })
    }

    /// It was written: the next one begins.
    pub(crate) fn restart(&mut self) {
        self.about = self.about();
        self.first = self.about.next;
        self.times.clear();
        self.terms.clear();
    }
}

/// What tells one entry from another.
pub(crate) fn hash(line: &str) -> Sha256 {
    *Hash::leaf(line.as_bytes()).as_bytes()
}

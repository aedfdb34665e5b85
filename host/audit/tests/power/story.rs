//! What one log promised over all its lives, and whether what is found in it keeps that.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use grid_audit::{Record, Recovered};
use grid_core::event::Event;
use grid_tlog::{Frontier, Hash};

/// What opening showed.
pub type Entries = Vec<Vec<u8>>;

#[derive(Debug, Clone, Default)]
pub struct Story {
    /// By index, as the caller was told.
    acknowledged: BTreeMap<u64, Vec<u8>>,
    /// What an opening that succeeded showed: others may have read it.
    shown: Entries,
    /// Every tree that was published, as somebody saw it: the root by its size.
    published: BTreeMap<u64, Hash>,
    /// Versions of the file that is replaced: the last one that returned, and the last one that was tried.
    pub replaced: u64,
    pub tried: u64,
}

impl Story {
    pub fn acknowledge(&mut self, index: u64, event: &Event) {
        let mut bytes = Vec::new();
        grid_audit::encode::encode(event, &mut bytes);
        let other = self.acknowledged.insert(index, bytes);
        assert_eq!(other, None, "index {index} was given twice");
        assert!(index >= self.shown.len() as u64, "index {index} was given to what opening had shown");
    }

    fn check(&self, found: &Entries) {
        for (index, bytes) in &self.acknowledged {
            let is = found.get(usize::try_from(*index).unwrap());
            assert!(is == Some(bytes), "acknowledged record {index} of {}: {}", found.len(), both(is, bytes));
        }
        for (index, bytes) in self.shown.iter().enumerate() {
            let is = found.get(index);
            assert!(is == Some(bytes), "record {index} of {}, shown before: {}", found.len(), both(is, bytes));
        }
    }

    /// Somebody saw this tree, and may compare it with later ones.
    pub fn saw(&mut self, size: u64, root: Hash) {
        let other = self.published.insert(size, root);
        assert!(other.is_none_or(|other| other == root), "two trees of {size} entries were published");
    }

    /// All trees that were ever published are one that grew.
    fn check_published(&self, found: &Entries) {
        let mut edge = Frontier::new();
        let mut published = self.published.iter().peekable();
        for entry in found {
            edge.push(Hash::leaf(entry));
            if let Some((size, root)) = published.next_if(|(size, _)| **size == edge.size()) {
                assert_eq!(*root, edge.root(), "another tree of {size} entries was published");
            }
        }
        assert_eq!(published.next(), None, "it was published and is gone");
    }

    /// Opening succeeded, and readers now find this.
    pub fn opened(&mut self, found: Entries, recovered: &Recovered) {
        self.check(&found);
        let (before, closings) = found.split_at(usize::try_from(recovered.records).unwrap());
        let ends = calls(before);
        let open: BTreeSet<_> = ends.iter().filter(|(_, ends)| **ends == 0).map(|(id, _)| id.clone()).collect();
        let closed: BTreeSet<_> = recovered.closed.iter().map(ToString::to_string).collect();
        assert_eq!(open, closed, "the calls that were open, and those that opening closed");
        assert_eq!(closings.len(), closed.len(), "opening wrote one conclusion for each");
        self.shown = found;
    }

    /// After a last life in which nothing happened.
    pub fn end(&self, found: &Entries) {
        self.check(found);
        self.check_published(found);
        for (invocation, ends) in calls(found) {
            assert_eq!(ends, 1, "{invocation} has not one outcome");
        }
    }
}

fn both(is: Option<&Vec<u8>>, was: &[u8]) -> String {
    let is = is.map(|bytes| String::from_utf8_lossy(bytes));
    format!("it is {is:?} and was {:?}", String::from_utf8_lossy(was))
}

/// How many conclusions each admission has.
fn calls(entries: &[Vec<u8>]) -> HashMap<String, u32> {
    let mut calls = HashMap::new();
    for (index, bytes) in entries.iter().enumerate() {
        let record = Record::decode(index as u64, bytes).unwrap();
        let invocation = record.invocation().map(str::to_owned);
        match (record.kind(), invocation) {
            ("admitted", Some(invocation)) => {
                let other = calls.insert(invocation, 0);
                assert_eq!(other, None, "entry {index} admits once more");
            }
            ("concluded", Some(invocation)) => *calls.get_mut(&invocation).unwrap() += 1,
            _ => {}
        }
    }
    calls
}

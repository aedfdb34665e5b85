//! What an outside client remembers: every acknowledgement that the probe passed on, and every tree that the log has
//! signed. A log is held to both.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::Path,
};

use grid_audit::{History, Reader, Record, Signed};
use grid_tlog::{Checkpoint, Frontier, Hash};

use super::Said;

/// Of one log, over all processes that wrote it.
#[derive(Debug, Default, Clone)]
pub struct Receipts {
    acknowledged: BTreeMap<u64, (String, String)>,
    /// The root of every tree that was signed and given out, by its size.
    roots: BTreeMap<u64, String>,
    /// The log as it was last seen: what was there once stays, acknowledged or not.
    seen: Vec<Box<str>>,
}

/// What is in a log.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub records: u64,
    pub calls: u64,
    /// Calls without a conclusion.
    pub open: u64,
    /// Conclusions that say that the outcome is unknown.
    pub unknown: u64,
}

impl Receipts {
    /// Takes the acknowledgements out of what a probe said.
    pub fn take(&mut self, said: &[Said]) {
        for said in said {
            if let Said::Acknowledged { kind, index, invocation, size, root } = said {
                let what = (kind.clone(), invocation.clone());
                let other = self.acknowledged.insert(*index, what);
                assert_eq!(other, None, "index {index} was given twice, the second time for {said:?}");
                self.signed(*size, root);
            }
        }
    }

    /// Two trees of one size are a fork.
    fn signed(&mut self, size: u64, root: &str) {
        let other = self.roots.entry(size).or_insert_with(|| root.to_owned());
        assert_eq!(other, root, "two trees of {size} entries were signed");
    }

    pub fn len(&self) -> usize {
        self.acknowledged.len()
    }

    /// The log as a process left it: every acknowledged record in its place, every conclusion behind its admission,
    /// nothing concluded twice.
    pub fn check(&mut self, directory: &Path) -> Counts {
        let mut counts = Counts::default();
        let mut calls: HashMap<String, bool> = HashMap::new();
        let mut missing = self.acknowledged.clone();
        self.public(directory);
        let mut tree = Frontier::new();
        for record in Reader::open(directory).unwrap().records(0) {
            let record = record.unwrap_or_else(|error| panic!("the log cannot be read: {error}"));
            assert_eq!(record.index(), counts.records, "indices have no gaps");
            self.same_as_before(&record);
            if let Some((kind, invocation)) = missing.remove(&record.index()) {
                assert_eq!(record.kind(), kind, "{record:?}");
                assert_eq!(record.invocation(), Some(invocation.as_str()), "{record:?}");
            }
            counts.records += 1;
            tree.push(Hash::leaf(record.line().as_bytes()));
            if let Some(root) = self.roots.get(&counts.records) {
                assert_eq!(tree.root().to_string(), *root, "another tree of {} entries was signed", counts.records);
            }
            counts.unknown += u64::from(record.outcome() == Some("outcome_unknown"));
            let invocation = record.invocation().unwrap_or_default();
            match record.kind() {
                "admitted" => {
                    let before = calls.insert(invocation.to_owned(), false);
                    assert_eq!(before, None, "admitted twice: {record:?}");
                }
                "concluded" => {
                    let before = calls.insert(invocation.to_owned(), true);
                    assert_eq!(before, Some(false), "concluded without being open: {record:?}");
                }
                _ => {}
            }
        }
        let beyond = self.roots.range(counts.records + 1..).next();
        assert_eq!(beyond, None, "a tree was signed that has more than {} entries", counts.records);
        assert!(missing.is_empty(), "acknowledged and not in the log: {missing:?}");
        assert!(counts.records >= self.seen.len() as u64, "records that were in the log are gone");
        counts.calls = calls.len() as u64;
        counts.open = calls.values().filter(|ended| !**ended).count() as u64;
        counts
    }

    /// The log after it was opened: nothing is open any more either.
    pub fn check_settled(&mut self, directory: &Path) -> Counts {
        let counts = self.check(directory);
        assert_eq!(counts.open, 0, "calls without a conclusion in {}", directory.display());
        counts
    }

    /// The log after it was closed in order: all of it is public too.
    pub fn check_closed(&mut self, directory: &Path) -> Counts {
        let counts = self.check_settled(directory);
        if counts.records == 0 {
            return counts;
        }
        let note = fs::read_to_string(directory.join("checkpoint")).unwrap();
        let keys = History::read(directory).unwrap().unwrap();
        let (checkpoint, _) = Checkpoint::open(&note, keys.present().unwrap()).unwrap();
        assert_eq!(checkpoint.size, counts.records, "the checkpoint does not cover the log");
        self.signed(checkpoint.size, &checkpoint.root.to_string());
        self.check(directory)
    }

    /// What the log says in public that it signed is remembered like what it acknowledged.
    fn public(&mut self, directory: &Path) {
        let (Ok(lines), Ok(Some(keys))) =
            (fs::read_to_string(directory.join("checkpoints.log")), History::read(directory))
        else {
            return;
        };
        for line in lines.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let signed = Signed::parse(line).unwrap_or_else(|| panic!("`checkpoints.log` has the line `{line}`"));
            let key = keys.at(signed.size).expect("the log had a key");
            assert!(signed.trailer.is_signed_by(signed.size, key), "{line}");
            self.signed(signed.size, &signed.trailer.root.to_string());
        }
    }

    fn same_as_before(&mut self, record: &Record) {
        match self.seen.get(record.index() as usize) {
            Some(line) => assert_eq!(&**line, record.line(), "record {} has changed", record.index()),
            None => self.seen.push(record.line().into()),
        }
    }
}

//! The outcome log on the disk: segments, what in them is not settled yet, and the file of rejected outcomes. It belongs
//! to one thread.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use grid_sdk::Report;

use super::entry::{Entry, Outcome};
use super::files::{OUTCOMES, REJECTED, key_of, numbers, owned};
use super::seal::Key;
use super::segment::{Place, Segment, path_of};
use super::{NotOpened, Settled};
use crate::clock;

/// A segment that has grown to this is followed by another.
const SEGMENT: u64 = 8 << 20;

/// Where an outcome is that is not settled.
enum Kept {
    Disk(Place),
    /// It could not be written and waits for the disk to take it.
    Memory(Box<Outcome>),
}

pub(crate) struct Store {
    directory: PathBuf,
    key: Key,
    /// Held as long as the log is open.
    _lock: File,
    segments: BTreeMap<u64, Segment>,
    /// The one that is appended to; none before the first outcome and after a fault.
    current: Option<u64>,
    rejected: Option<Segment>,
    next_segment: u64,
    next_seq: u64,
    pending: BTreeMap<u64, (Kept, u64)>,
    /// Of the outcomes that are not settled.
    bytes: u64,
    dirty: bool,
    faulty: bool,
}

impl Store {
    /// Opens the log of a directory and finds what the host has not heard of.
    pub(crate) fn open(directory: &Path, key: Option<Key>) -> Result<Self, NotOpened> {
        let at = |fault: io::Error| NotOpened::new(directory, &fault.to_string());
        DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(at)?;
        let lock = owned(OpenOptions::new().write(true).create(true).truncate(false), &directory.join("lock"));
        let lock = lock.map_err(at)?;
        lock.try_lock().map_err(|_| NotOpened::new(directory, "another process has it open; give each its own"))?;
        let key = match key {
            Some(key) => key,
            None => key_of(directory).map_err(at)?,
        };
        let mut store = Self {
            directory: directory.to_owned(),
            key,
            _lock: lock,
            segments: BTreeMap::new(),
            current: None,
            rejected: None,
            next_segment: 0,
            next_seq: 0,
            pending: BTreeMap::new(),
            bytes: 0,
            dirty: false,
            faulty: false,
        };
        store.recover().map_err(at)?;
        Ok(store)
    }

    fn recover(&mut self) -> io::Result<()> {
        for number in numbers(&self.directory, OUTCOMES)? {
            self.next_segment = self.next_segment.max(number + 1);
            let path = path_of(&self.directory, OUTCOMES, number);
            let Some((segment, entries)) = Segment::open(&path, number, &self.key)? else {
                fs::remove_file(&path)?;
                continue;
            };
            if segment.damaged {
                tracing::error!(path = %path.display(), "a part of the outcome log was changed; what can be read of it \
                                is told, and the file is kept");
            }
            self.segments.insert(number, segment);
            for (place, entry) in entries {
                match entry {
                    Entry::Outcome(outcome) => {
                        self.next_seq = self.next_seq.max(outcome.seq + 1);
                        self.keep(outcome.seq, Kept::Disk(place), place.length as u64);
                    }
                    Entry::Settled { seqs } => {
                        self.next_seq = seqs.iter().map(|seq| seq + 1).fold(self.next_seq, u64::max);
                        seqs.into_iter().for_each(|seq| self.forget(seq));
                    }
                    Entry::Rejected { .. } => {}
                }
            }
        }
        if let Some(last) = numbers(&self.directory, REJECTED)?.last() {
            self.next_segment = self.next_segment.max(last + 1);
        }
        self.clear();
        Ok(())
    }

    /// Takes an outcome. It is never refused: where the disk does not take it, it waits in memory and
    /// [`Store::is_faulty`] says so.
    pub(crate) fn record(&mut self, report: &Report) {
        let seq = self.next_seq;
        self.next_seq += 1;
        let outcome = Outcome::new(seq, report);
        let size = report.answer.as_ref().map_or(0, String::len) as u64;
        let entry = Entry::Outcome(outcome);
        let kept = match (self.append(&entry), entry) {
            (Some(place), _) => Kept::Disk(place),
            (None, Entry::Outcome(outcome)) => Kept::Memory(Box::new(outcome)),
            (None, _) => return,
        };
        let size = if let Kept::Disk(place) = &kept { place.length as u64 } else { size };
        self.keep(seq, kept, size);
    }

    /// The oldest outcomes that are not settled.
    pub(crate) fn oldest(&mut self, most: usize, bytes: u64) -> Vec<(u64, Report)> {
        let mut found = Vec::new();
        let mut unreadable = Vec::new();
        let mut taken = 0;
        for (seq, (kept, size)) in &self.pending {
            if found.len() >= most || (taken > 0 && taken + size > bytes) {
                break;
            }
            let outcome = match kept {
                Kept::Memory(outcome) => Some(outcome.as_ref().clone()),
                Kept::Disk(place) => self.read(*place),
            };
            match outcome.and_then(Outcome::report) {
                Some(report) => {
                    taken += size;
                    found.push((*seq, report));
                }
                None => unreadable.push(*seq),
            }
        }
        for seq in unreadable {
            tracing::error!(seq, directory = %self.directory.display(), "an outcome can no longer be read; the host will \
                            record its call as unreported");
            self.mark_damaged(seq);
            self.forget(seq);
        }
        found
    }

    fn read(&self, place: Place) -> Option<Outcome> {
        match self.segments.get(&place.segment)?.read(place).ok()? {
            Entry::Outcome(outcome) => Some(outcome),
            _ => None,
        }
    }

    fn mark_damaged(&mut self, seq: u64) {
        if let Some((Kept::Disk(place), _)) = self.pending.get(&seq)
            && let Some(segment) = self.segments.get_mut(&place.segment)
        {
            segment.damaged = true;
        }
    }

    /// Notes what became of outcomes, and whether it could. Those that were rejected are kept aside first.
    pub(crate) fn settle(&mut self, results: Vec<(u64, Settled)>) -> bool {
        let asked = results.len();
        let mut seqs = Vec::with_capacity(results.len());
        for (seq, settled) in results {
            if let Settled::Rejected { code, message } = settled
                && !self.set_aside(seq, code, message)
            {
                // It stays, and is told again: better twice than not at all.
                continue;
            }
            seqs.push(seq);
        }
        let all = seqs.len() == asked;
        if seqs.is_empty() {
            return all;
        }
        // Where this is not written they are told again after a restart, and the host answers as it did.
        let _ = self.append(&Entry::Settled { seqs: seqs.clone() });
        seqs.into_iter().for_each(|seq| self.forget(seq));
        self.clear();
        all
    }

    fn set_aside(&mut self, seq: u64, code: String, message: String) -> bool {
        let outcome = match self.pending.get(&seq) {
            None => return true,
            Some((Kept::Memory(outcome), _)) => Some(outcome.as_ref().clone()),
            Some((Kept::Disk(place), _)) => self.read(*place),
        };
        let Some(outcome) = outcome else { return true };
        let entry = Entry::Rejected { at_ms: clock::unix_ms(), code, message, outcome };
        let kept = self.rejected_file().and_then(|file| {
            file.append(&entry)?;
            file.sync()
        });
        if let Err(fault) = &kept {
            tracing::error!(%fault, directory = %self.directory.display(), "a rejected outcome cannot be kept");
            self.rejected = None;
        }
        kept.is_ok()
    }

    fn rejected_file(&mut self) -> io::Result<&mut Segment> {
        let file = match self.rejected.take() {
            Some(file) => file,
            None => {
                self.next_segment += 1;
                Segment::create(&self.directory, REJECTED, self.next_segment - 1, &self.key)?
            }
        };
        Ok(self.rejected.insert(file))
    }

    /// Tries again to write what waits in memory.
    pub(crate) fn mend(&mut self) {
        if !self.faulty {
            return;
        }
        self.faulty = false;
        let waiting = self.pending.iter().filter_map(|(seq, (kept, _))| match kept {
            Kept::Memory(outcome) => Some((*seq, outcome.as_ref().clone())),
            Kept::Disk(_) => None,
        });
        for (seq, outcome) in waiting.collect::<Vec<_>>() {
            let Some(place) = self.append(&Entry::Outcome(outcome)) else { return };
            self.forget(seq);
            self.keep(seq, Kept::Disk(place), place.length as u64);
        }
    }

    /// Makes what was appended survive a loss of power.
    pub(crate) fn sync(&mut self) {
        if !self.dirty {
            return;
        }
        self.dirty = false;
        let synced = self.current.and_then(|number| self.segments.get(&number)).map_or(Ok(()), Segment::sync);
        if let Err(fault) = synced {
            self.failed(&fault);
        }
    }

    fn append(&mut self, entry: &Entry) -> Option<Place> {
        let appended = self.writable().and_then(|segment| segment.append(entry));
        match appended {
            Ok(place) => {
                self.dirty = true;
                Some(place)
            }
            Err(fault) => {
                self.failed(&fault);
                None
            }
        }
    }

    fn writable(&mut self) -> io::Result<&mut Segment> {
        let number = match self.current.filter(|number| self.segments.get(number).is_some_and(|at| at.length < SEGMENT))
        {
            Some(number) => number,
            None => {
                self.sync();
                let number = self.next_segment;
                self.next_segment += 1;
                let segment = Segment::create(&self.directory, OUTCOMES, number, &self.key)?;
                self.segments.insert(number, segment);
                self.current = Some(number);
                number
            }
        };
        self.segments.get_mut(&number).ok_or_else(|| io::Error::other("the segment is gone"))
    }

    /// What follows half a frame could not be read, so nothing is appended behind it.
    fn failed(&mut self, fault: &io::Error) {
        if !self.faulty {
            tracing::error!(%fault, directory = %self.directory.display(), "the outcome log cannot be written; no tool \
                            runs here until it can");
        }
        self.faulty = true;
        self.current = None;
    }

    fn keep(&mut self, seq: u64, kept: Kept, size: u64) {
        self.bytes += size;
        self.pending.insert(seq, (kept, size));
    }

    fn forget(&mut self, seq: u64) {
        if let Some((_, size)) = self.pending.remove(&seq) {
            self.bytes = self.bytes.saturating_sub(size);
        }
    }

    /// Removes segments, from the oldest on, as long as nothing in them is wanted. A later one may say what became of
    /// an outcome in an earlier one, so it never goes first.
    fn clear(&mut self) {
        let wanted = self.pending.values().filter_map(|(kept, _)| match kept {
            Kept::Disk(place) => Some(place.segment),
            Kept::Memory(_) => None,
        });
        let until = wanted.chain(self.current).min().unwrap_or(u64::MAX);
        while let Some(first) = self.segments.first_entry().filter(|first| *first.key() < until) {
            let segment = first.remove();
            let removed = if segment.damaged {
                fs::rename(&segment.path, segment.path.with_extension("damaged"))
            } else {
                fs::remove_file(&segment.path)
            };
            if let Err(fault) = removed {
                tracing::warn!(%fault, path = %segment.path.display(), "a settled part of the outcome log stays");
            }
        }
    }

    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) const fn is_faulty(&self) -> bool {
        self.faulty
    }
}

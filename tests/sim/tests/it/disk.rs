//! The disk under the log: memory, which says of each frame when it was synced.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use grid_audit::{Chain, Error, MemoryStorage, Record, Storage};
use grid_tlog::Frontier;

/// Cheap to clone; all clones are one disk. It outlives the host.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    memory: MemoryStorage,
    marks: Arc<Mutex<Marks>>,
}

#[derive(Debug, Default)]
struct Marks {
    /// The index of the first entry of each frame.
    first: Vec<u64>,
    /// Frames that are synced.
    synced: usize,
    /// The policy epoch in which the entries of each frame got their place.
    epochs: Vec<u64>,
    placing: u64,
    /// When each frame was stored, by the wall clock.
    stored: Vec<u64>,
    /// Commits until it fails.
    breaks: Option<usize>,
    /// It has.
    failed: bool,
}

impl Disk {
    /// How many frames are durable.
    pub fn synced(&self) -> usize {
        self.marks().synced
    }

    /// Whether the entry was durable when so many frames were.
    pub fn was_durable(&self, index: u64, synced: usize) -> bool {
        match self.marks().first.get(synced) {
            Some(next) => index < *next,
            // No further frame was ever begun.
            None => true,
        }
    }

    /// What gets its place from now on does so in this policy epoch.
    pub fn placed(&self, epoch: u64) {
        self.marks().placing = epoch;
    }

    /// Everything that was appended is stored now.
    pub fn stored(&self, at_ms: u64) {
        let mut marks = self.marks();
        let synced = marks.synced;
        marks.stored.resize(synced, at_ms);
    }

    /// The policy epoch in which the entry got its place.
    pub fn epoch_of(&self, index: u64) -> Option<u64> {
        let marks = self.marks();
        marks.epochs.get(marks.frame_of(index)?).copied()
    }

    /// When the entry was stored, by the wall clock.
    pub fn stored_ms(&self, index: u64) -> Option<u64> {
        let marks = self.marks();
        marks.stored.get(marks.frame_of(index)?).copied()
    }

    /// It fails after so many commits, half-way through a frame or before that is synced.
    pub fn breaks_after(&self, commits: usize) {
        self.marks().breaks = Some(commits);
    }

    /// It has failed, and nobody has repaired it.
    pub fn has_failed(&self) -> bool {
        self.marks().failed
    }

    /// Somebody repaired it.
    pub fn mend(&self) {
        let mut marks = self.marks();
        (marks.breaks, marks.failed) = (None, false);
        drop(marks);
        self.memory.fail_append(None);
        self.memory.fail_sync(None);
    }

    /// Power is lost: what was not synced is gone.
    pub fn lose_power(&mut self) {
        self.memory.reset().unwrap();
    }

    pub fn records(&self) -> Vec<Record> {
        let entries = (0..).zip(self.memory.entries());
        entries.map(|(index, entry)| Record::decode(index, &entry).unwrap()).collect()
    }

    fn marks(&self) -> MutexGuard<'_, Marks> {
        self.marks.lock().unwrap()
    }
}

impl Marks {
    fn frame_of(&self, index: u64) -> Option<usize> {
        self.first.partition_point(|first| *first <= index).checked_sub(1)
    }

    /// Frames that are lost leave their places to others.
    fn keep(&mut self, frames: usize) {
        self.first.truncate(frames);
        self.epochs.truncate(frames);
    }
}

impl Storage for Disk {
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error> {
        let cut = self.memory.recover(chain)?;
        let mut marks = self.marks();
        // A frame that was there whole when its process ended counts from now on.
        let kept = marks.first.partition_point(|first| *first < chain.size());
        marks.keep(kept);
        marks.synced = kept;
        Ok(cut)
    }

    fn append(&mut self, frame: &[u8], edge: &Frontier) -> io::Result<()> {
        let mut marks = self.marks();
        let synced = marks.synced;
        marks.keep(synced);
        marks.first.push(edge.size());
        let placing = marks.placing;
        marks.epochs.push(placing);
        match &mut marks.breaks {
            // Each frame breaks at one of both.
            Some(0) if edge.size().is_multiple_of(2) => self.memory.fail_append(Some(0)),
            Some(0) => self.memory.fail_sync(Some(0)),
            Some(commits) => *commits -= 1,
            None => {}
        }
        drop(marks);
        let appended = self.memory.append(frame, edge);
        self.marks().failed |= appended.is_err();
        appended
    }

    fn sync(&mut self) -> io::Result<()> {
        let synced = self.memory.sync();
        let mut marks = self.marks();
        marks.failed |= synced.is_err();
        if synced.is_ok() {
            marks.synced = marks.first.len();
        }
        synced
    }

    fn reset(&mut self) -> io::Result<()> {
        self.memory.reset()
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        self.memory.has_room(bytes)
    }

    fn max_frame(&self) -> usize {
        self.memory.max_frame()
    }
}

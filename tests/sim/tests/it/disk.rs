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

impl Storage for Disk {
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error> {
        self.memory.recover(chain)
    }

    fn append(&mut self, frame: &[u8], edge: &Frontier) -> io::Result<()> {
        let mut marks = self.marks();
        // A frame that was lost with the power leaves its place to the next one.
        let synced = marks.synced;
        marks.first.truncate(synced);
        marks.first.push(edge.size());
        drop(marks);
        self.memory.append(frame, edge)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.memory.sync()?;
        let mut marks = self.marks();
        marks.synced = marks.first.len();
        Ok(())
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

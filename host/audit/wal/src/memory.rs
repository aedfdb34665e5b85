//! A log in memory for tests: it counts syncs, fails when told to, and survives its writer so that it can be
//! opened again.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use grid_tlog::Frontier;

use crate::{
    Chain, Error, Storage,
    frame::MAX_FRAME,
    scan::{Step, Walk},
};

/// Cheap to clone; all clones are one log.
#[derive(Debug, Clone, Default)]
pub struct MemoryStorage {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    bytes: Vec<u8>,
    synced: usize,
    syncs: u64,
    appends: u64,
    fail_append: Option<u64>,
    fail_sync: Option<u64>,
    full: bool,
}

impl MemoryStorage {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What is there, as after a crash that kept everything.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// How many syncs succeeded.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.lock().syncs
    }

    /// The `nth` append from the beginning, counted from 1, writes half of its frame and fails, and so does every
    /// later one. `None` heals it.
    pub fn fail_append(&self, nth: Option<u64>) {
        self.lock().fail_append = nth;
    }

    /// The same for syncs.
    pub fn fail_sync(&self, nth: Option<u64>) {
        self.lock().fail_sync = nth;
    }

    /// Has room for conclusions only.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// The bytes of all entries, synced or not.
    #[must_use]
    pub fn entries(&self) -> Vec<Vec<u8>> {
        let mut entries = Vec::new();
        let inner = self.lock();
        let mut walk = Walk::default();
        while let Ok(Step::Frame(frame)) = walk.step(inner.bytes.as_slice()) {
            entries.extend(frame.entries().map(|entry| entry.bytes.to_vec()));
        }
        entries
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error> {
        let mut inner = self.lock();
        let mut walk = Walk::default();
        loop {
            let offset = walk.offset();
            let step = walk.step(inner.bytes.as_slice());
            match step.map_err(Error::io("read", &memory()))? {
                Step::Frame(frame) if frame.first_index == chain.size() => {
                    let index = chain.size();
                    chain.pass(&frame).map_err(|what| damaged(offset, index, what))?;
                }
                _ => break,
            }
        }
        let next_index = chain.size();
        let followed = walk.is_followed(inner.bytes.as_slice(), next_index);
        if followed.map_err(Error::io("read", &memory()))? {
            return Err(damaged(walk.offset(), next_index, "a frame does not check"));
        }
        let end = usize::try_from(walk.offset()).unwrap_or(0);
        let cut = (inner.bytes.len() - end.min(inner.bytes.len())) as u64;
        inner.bytes.truncate(end);
        inner.synced = end;
        Ok(cut)
    }

    fn append(&mut self, frame: &[u8], _edge: &Frontier) -> io::Result<()> {
        let mut inner = self.lock();
        inner.appends += 1;
        if inner.fail_append.is_some_and(|nth| inner.appends >= nth) {
            let half = frame.get(..frame.len() / 2).unwrap_or_default();
            inner.bytes.extend_from_slice(half);
            return Err(io::Error::other("told to fail"));
        }
        inner.bytes.extend_from_slice(frame);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.fail_sync.is_some_and(|nth| inner.syncs + 1 >= nth) {
            return Err(io::Error::other("told to fail"));
        }
        inner.syncs += 1;
        inner.synced = inner.bytes.len();
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        let mut inner = self.lock();
        let synced = inner.synced;
        inner.bytes.truncate(synced);
        Ok(())
    }

    fn has_room(&mut self, _bytes: u64) -> bool {
        !self.lock().full
    }

    fn max_frame(&self) -> usize {
        MAX_FRAME
    }
}

fn memory() -> PathBuf {
    PathBuf::from("memory")
}

fn damaged(offset: u64, index: u64, what: &str) -> Error {
    Error::Damaged { file: memory(), offset, index, what: what.into() }
}

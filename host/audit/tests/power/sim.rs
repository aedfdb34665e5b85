//! The simulated disk. It counts what changes it, stops at a chosen operation as a machine does that is switched
//! off, fails chosen syncs, and can be full.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs::TryLockError,
    io,
    path::Path,
    sync::{Arc, Condvar, Mutex, MutexGuard},
};

use grid_audit_wal::disk::{Disk, File, How};

use crate::{
    content::{Content, Fate},
    image::{Id, Image},
    random::Random,
};

// No write has these lengths at offset 0.
const NAME: u64 = 1;
const SIZE: u64 = 2;
const SYNC: u64 = 3;

/// When a full disk says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// When bytes are written.
    AtWrite,
    /// When they are synced: space is given out late.
    AtSync,
}

/// What goes wrong, and when.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Before the operation of this number, counted from 1, everything ends.
    pub stop_at: Option<u64>,
    /// Syncs of these numbers, counted from 1, fail.
    pub failing_syncs: Vec<u64>,
    /// Bytes that fit.
    pub capacity: Option<(usize, Full)>,
}

/// Clones are the same disk.
#[derive(Debug, Clone)]
pub struct SimDisk {
    shared: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Debug)]
struct State {
    image: Image,
    plan: Plan,
    random: Random,
    operations: u64,
    /// A digest of what was done and how long it was.
    trace: u64,
    syncs: u64,
    stopped: bool,
    failed: bool,
    locked: BTreeSet<Id>,
    /// Syncs wait while this is set.
    hold: bool,
    held: bool,
}

#[derive(Debug)]
pub struct SimFile {
    disk: SimDisk,
    id: Id,
}

impl SimDisk {
    pub fn new(image: Image, plan: Plan, random: Random) -> Self {
        let state = State {
            image,
            plan,
            random,
            operations: 0,
            trace: 0,
            syncs: 0,
            stopped: false,
            failed: false,
            locked: BTreeSet::new(),
            hold: false,
            held: false,
        };
        Self { shared: Arc::new((Mutex::new(state), Condvar::new())) }
    }

    /// Has room for so many bytes more.
    pub fn grow(&self, by: usize) {
        if let Some((capacity, _)) = &mut self.state().plan.capacity {
            *capacity += by;
        }
    }

    /// Everything as it is now.
    pub fn image(&self) -> Image {
        self.state().image.clone()
    }

    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    pub fn has_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Whether a sync failed as planned.
    pub fn failed(&self) -> bool {
        self.state().failed
    }

    /// Whether anything went wrong as planned.
    pub fn was_disturbed(&self) -> bool {
        let state = self.state();
        state.stopped || state.failed
    }

    /// Nothing reaches it any more.
    pub fn stop(&self) {
        self.state().stopped = true;
        self.shared.1.notify_all();
    }

    /// The next sync waits for [`SimDisk::release`].
    pub fn hold(&self) {
        let mut state = self.state();
        (state.hold, state.held) = (true, false);
    }

    pub fn is_held(&self) -> bool {
        self.state().held
    }

    pub fn release(&self) {
        self.state().hold = false;
        self.shared.1.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap()
    }

    /// To read.
    fn running(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = self.state();
        if state.stopped { Err(stopped()) } else { Ok(state) }
    }

    /// To change something; `what` tells operations apart in the trace.
    fn operation(&self, what: u64) -> io::Result<MutexGuard<'_, State>> {
        let mut state = self.running()?;
        state.operations += 1;
        state.trace = Random::new(state.trace ^ what).next();
        if state.plan.stop_at == Some(state.operations) {
            state.stopped = true;
            return Err(stopped());
        }
        Ok(state)
    }

    /// To sync; says whether that is to fail.
    fn syncing(&self) -> io::Result<(MutexGuard<'_, State>, bool)> {
        let mut state = self.running()?;
        if state.hold {
            state.held = true;
            state = self.shared.1.wait_while(state, |state| state.hold && !state.stopped).unwrap();
        }
        drop(state);
        let mut state = self.operation(SYNC)?;
        state.syncs += 1;
        let fails = state.plan.failing_syncs.contains(&state.syncs);
        state.failed |= fails;
        Ok((state, fails))
    }
}

fn stopped() -> io::Error {
    io::Error::other("the simulated machine is off")
}

fn failed() -> io::Error {
    io::Error::other("the simulated disk failed")
}

impl Disk for SimDisk {
    type File = SimFile;

    const THREADS: bool = false;

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.operation(NAME)?.image.make_directory(path).map(|_| ())
    }

    fn open(&self, path: &Path, how: How) -> io::Result<SimFile> {
        let found = self.running()?.image.find(path);
        let id = match (found, how) {
            (Ok(_), How::CreateNew) => return Err(io::ErrorKind::AlreadyExists.into()),
            (Ok(id), How::Truncate) => {
                self.operation(SIZE)?.image.content(id)?.resize(0);
                id
            }
            (Ok(id), _) => id,
            (Err(error), How::Read | How::Write) => return Err(error),
            (Err(_), _) => self.operation(NAME)?.image.make_file(path)?,
        };
        self.running()?.image.content(id)?;
        Ok(SimFile { disk: self.clone(), id })
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        Ok(self.running()?.image.find(path).is_ok())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.operation(NAME)?.image.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.operation(NAME)?.image.remove(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.operation(NAME)?.image.remove_directory(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.running()?.image.list(directory)
    }

    /// A failed one changes nothing: file systems give up when they cannot write names.
    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        let (mut state, fails) = self.syncing()?;
        if fails { Err(failed()) } else { state.image.sync_dir(directory) }
    }
}

impl SimFile {
    fn sync(&self) -> io::Result<()> {
        let (mut state, fails) = self.disk.syncing()?;
        let State { image, random, plan, .. } = &mut *state;
        if fails {
            let grain = random.one_of(&[512, 4096]);
            let fates = random.one_of::<&[Fate]>(&[
                &[Fate::Forgotten],
                &[Fate::Written, Fate::Forgotten],
                &[Fate::Written, Fate::Forgotten, Fate::Kept],
            ]);
            image.content(self.id)?.fail_sync(grain, &mut || random.one_of(fates));
            return Err(failed());
        }
        let content = image.content(self.id)?;
        let growth = content.now().len().saturating_sub(content.allocated());
        if let Some((capacity, Full::AtSync)) = plan.capacity
            && image.used(Content::allocated) + growth > capacity
        {
            state.failed = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        image.content(self.id)?.sync();
        Ok(())
    }
}

impl File for SimFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.disk.running()?;
        let now = state.image.content(self.id)?.now();
        let from = now.get(usize::try_from(offset).unwrap()..).unwrap_or_default();
        let taken = from.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&from[..taken]);
        Ok(taken)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let mut state = self.disk.operation(offset << 24 | bytes.len() as u64)?;
        let State { image, plan, .. } = &mut *state;
        let at = usize::try_from(offset).unwrap();
        let growth = (at + bytes.len()).saturating_sub(image.content(self.id)?.now().len());
        if let Some((capacity, Full::AtWrite)) = plan.capacity
            && image.used(|content| content.now().len()) + growth > capacity
        {
            state.failed = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        image.content(self.id)?.write(at, bytes);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.disk.running()?.image.content(self.id)?.now().len() as u64)
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.disk.operation(SIZE)?.image.content(self.id)?.resize(usize::try_from(size).unwrap());
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn sync_all(&self) -> io::Result<()> {
        self.sync()
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        let mut state = self.disk.running().map_err(TryLockError::Error)?;
        if state.locked.insert(self.id) { Ok(()) } else { Err(TryLockError::WouldBlock) }
    }

    fn unlock(&self) -> io::Result<()> {
        self.disk.state().locked.remove(&self.id);
        Ok(())
    }
}

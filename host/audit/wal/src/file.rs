//! Frames in segment files. Takes frames from the writer's thread; an append overwrites zeros that are already
//! on the disk, and the next segment is made by a thread of its own while this one fills.

use std::{
    io,
    path::PathBuf,
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_core::clock::SharedClock;
use grid_tlog::Frontier;
use uuid::Uuid;

use crate::{
    Chain, Error, OsDisk, Storage,
    disk::{Disk, File, How},
    frame::MAX_FRAME,
    lock::Lock,
    recovery::{self, Walked},
    segment::{self, Header},
};

/// How long a full disk is left alone before it is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Segments hold at least this many of the longest frames.
const FRAMES: u64 = 4;
const SMALLEST: u64 = 16 << 10;
const HEADER: u64 = segment::HEADER as u64;

/// Where and how large.
#[derive(Debug, Clone)]
pub struct FileOptions {
    /// The log's own directory; made where it is missing.
    pub directory: PathBuf,
    /// Bytes of a segment: 16 KiB or more, a multiple of 4 KiB.
    pub segment_bytes: u64,
}

/// Segments on a disk.
#[derive(Debug)]
pub struct FileStorage<D: Disk = OsDisk> {
    disk: D,
    options: FileOptions,
    clock: SharedClock,
    _lock: Lock<D::File>,
    log: u128,
    active: Option<Active<D::File>>,
    spare: Spare<D::File>,
    /// The last spare found no room.
    full: bool,
}

#[derive(Debug)]
struct Active<F> {
    file: F,
    path: PathBuf,
    /// Where the next frame goes.
    offset: u64,
    /// Everything before it survived a sync.
    synced: u64,
    size: u64,
}

#[derive(Debug)]
enum Spare<F> {
    Missing {
        retry_at: Duration,
    },
    Making(JoinHandle<io::Result<F>>),
    Ready(F),
    /// The disk failed while it was made, which nobody has heard yet.
    Failed(io::Error),
}

impl FileStorage {
    /// Takes the directory for this process.
    ///
    /// # Errors
    /// [`Error::Locked`] where another process has it; [`Error::Options`], [`Error::Io`].
    pub fn open(options: FileOptions, clock: SharedClock) -> Result<Self, Error> {
        Self::open_on(OsDisk, options, clock)
    }
}

/// The longest frame in a segment of this size.
pub(crate) fn max_frame(segment_bytes: u64) -> usize {
    let share = segment_bytes.saturating_sub(HEADER) / FRAMES / 8 * 8;
    usize::try_from(share).map_or(MAX_FRAME, |share| share.min(MAX_FRAME))
}

impl<D: Disk> FileStorage<D> {
    /// The same on another disk than the operating system's.
    ///
    /// # Errors
    /// As for [`FileStorage::open`].
    pub fn open_on(disk: D, options: FileOptions, clock: SharedClock) -> Result<Self, Error> {
        if options.segment_bytes < SMALLEST || !options.segment_bytes.is_multiple_of(4096) {
            return Err(Error::Options(format!(
                "a segment of `{}` bytes cannot work; use 16384 or more, in multiples of 4096",
                options.segment_bytes
            )));
        }
        let directory = segment::directory(&options.directory);
        disk.make_directories(&directory).map_err(Error::io("create", &directory))?;
        let lock = Lock::take(&disk, &options.directory)?;
        Ok(Self {
            disk,
            options,
            clock,
            _lock: lock,
            log: 0,
            active: None,
            spare: Spare::Missing { retry_at: Duration::ZERO },
            full: false,
        })
    }

    /// Checks one segment; the last one becomes the active one, which still holds what was torn.
    fn recover_segment(&mut self, first_index: u64, is_last: bool, chain: &mut Chain<'_>) -> Result<Walked, Error> {
        let path = segment::path(&self.options.directory, first_index);
        let file = self.disk.open(&path, How::Write).map_err(Error::io("open", &path))?;
        let header = Header::read(&file, &path, first_index)?;
        let damaged =
            |what: &str| Error::Damaged { file: path.clone(), offset: 0, index: first_index, what: what.into() };
        if self.log != 0 && header.log != self.log {
            return Err(damaged("the segment belongs to another log"));
        }
        self.log = header.log;
        chain.begin(&header.edge).map_err(damaged)?;
        let walked = recovery::walk(&file, &path, is_last, chain)?;
        if is_last {
            let size = file.size().map_err(Error::io("read", &path))?;
            self.active = Some(Active { file, path, offset: walked.offset, synced: walked.offset, size });
        }
        Ok(walked)
    }

    /// The spare as it is, without waiting for one that is being made.
    fn look_at_spare(&mut self) {
        let now = self.clock.elapsed();
        match &self.spare {
            Spare::Making(thread) if thread.is_finished() => self.settle_spare(),
            Spare::Missing { retry_at } if *retry_at <= now => match self.make_spare() {
                Ok(spare) => self.spare = spare,
                Err(error) => self.spare_failed(error),
            },
            _ => {}
        }
    }

    /// Waits for a spare that is being made; where it is not needed at once, a full disk may have room later.
    fn settle_spare(&mut self) {
        if let Err(error) = self.wait_for_spare() {
            self.spare_failed(error);
        }
    }

    /// A disk that failed is not asked again: the next append tells it, and the log ends.
    fn spare_failed(&mut self, error: io::Error) {
        self.full = may_pass(&error);
        self.spare = match self.full {
            true => Spare::Missing { retry_at: self.clock.elapsed() + RETRY },
            false => Spare::Failed(error),
        };
    }

    fn make_spare(&self) -> io::Result<Spare<D::File>> {
        let (disk, log, size) = (self.disk.clone(), self.options.directory.clone(), self.options.segment_bytes);
        let make = move || segment::fill_spare(&disk, &log, size);
        if D::THREADS {
            Ok(Spare::Making(thread::Builder::new().name("audit-spare".into()).spawn(make)?))
        } else {
            Ok(Spare::Ready(make()?))
        }
    }

    fn wait_for_spare(&mut self) -> io::Result<()> {
        let missing = Spare::Missing { retry_at: self.clock.elapsed() + RETRY };
        let file = match std::mem::replace(&mut self.spare, missing) {
            Spare::Ready(file) => file,
            Spare::Making(thread) => {
                thread.join().map_err(|_| io::Error::other("the next segment could not be made"))??
            }
            Spare::Missing { .. } => {
                segment::fill_spare(&self.disk, &self.options.directory, self.options.segment_bytes)?
            }
            Spare::Failed(error) => return Err(error),
        };
        self.spare = Spare::Ready(file);
        self.full = false;
        Ok(())
    }

    fn roll(&mut self, edge: &Frontier) -> io::Result<()> {
        self.wait_for_spare()?;
        let missing = Spare::Missing { retry_at: self.clock.elapsed() };
        let Spare::Ready(file) = std::mem::replace(&mut self.spare, missing) else {
            return Err(io::Error::other("the next segment is missing"));
        };
        // From here on the next segment may be there, also where this fails: nothing more may go into this one.
        if let Some(active) = self.active.as_mut() {
            active.size = active.offset;
        }
        let header = Header { log: self.log, edge: edge.clone() };
        let path = segment::take_spare(&self.disk, &self.options.directory, &file, &header)?;
        self.active = Some(Active { file, path, offset: HEADER, synced: HEADER, size: self.options.segment_bytes });
        Ok(())
    }
}

impl<D: Disk> Storage for FileStorage<D> {
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error> {
        let directory = self.options.directory.clone();
        let damaged = |index, what: &str| Error::Damaged {
            file: segment::path(&directory, index),
            offset: 0,
            index,
            what: what.into(),
        };
        let segments = segment::list(&self.disk, &directory)?;
        let mut last = None;
        for (at, first_index) in segments.iter().enumerate() {
            // What tiles hold already may be gone from the front, and nothing behind that.
            if at > 0 && *first_index != chain.size() {
                return Err(damaged(chain.size(), "the segment is missing"));
            }
            last = Some(self.recover_segment(*first_index, at + 1 == segments.len(), chain)?);
        }
        chain.end().map_err(|what| damaged(chain.size().saturating_sub(1), what))?;
        let wal = segment::directory(&directory);
        if let (Some(active), Some(last)) = (&self.active, &last) {
            recovery::settle(&active.file, active.size, last).map_err(Error::io("write", &active.path))?;
        }
        // An earlier process may have been stopped before the last one's name was durable.
        self.disk.sync_dir(&wal).map_err(Error::io("sync", &wal))?;
        if self.active.is_none() {
            self.log = Uuid::new_v4().as_u128();
            self.roll(&Frontier::new()).map_err(Error::io("begin a log in", &wal))?;
        }
        self.look_at_spare();
        Ok(last.map_or(0, |last| last.end - last.offset))
    }

    fn append(&mut self, frame: &[u8], edge: &Frontier) -> io::Result<()> {
        if !matches!(self.spare, Spare::Ready(_)) {
            self.look_at_spare();
        }
        if matches!(self.spare, Spare::Failed(_)) {
            return self.wait_for_spare();
        }
        let fits = |active: &&mut Active<D::File>| active.offset + frame.len() as u64 <= active.size;
        if self.active.as_mut().filter(fits).is_none() {
            self.roll(edge)?;
            self.look_at_spare();
        }
        let Some(active) = self.active.as_mut() else {
            return Err(io::Error::other("the log was not recovered"));
        };
        let at = active.offset;
        active.offset += frame.len() as u64;
        active.file.write_all_at(frame, at)
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut() else {
            return Err(io::Error::other("the log was not recovered"));
        };
        active.file.sync_data()?;
        active.synced = active.offset;
        Ok(())
    }

    fn reset(&mut self) -> io::Result<()> {
        let Some(active) = self.active.as_mut() else {
            return Err(io::Error::other("the log was not recovered"));
        };
        let file = self.disk.open(&active.path, How::Write)?;
        segment::erase(&file, active.synced, active.offset.min(active.size))?;
        active.file = file;
        active.offset = active.synced;
        Ok(())
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        let active = self.active.as_ref();
        let rest = active.map_or(0, |active| active.size.saturating_sub(active.offset));
        if rest >= bytes && matches!(self.spare, Spare::Ready(_)) {
            return true;
        }
        self.look_at_spare();
        // A disk that was full probably still is: a refusal at once is better than one after a try.
        if matches!(self.spare, Spare::Making(_)) && rest < bytes && !self.full {
            self.settle_spare();
        }
        // Of a disk that failed the append tells.
        if rest >= bytes || matches!(self.spare, Spare::Failed(_)) {
            return true;
        }
        // What a frame leaves over at the end of a segment is not counted.
        let fresh = (self.options.segment_bytes - HEADER).saturating_sub(self.max_frame() as u64);
        matches!(self.spare, Spare::Ready(_)) && rest + fresh >= bytes
    }

    fn max_frame(&self) -> usize {
        max_frame(self.options.segment_bytes)
    }
}

impl<D: Disk> Drop for FileStorage<D> {
    /// The thread must not make files in a directory that another process may have by then.
    fn drop(&mut self) {
        if matches!(self.spare, Spare::Making(_)) {
            let _ = self.wait_for_spare();
        }
    }
}

/// Whether the operating system may do later what it refused now: space, quotas, memory, names, and open files of the
/// process (24) or the machine (23). Everything else says that the disk fails.
fn may_pass(error: &io::Error) -> bool {
    use io::ErrorKind::{
        FileTooLarge, IsADirectory, NotFound, OutOfMemory, PermissionDenied, QuotaExceeded, StorageFull,
    };
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge | OutOfMemory)
        || matches!(error.kind(), IsADirectory | NotFound | PermissionDenied)
        || matches!(error.raw_os_error(), Some(23 | 24))
}

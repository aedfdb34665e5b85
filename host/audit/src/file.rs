//! Frames in segment files. Takes frames from the writer's thread; an append overwrites zeros that are already
//! on the disk, and the next segment is made by a thread of its own while this one fills.

use std::{
    io,
    path::PathBuf,
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_core::clock::SharedClock;
use uuid::Uuid;

use crate::{
    Error, OsDisk, Storage, Tail, Visit,
    disk::{Disk, File, How},
    frame::{self, MAX_FRAME},
    lock::Lock,
    recovery,
    segment::{self, Header},
};

/// How long a full disk is left alone before it is asked again.
const RETRY: Duration = Duration::from_secs(1);
/// Segments hold at least this many of the longest frames.
const FRAMES: u64 = 4;
const SMALLEST: u64 = 16 << 10;

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
    Missing { retry_at: Duration },
    Making(JoinHandle<io::Result<F>>),
    Ready(F),
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
        })
    }

    /// Checks one segment; the last one becomes the active one, without what was torn.
    fn recover_segment(&mut self, first_index: u64, is_last: bool, visit: &mut Visit<'_>) -> Result<Tail, Error> {
        let path = segment::path(&self.options.directory, first_index);
        let file = self.disk.open(&path, How::Write).map_err(Error::io("open", &path))?;
        let header = Header::read(&file, &path, first_index)?;
        if self.log != 0 && header.log != self.log {
            return Err(Error::Damaged {
                file: path,
                offset: 0,
                index: first_index,
                what: "the segment belongs to another log".into(),
            });
        }
        self.log = header.log;
        let walked = recovery::walk(&file, &path, first_index, is_last, visit)?;
        let cut = walked.end - walked.offset;
        if is_last {
            let size = file.size().map_err(Error::io("read", &path))?;
            recovery::settle(&file, size, &walked).map_err(Error::io("write", &path))?;
            self.active = Some(Active { file, path, offset: walked.offset, synced: walked.offset, size });
        }
        Ok(Tail { next_index: walked.next_index, cut })
    }

    /// The spare as it is, without waiting for one that is being made.
    fn look_at_spare(&mut self) {
        let now = self.clock.elapsed();
        match &self.spare {
            Spare::Making(thread) if thread.is_finished() => {
                let _ = self.wait_for_spare();
            }
            Spare::Missing { retry_at } if *retry_at <= now => {
                self.spare = self.make_spare().unwrap_or(Spare::Missing { retry_at: now + RETRY });
            }
            _ => {}
        }
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
        };
        self.spare = Spare::Ready(file);
        Ok(())
    }

    fn roll(&mut self, first_index: u64) -> io::Result<()> {
        self.wait_for_spare()?;
        let missing = Spare::Missing { retry_at: self.clock.elapsed() };
        let Spare::Ready(file) = std::mem::replace(&mut self.spare, missing) else {
            return Err(io::Error::other("the next segment is missing"));
        };
        // From here on the next segment may be there, also where this fails: nothing more may go into this one.
        if let Some(active) = self.active.as_mut() {
            active.size = active.offset;
        }
        let header = Header { first_index, log: self.log };
        let path = segment::take_spare(&self.disk, &self.options.directory, &file, header)?;
        let offset = segment::HEADER as u64;
        self.active = Some(Active { file, path, offset, synced: offset, size: self.options.segment_bytes });
        Ok(())
    }
}

impl<D: Disk> Storage for FileStorage<D> {
    fn recover(&mut self, visit: &mut Visit<'_>) -> Result<Tail, Error> {
        let segments = segment::list(&self.disk, &self.options.directory)?;
        let mut tail = Tail::default();
        for (at, first_index) in segments.iter().enumerate() {
            if *first_index != tail.next_index {
                return Err(Error::Damaged {
                    file: segment::path(&self.options.directory, tail.next_index),
                    offset: 0,
                    index: tail.next_index,
                    what: "the segment is missing".into(),
                });
            }
            tail = self.recover_segment(*first_index, at + 1 == segments.len(), visit)?;
        }
        // An earlier process may have been stopped before the last one's name was durable.
        let directory = segment::directory(&self.options.directory);
        self.disk.sync_dir(&directory).map_err(Error::io("sync", &directory))?;
        if self.active.is_none() {
            self.log = Uuid::new_v4().as_u128();
            self.roll(0).map_err(Error::io("begin a log in", &directory))?;
        }
        self.look_at_spare();
        Ok(tail)
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        let fits = |active: &&mut Active<D::File>| active.offset + frame.len() as u64 <= active.size;
        if self.active.as_mut().filter(fits).is_none() {
            self.roll(frame::first_index(frame))?;
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
        if rest >= bytes {
            return true;
        }
        if matches!(self.spare, Spare::Making(_)) {
            let _ = self.wait_for_spare();
        }
        // What a frame leaves over at the end of a segment is not counted.
        let fresh = self.options.segment_bytes - (segment::HEADER + self.max_frame()) as u64;
        matches!(self.spare, Spare::Ready(_)) && rest + fresh >= bytes
    }

    fn max_frame(&self) -> usize {
        let share = self.options.segment_bytes / FRAMES;
        usize::try_from(share).map_or(MAX_FRAME, |share| share.min(MAX_FRAME))
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

//! The segments as whoever checks a log needs them: every batch with its place, and what comes behind the last one.
//! It says what is there and believes nothing but checksums; a host may go on writing meanwhile.

use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
};

use grid_tlog::Frontier;

use crate::{
    Error, OsDisk, Trailer,
    disk::{Disk, File as _, How},
    file,
    frame::{self, Frame, Head},
    scan::{ReadAt, Step, Walk},
    segment::{self, Header},
};

type File = <OsDisk as Disk>::File;

/// The segments of a log, from the first that is still there.
#[derive(Debug)]
pub struct Segments {
    log: PathBuf,
    first: u64,
    /// All were opened at once, so that none can go away while the others are read.
    waiting: VecDeque<(u64, PathBuf, File)>,
    here: Option<Here>,
    /// The index of the next batch.
    next: u64,
    id: Option<u128>,
}

#[derive(Debug)]
struct Here {
    first: u64,
    path: PathBuf,
    file: File,
    walk: Walk,
}

/// What comes next.
#[derive(Debug)]
pub enum Found {
    /// A segment begins, in this file, after a tree with this edge.
    Segment(PathBuf, Frontier),
    /// A batch.
    Batch(Sealed),
    /// The end of the log. This many bytes follow that are part of a batch; it is being written, or was when the host
    /// stopped.
    End(u64),
}

/// A batch that checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Where it begins in the segment.
    pub offset: u64,
    /// The index of its first entry.
    pub first: u64,
    /// What it says of the tree.
    pub trailer: Trailer,
    bytes: Vec<u8>,
    /// Where each entry ends in `bytes`.
    ends: Vec<usize>,
}

impl Sealed {
    fn new(offset: u64, frame: &Frame<'_>) -> Self {
        let mut bytes = Vec::with_capacity(frame.length);
        let ends = frame.entries().map(|entry| {
            bytes.extend_from_slice(entry.bytes);
            bytes.len()
        });
        let ends = ends.collect();
        Self { offset, first: frame.first_index, trailer: frame.trailer, bytes, ends }
    }

    /// The index behind its last entry.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.first + self.ends.len() as u64
    }

    /// The bytes of entry `index`, where it is in this batch, and their offset in the segment.
    #[must_use]
    pub fn entry(&self, index: u64) -> Option<(&[u8], u64)> {
        let place = usize::try_from(index.checked_sub(self.first)?).ok()?;
        let from = place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let bytes = self.bytes.get(from..self.ends.get(place).copied()?)?;
        // Each stands behind its length in four bytes.
        let offset = self.offset + (frame::HEADER + from + 4 * (place + 1)) as u64;
        Some((bytes, offset))
    }
}

impl Segments {
    /// Takes a log's directory; none where no segment is in it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn open(log: &Path) -> Result<Option<Self>, Error> {
        let mut waiting = VecDeque::new();
        for first in segment::list(&OsDisk, log)? {
            let path = segment::path(log, first);
            match OsDisk.open(&path, How::Read) {
                Ok(file) => waiting.push_back((first, path, file)),
                // It was removed since it was listed, and so were those before it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => waiting.clear(),
                Err(error) => return Err(Error::io("open", &path)(error)),
            }
        }
        let Some(first) = waiting.front().map(|(first, ..)| *first) else {
            return Ok(None);
        };
        Ok(Some(Self { log: log.to_path_buf(), first, waiting, here: None, next: first, id: None }))
    }

    /// The index of the first entry that is in them.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Where it is: the file, and the offset in it.
    #[must_use]
    pub fn place(&self) -> Option<(&Path, u64)> {
        self.here.as_ref().map(|here| (here.path.as_path(), here.walk.offset()))
    }

    /// The next segment, batch, or the end. After the end there may be more later.
    ///
    /// # Errors
    /// [`Error::Damaged`] where a batch is missing, out of turn or damaged and not the last one; [`Error::Io`].
    pub fn advance(&mut self) -> Result<Found, Error> {
        loop {
            if let Some(batch) = self.batch()? {
                return Ok(Found::Batch(batch));
            }
            let Some(here) = &self.here else {
                return Ok(self.enter()?.unwrap_or(Found::End(0)));
            };
            // Looked at in this order, because the writer may fill the segment up and begin another one meanwhile.
            let goes_on = self.goes_on()?;
            match here.rest(self.next)? {
                None => {}
                Some(bytes) if !goes_on => return Ok(Found::End(bytes)),
                // One that is gone again by now holds what has been published meanwhile.
                Some(0) => return Ok(self.enter()?.unwrap_or(Found::End(0))),
                Some(_) => return Err(here.damaged(self.next)("the batch is damaged and not the last one")),
            }
        }
    }

    /// The batch that is here.
    fn batch(&mut self) -> Result<Option<Sealed>, Error> {
        let Some(here) = &mut self.here else {
            return Ok(None);
        };
        let offset = here.walk.offset();
        let damaged = here.damaged(self.next);
        match here.walk.step(&here.file).map_err(Error::io("read", &here.path))? {
            Step::Frame(frame) if frame.first_index == self.next => {
                self.next += u64::from(frame.count);
                Ok(Some(Sealed::new(offset, &frame)))
            }
            Step::Frame(frame) => Err(damaged(&format!("entry {} comes out of turn", frame.first_index))),
            Step::Empty | Step::Bad(_) => Ok(None),
        }
    }

    /// Goes to the next segment; none where it is gone.
    fn enter(&mut self) -> Result<Option<Found>, Error> {
        let (first, path, file) = match self.waiting.pop_front() {
            Some(waiting) => waiting,
            None => {
                let path = segment::path(&self.log, self.next);
                match OsDisk.open(&path, How::Read) {
                    Ok(file) => (self.next, path, file),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                    Err(error) => return Err(Error::io("open", &path)(error)),
                }
            }
        };
        let damaged = |index, what: &str| Error::Damaged { file: path.clone(), offset: 0, index, what: what.into() };
        if first != self.next {
            return Err(damaged(self.next, "the segment that goes on here is missing"));
        }
        let Header { log, edge } = Header::read(&file, &path, first)?;
        if self.id.replace(log).is_some_and(|id| id != log) {
            return Err(damaged(first, "the segment belongs to another log"));
        }
        let walk = Walk::from(segment::HEADER as u64);
        self.here = Some(Here { first, path: path.clone(), file, walk });
        Ok(Some(Found::Segment(path, edge)))
    }

    /// Whether there is a segment behind this one, also one that was made since.
    fn goes_on(&self) -> Result<bool, Error> {
        if !self.waiting.is_empty() {
            return Ok(true);
        }
        let behind = segment::path(&self.log, self.next);
        let same = self.here.as_ref().is_some_and(|here| here.first == self.next);
        Ok(!same && OsDisk.exists(&behind).map_err(Error::io("look for", &behind))?)
    }
}

impl Here {
    fn damaged(&self, index: u64) -> impl Fn(&str) -> Error + use<> {
        let (file, offset) = (self.path.clone(), self.walk.offset());
        move |what| Error::Damaged { file: file.clone(), offset, index, what: what.into() }
    }

    /// Where no batch is here: how many bytes stand here instead, which must be part of one.
    fn rest(&self, next: u64) -> Result<Option<u64>, Error> {
        let at = self.walk.offset();
        let why = || Walk::from(at).step(&self.file).map(|step| bad(&step));
        let found = (|| {
            let end = self.walk.end_of_bytes(&self.file)?;
            let followed = end > at && self.walk.is_followed(&self.file, next)?;
            let longest = self.longest()?;
            // The writer may have finished this very batch since it was looked at.
            Ok(why()?.map(|why| (why, end - at, followed, longest)))
        })();
        match found.map_err(Error::io("read", &self.path))? {
            None => Ok(None),
            Some((why, _, true, _)) => Err(self.damaged(next)(why)),
            Some((_, bytes, _, longest)) if bytes > longest => {
                Err(self.damaged(next)("bytes stand further behind the last batch than one that was torn can reach"))
            }
            Some((_, bytes, ..)) => Ok(Some(bytes)),
        }
    }

    /// How far a batch that begins here can reach.
    fn longest(&self) -> io::Result<u64> {
        let mut header = [0; frame::HEADER];
        let read = ReadAt::read_at(&self.file, &mut header, self.walk.offset())?;
        Ok(match frame::head(header.get(..read).unwrap_or_default()) {
            Head::Length(length) => length as u64,
            _ => file::max_frame(self.file.size()?) as u64,
        })
    }
}

fn bad(step: &Step<'_>) -> Option<&'static str> {
    match step {
        Step::Frame(_) => None,
        Step::Empty => Some("entries are missing here"),
        Step::Bad(why) => Some(why),
    }
}

//! The frames of a log that is being written, up to where it is known to be durable: whatever is missing before that
//! is damage.

use std::path::{Path, PathBuf};

use grid_tlog::Frontier;

use crate::{
    Error,
    disk::{Disk, How},
    frame::Frame,
    scan::{Step, Walk},
    segment::{self, Header},
};

/// Their reader.
#[derive(Debug)]
pub struct Frames<D: Disk> {
    disk: D,
    log: PathBuf,
    file: D::File,
    path: PathBuf,
    walk: Walk,
    next: u64,
}

impl<D: Disk> Frames<D> {
    /// From the first frame that the segments still hold; gives the edge of the tree before it.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn open(disk: D, log: &Path) -> Result<(Self, Frontier), Error> {
        let first = segment::list(&disk, log)?.first().copied().unwrap_or(0);
        let (file, path, header) = enter(&disk, log, first)?;
        let walk = Walk::from(segment::HEADER as u64);
        Ok((Self { disk, log: log.to_path_buf(), file, path, walk, next: first }, header.edge))
    }

    /// The next frame, where it begins below `durable`.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn next(&mut self, durable: u64) -> Result<Option<Frame<'_>>, Error> {
        if self.next >= durable {
            return Ok(None);
        }
        if !self.is_here()? {
            let (file, path, _) = enter(&self.disk, &self.log, self.next)?;
            self.walk = Walk::from(segment::HEADER as u64);
            (self.file, self.path) = (file, path);
        }
        let offset = self.walk.offset();
        let damaged =
            |index, what: &str| Error::Damaged { file: self.path.clone(), offset, index, what: what.to_owned() };
        match self.walk.step(&self.file).map_err(Error::io("read", &self.path))? {
            Step::Frame(frame) if frame.first_index == self.next => {
                self.next += u64::from(frame.count);
                Ok(Some(frame))
            }
            Step::Frame(frame) => Err(damaged(self.next, &format!("entry {} comes out of turn", frame.first_index))),
            Step::Empty => Err(damaged(self.next, "entries are missing here")),
            Step::Bad(why) => Err(damaged(self.next, why)),
        }
    }

    /// Whether the next frame is in the present segment; a segment that begins with it says no.
    fn is_here(&self) -> Result<bool, Error> {
        let behind = segment::path(&self.log, self.next);
        if behind == self.path {
            return Ok(true);
        }
        Ok(!self.disk.exists(&behind).map_err(Error::io("look for", &behind))?)
    }
}

fn enter<D: Disk>(disk: &D, log: &Path, first: u64) -> Result<(D::File, PathBuf, Header), Error> {
    let path = segment::path(log, first);
    let file = disk.open(&path, How::Read).map_err(Error::io("open", &path))?;
    let header = Header::read(&file, &path, first)?;
    Ok((file, path, header))
}

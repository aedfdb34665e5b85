//! Goes through one segment when a log is opened: every frame must check and follow the one before. What comes
//! behind the last frame is nothing, a torn frame that may be cut, or damage that refuses to open.

use std::{io, path::Path};

use crate::{
    Chain, Error,
    disk::File,
    frame::MAX_FRAME,
    scan::{self, Step, Walk},
    segment,
};

/// A segment that was walked to its end.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Where its last frame begins; the same as `offset` where it has none.
    pub(crate) last: u64,
    /// Behind its last frame.
    pub(crate) offset: u64,
    /// Behind its last byte that is not zero.
    pub(crate) end: u64,
}

/// `is_last`: a torn frame may be at the end.
pub(crate) fn walk<F: File>(file: &F, path: &Path, is_last: bool, chain: &mut Chain<'_>) -> Result<Walked, Error> {
    let mut walk = Walk::from(segment::HEADER as u64);
    let mut last = walk.offset();
    let damaged =
        |offset, index, what: &str| Error::Damaged { file: path.to_path_buf(), offset, index, what: what.into() };
    let bad = loop {
        let offset = walk.offset();
        match walk.step(file).map_err(Error::io("read", path))? {
            Step::Frame(frame) if frame.first_index != chain.size() => {
                let what = format!("entry {} comes out of turn", frame.first_index);
                return Err(damaged(offset, chain.size(), &what));
            }
            Step::Frame(frame) => {
                let index = chain.size();
                chain.pass(&frame).map_err(|what| damaged(offset, index, what))?;
                last = offset;
            }
            Step::Empty => break "entries are missing here",
            Step::Bad(why) => break why,
        }
    };
    let offset = walk.offset();
    let end = walk.end_of_bytes(file).map_err(Error::io("read", path))?;
    if end > offset {
        let followed = walk.is_followed(file, chain.size());
        if !is_last || followed.map_err(Error::io("read", path))? {
            return Err(damaged(offset, chain.size(), bad));
        }
    }
    Ok(Walked { last, offset, end })
}

/// Makes the disk hold what the walk over the last segment saw, and nothing behind it. An earlier process may have
/// been stopped between a write and its sync. Or its sync failed: then reading shows what the disk does not have, and
/// only writing it again makes the next sync take it. Either way it is the last frame and the place of the one behind.
pub(crate) fn settle<F: File>(file: &F, size: u64, walked: &Walked) -> io::Result<()> {
    let length = usize::try_from(walked.offset - walked.last).unwrap_or(MAX_FRAME);
    let mut frame = vec![0; length];
    let read = scan::read_full(file, &mut frame, walked.last)?;
    file.write_all_at(frame.get(..read).unwrap_or_default(), walked.last)?;
    let behind = walked.offset.saturating_add(MAX_FRAME as u64).max(walked.end);
    segment::erase(file, walked.offset, behind.min(size))
}

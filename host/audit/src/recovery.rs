//! Goes through one segment when a log is opened: every frame must check and follow the one before. What comes
//! behind the last frame is nothing, a torn frame that may be cut, or damage that refuses to open.

use std::path::Path;

use crate::{
    Error, Visit,
    disk::File,
    scan::{Step, Walk},
    segment,
};

/// A segment that was walked to its end.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Behind its last frame.
    pub(crate) offset: u64,
    /// Behind its last byte that is not zero.
    pub(crate) end: u64,
    /// The index that follows.
    pub(crate) next_index: u64,
}

/// `is_last`: a torn frame may be at the end.
pub(crate) fn walk<F: File>(
    file: &F,
    path: &Path,
    first_index: u64,
    is_last: bool,
    visit: &mut Visit<'_>,
) -> Result<Walked, Error> {
    let mut walk = Walk::from(segment::HEADER as u64);
    let mut next_index = first_index;
    let damaged =
        |offset, index, what: &str| Error::Damaged { file: path.to_path_buf(), offset, index, what: what.into() };
    let bad = loop {
        let offset = walk.offset();
        match walk.step(file).map_err(Error::io("read", path))? {
            Step::Frame(frame) if frame.first_index != next_index => {
                let what = format!("entry {} comes out of turn", frame.first_index);
                return Err(damaged(offset, next_index, &what));
            }
            Step::Frame(frame) => {
                frame.entries().for_each(&mut *visit);
                next_index += u64::from(frame.count);
            }
            Step::Empty => break "entries are missing here",
            Step::Bad(why) => break why,
        }
    };
    let offset = walk.offset();
    let end = walk.end_of_bytes(file).map_err(Error::io("read", path))?;
    if end > offset {
        let followed = walk.is_followed(file, next_index);
        if !is_last || followed.map_err(Error::io("read", path))? {
            return Err(damaged(offset, next_index, bad));
        }
    }
    Ok(Walked { offset, end, next_index })
}

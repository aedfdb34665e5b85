//! Walks the frames of one segment, for recovery and for readers, over anything that can be read at an offset.
//! It never decides what a bad frame means: a torn tail for one is damage for the other.

use std::io;

use crate::{
    disk::File,
    frame::{self, Frame, HEADER, Head, MAGIC},
};

const WINDOW: usize = 256 << 10;

/// Bytes at offsets.
pub(crate) trait ReadAt {
    /// Fills `buffer` from `offset` as far as there are bytes.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl<F: File> ReadAt for F {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        File::read_at(self, buffer, offset)
    }
}

impl ReadAt for [u8] {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let from = usize::try_from(offset).ok().and_then(|at| self.get(at..));
        let from = from.unwrap_or_default();
        let taken = from.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..taken), from.get(..taken)) {
            to.copy_from_slice(from);
        }
        Ok(taken)
    }
}

/// What is at an offset.
#[derive(Debug)]
pub(crate) enum Step<'a> {
    /// A frame that checks; the walk is past it.
    Frame(Frame<'a>),
    /// Zeros, or the end.
    Empty,
    /// Something else.
    Bad(&'static str),
}

/// A place in a segment.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    offset: u64,
    /// Read ahead from `window_at`: the first `held` bytes of it.
    window: Vec<u8>,
    held: usize,
    window_at: u64,
}

impl Walk {
    pub(crate) fn from(offset: u64) -> Self {
        Self { offset, ..Self::default() }
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes the frame here, or says why there is none. What was read ahead is read again before that.
    pub(crate) fn step<R: ReadAt + ?Sized>(&mut self, source: &R) -> io::Result<Step<'_>> {
        let mut found = self.whole();
        if found.is_err() {
            self.fill(source, WINDOW)?;
            found = self.whole();
        }
        if let Err(Head::Length(length)) = found {
            self.fill(source, length)?;
            found = self.whole();
        }
        let range = match found {
            Ok(range) => range,
            Err(Head::Empty) => return Ok(Step::Empty),
            Err(Head::Length(_)) => return Ok(Step::Bad("the frame is cut off")),
            Err(Head::Bad(why)) => return Ok(Step::Bad(why)),
        };
        if frame::check(self.held().get(range.clone()).unwrap_or_default()).is_err() {
            self.fill(source, range.len())?;
        }
        let from = usize::try_from(self.offset - self.window_at).unwrap_or(usize::MAX);
        let bytes = self.window.get(..self.held).and_then(|held| held.get(from..from + range.len()));
        match frame::check(bytes.unwrap_or_default()) {
            Ok(frame) => {
                self.offset += frame.length as u64;
                Ok(Step::Frame(frame))
            }
            Err(why) => Ok(Step::Bad(why)),
        }
    }

    /// Whether a frame that checks and begins at or after entry `index` comes anywhere behind this place.
    pub(crate) fn is_followed<R: ReadAt + ?Sized>(&self, source: &R, index: u64) -> io::Result<bool> {
        let mut walk = Self::from(self.offset + 8);
        loop {
            let Some(at) = walk.find_magic(source)? else {
                return Ok(false);
            };
            walk.offset = at;
            if let Step::Frame(frame) = walk.step(source)?
                && frame.first_index >= index
            {
                return Ok(true);
            }
            walk.offset = at + 8;
        }
    }

    /// The end of the last bytes that are not zero, at or behind this place.
    pub(crate) fn end_of_bytes<R: ReadAt + ?Sized>(&self, source: &R) -> io::Result<u64> {
        let mut end = self.offset;
        let mut at = self.offset;
        let mut buffer = vec![0; WINDOW];
        loop {
            let read = read_full(source, &mut buffer, at)?;
            let bytes = buffer.get(..read).unwrap_or_default();
            if let Some(last) = last_byte(bytes) {
                end = at + last as u64 + 1;
            }
            at += read as u64;
            if read < buffer.len() {
                return Ok(end);
            }
        }
    }

    fn whole(&self) -> Result<std::ops::Range<usize>, Head> {
        let from = self.offset.checked_sub(self.window_at);
        let from = from.and_then(|from| usize::try_from(from).ok());
        let bytes = from.and_then(|from| self.held().get(from..));
        let (Some(from), Some(bytes)) = (from, bytes) else {
            return Err(Head::Empty);
        };
        match frame::head(bytes) {
            Head::Length(length) if length <= bytes.len() => Ok(from..from + length),
            other => Err(other),
        }
    }

    fn fill<R: ReadAt + ?Sized>(&mut self, source: &R, length: usize) -> io::Result<()> {
        let length = length.max(HEADER);
        self.held = 0;
        if self.window.len() < length {
            self.window = vec![0; length];
        }
        let window = self.window.get_mut(..length).unwrap_or_default();
        self.held = read_full(source, window, self.offset)?;
        self.window_at = self.offset;
        Ok(())
    }

    fn held(&self) -> &[u8] {
        self.window.get(..self.held).unwrap_or_default()
    }

    fn find_magic<R: ReadAt + ?Sized>(&mut self, source: &R) -> io::Result<Option<u64>> {
        loop {
            self.fill(source, WINDOW)?;
            if self.held == 0 {
                return Ok(None);
            }
            let mut places = self.held().chunks(8);
            if let Some(place) = places.position(|bytes| bytes.starts_with(&MAGIC)) {
                return Ok(Some(self.offset + 8 * place as u64));
            }
            self.offset += (self.held as u64).next_multiple_of(8);
        }
    }
}

/// Where the last byte is that is not zero. Compares pages, because most of what is looked through is zeros.
fn last_byte(bytes: &[u8]) -> Option<usize> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let pages = bytes.chunks(ZEROS.len());
    let page = pages.enumerate().rev().find(|(_, page)| ZEROS.get(..page.len()) != Some(*page));
    let (at, page) = page?;
    let last = page.iter().rposition(|byte| *byte != 0)?;
    Some(at * ZEROS.len() + last)
}

/// Fills `buffer` as far as there are bytes.
pub(crate) fn read_full<R: ReadAt + ?Sized>(source: &R, buffer: &mut [u8], at: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match source.read_at(rest, at + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

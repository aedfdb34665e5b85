//! Reads entries one by one: a reader's place in the log: which segment, which frame, which entries of it. It tells an end that may still
//! grow from damage, and finds the way into the next segment.

use std::{collections::VecDeque, io, path::PathBuf};

use grid_tlog::{Part, TILE_WIDTH, Tile, read_bundle};

use crate::{
    Error,
    disk::{Disk, How},
    scan::{Step, Walk},
    segment::{self, Header},
};

/// An entry as it is stored.
#[derive(Debug)]
pub struct Raw {
    /// Its place in the log.
    pub index: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Entries from one on, in order.
#[derive(Debug)]
pub struct Cursor<D: Disk> {
    disk: D,
    directory: PathBuf,
    from: u64,
    place: Option<Place<D::File>>,
    entries: VecDeque<Raw>,
}

#[derive(Debug)]
struct Place<F> {
    file: F,
    path: PathBuf,
    header: Header,
    walk: Walk,
    next_index: u64,
    /// The zeros at the end were looked through once.
    end_checked: bool,
}

/// What came of one step.
enum Found {
    Frame,
    Empty,
    Bad(&'static str),
}

impl<D: Disk> Cursor<D> {
    /// At entry `from` of the log in `directory`. Reads nothing yet.
    #[must_use]
    pub fn new(disk: D, directory: PathBuf, from: u64) -> Self {
        Self { disk, directory, from, place: None, entries: VecDeque::new() }
    }

    /// The index behind the last frame that was read.
    #[must_use]
    pub fn next_index(&self) -> u64 {
        self.place.as_ref().map_or(0, |place| place.next_index)
    }

    /// The next entry; nothing at the present end, where there may be more later.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn advance(&mut self) -> Result<Option<Raw>, Error> {
        loop {
            if let Some(entry) = self.entries.pop_front() {
                return Ok(Some(entry));
            }
            if !self.load()? {
                return Ok(None);
            }
        }
    }

    /// That entry `index`, which was read last, is not what it should be.
    #[must_use]
    pub fn damaged(&self, index: u64, what: &str) -> Error {
        let place = self.place.as_ref();
        Error::Damaged {
            file: place.map_or_else(|| self.directory.clone(), |place| place.path.clone()),
            offset: place.map_or(0, |place| place.walk.offset()),
            index,
            what: what.into(),
        }
    }

    /// Reads one frame; false at the present end.
    fn load(&mut self) -> Result<bool, Error> {
        if self.place.is_none() {
            let entered = self.enter()?;
            if !entered || self.place.is_none() {
                return Ok(entered);
            }
        }
        let found = self.step()?;
        if matches!(found, Found::Frame) {
            return Ok(true);
        }
        let is_last = self.is_in_last_segment()?;
        if is_last && !self.is_followed(&found)? {
            return Ok(false);
        }
        // The writer may have finished this very frame since it was looked at.
        match self.step()? {
            Found::Frame => Ok(true),
            Found::Empty if !is_last => self.enter_next(),
            Found::Empty => Err(self.damaged(self.next_index(), "entries are missing here")),
            Found::Bad(why) => Err(self.damaged(self.next_index(), why)),
        }
    }

    fn step(&mut self) -> Result<Found, Error> {
        let Some(place) = self.place.as_mut() else {
            return Ok(Found::Empty);
        };
        let step = place.walk.step(&place.file);
        let out_of_turn = match step.map_err(Error::io("read", &place.path))? {
            Step::Empty => return Ok(Found::Empty),
            Step::Bad(why) => return Ok(Found::Bad(why)),
            Step::Frame(frame) if frame.first_index == place.next_index => {
                let wanted = frame.entries().filter(|entry| entry.index >= self.from);
                self.entries.extend(wanted.map(|entry| Raw { index: entry.index, bytes: entry.bytes.to_vec() }));
                place.next_index += u64::from(frame.count);
                return Ok(Found::Frame);
            }
            Step::Frame(frame) => frame.first_index,
        };
        let what = format!("entry {out_of_turn} comes out of turn");
        Err(self.damaged(self.next_index(), &what))
    }

    /// Goes to the segment that holds entry `from`, or to the last one; takes a bundle where the segment is gone.
    /// False where there is no log yet.
    fn enter(&mut self) -> Result<bool, Error> {
        let segments = segment::list(&self.disk, &self.directory)?;
        if segments.is_empty() {
            return Ok(false);
        }
        let holds = |first: &&u64| **first <= self.from;
        let Some(first) = segments.iter().rev().find(holds) else {
            return self.take_bundle().map(|()| true);
        };
        match self.open(*first) {
            // It was removed since it was listed, so its entries are in tiles.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                self.take_bundle().map(|()| true)
            }
            opened => opened.map(|()| true),
        }
    }

    /// Reads the full bundle that holds entry `from`, and goes behind it.
    fn take_bundle(&mut self) -> Result<(), Error> {
        let index = self.from / u64::from(TILE_WIDTH);
        let tile = Tile { part: Part::Entries, index, width: TILE_WIDTH };
        let path = self.directory.join(tile.to_string());
        let damaged = |what: String| Error::Damaged { file: path.clone(), offset: 0, index: self.from, what };
        let bytes = match self.disk.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged("neither segment nor tile holds it".into()));
            }
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let bundle = read_bundle(&bytes, TILE_WIDTH).map_err(|error| damaged(error.to_string()))?;
        let first = index * u64::from(TILE_WIDTH);
        let entries = (first..).zip(bundle).filter(|(index, _)| *index >= self.from);
        self.entries.extend(entries.map(|(index, bytes)| Raw { index, bytes: bytes.to_vec() }));
        self.from = first + u64::from(TILE_WIDTH);
        Ok(())
    }

    fn enter_next(&mut self) -> Result<bool, Error> {
        let log = self.place.as_ref().map(|place| place.header.log);
        let next = self.next_index();
        let path = segment::path(&self.directory, next);
        if !self.disk.exists(&path).map_err(Error::io("look for", &path))? {
            let first = segment::list(&self.disk, &self.directory)?.first().copied();
            if first.is_none_or(|first| first <= next) {
                return Err(self.damaged(next, "the segment that goes on here is missing"));
            }
            // It went as well while this one was read.
            (self.place, self.from) = (None, next.max(self.from));
            return self.load();
        }
        self.open(next)?;
        if self.place.as_ref().map(|place| place.header.log) != log {
            return Err(self.damaged(next, "the segment belongs to another log"));
        }
        self.load()
    }

    fn open(&mut self, first_index: u64) -> Result<(), Error> {
        let path = segment::path(&self.directory, first_index);
        let file = self.disk.open(&path, How::Read).map_err(Error::io("open", &path))?;
        self.place = Some(Place {
            header: Header::read(&file, &path, first_index)?,
            file,
            path,
            walk: Walk::from(segment::HEADER as u64),
            next_index: first_index,
            end_checked: false,
        });
        Ok(())
    }

    fn is_in_last_segment(&self) -> Result<bool, Error> {
        let last = segment::list(&self.disk, &self.directory)?.pop();
        let here = self.place.as_ref().map(|place| place.header.first_index());
        Ok(last <= here)
    }

    /// Zeros are looked through once a segment, so that following a log stays cheap.
    fn is_followed(&mut self, found: &Found) -> Result<bool, Error> {
        let Some(place) = self.place.as_mut() else {
            return Ok(false);
        };
        if matches!(found, Found::Empty) && std::mem::replace(&mut place.end_checked, true) {
            return Ok(false);
        }
        let followed = place.walk.is_followed(&place.file, place.next_index);
        followed.map_err(Error::io("read", &place.path))
    }
}

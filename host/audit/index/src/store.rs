//! The index's file: a redb database of four tables. Opening checks every page of it; writing takes batches.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use grid_core::event::Sha256;
use redb::{
    Builder, Database, Durability, ReadOnlyTable, ReadableDatabase as _, ReadableTable as _, Table, TableDefinition,
};

use crate::{
    Error,
    batch::Batch,
    bits,
    moments::{self, CHUNK},
    terms::{BLOCK, Key, Namer, block_of},
};

/// What the index says of itself.
const ABOUT: TableDefinition<'_, (), &[u8]> = TableDefinition::new("about");
/// For each term and block the places that have it.
const PLACES: TableDefinition<'_, &Key, &[u8]> = TableDefinition::new("places");
/// The earliest and the latest time of each block.
const SPREAD: TableDefinition<'_, u64, (u64, u64)> = TableDefinition::new("spread");
/// The time of every record.
const MOMENTS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("moments");

/// Bytes that the store may hold in memory, for reading and writing together.
const CACHE: usize = 32 << 20;
/// Changes whenever the tables or the terms do; an index of another version is made again.
const VERSION: u32 = 1;

/// The log that the index belongs to, and how much of it is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct About {
    pub(crate) namer: [u8; 16],
    /// Hash of entry 0; zeros where nothing is indexed.
    pub(crate) first: Sha256,
    /// Hash of the last entry that is in the index.
    pub(crate) last: Sha256,
    /// The entries before this one are in it.
    pub(crate) next: u64,
}

impl About {
    fn to_bytes(self) -> Vec<u8> {
        [&VERSION.to_le_bytes()[..], &self.namer, &self.first, &self.last, &self.next.to_le_bytes()].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first_chunk::<4>()?;
        let (namer, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (last, next) = rest.split_first_chunk()?;
        let about = Self { namer: *namer, first: *first, last: *last, next: u64::from_le_bytes(next.try_into().ok()?) };
        (u32::from_le_bytes(*version) == VERSION).then_some(about)
    }
}

/// The open file.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
    file: PathBuf,
}

/// One moment of the index, for a query.
pub(crate) struct View {
    pub(crate) about: About,
    pub(crate) places: ReadOnlyTable<&'static Key, &'static [u8]>,
    pub(crate) spread: ReadOnlyTable<u64, (u64, u64)>,
    pub(crate) moments: ReadOnlyTable<u64, &'static [u8]>,
    pub(crate) file: PathBuf,
}

/// The index's file in a log's directory.
pub(crate) fn path(log: &Path) -> PathBuf {
    log.join("index.redb")
}

impl Store {
    /// Opens the file or begins one, and reads all of it once.
    pub(crate) fn open(log: &Path) -> Result<Self, Error> {
        let path = path(log);
        let io = |source| Error::Io { file: path.clone(), source };
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let file = file.map_err(io)?;
        let fresh = file.metadata().map_err(io)?.len() == 0;
        let opened = Builder::new().set_cache_size(CACHE).create_file(file);
        let mut database = opened.map_err(|error| Error::store(&path, error))?;
        if !database.check_integrity().map_err(|error| Error::store(&path, error))? {
            return Err(Error::Broken("its pages do not check".into()));
        }
        let store = Self { database, file: path };
        if fresh {
            store.begin()?;
        }
        Ok(store)
    }

    /// Removes the file.
    pub(crate) fn remove(log: &Path) -> Result<(), Error> {
        let path = path(log);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(Error::Io { file: path, source }),
            _ => Ok(()),
        }
    }

    fn error(&self, error: impl Into<redb::Error>) -> Error {
        Error::store(&self.file, error)
    }

    /// Makes the tables.
    fn begin(&self) -> Result<(), Error> {
        let begun = || -> Result<(), redb::Error> {
            let write = self.database.begin_write()?;
            {
                write.open_table(PLACES)?;
                write.open_table(SPREAD)?;
                write.open_table(MOMENTS)?;
                let namer = *uuid::Uuid::new_v4().as_bytes();
                let about = About { namer, first: [0; 32], last: [0; 32], next: 0 };
                write.open_table(ABOUT)?.insert((), about.to_bytes().as_slice())?;
            }
            Ok(write.commit()?)
        };
        begun().map_err(|error| self.error(error))
    }

    /// The index as it is now.
    pub(crate) fn view(&self) -> Result<View, Error> {
        let viewed = || -> Result<_, redb::Error> {
            let read = self.database.begin_read()?;
            let about = read.open_table(ABOUT)?.get(())?.map(|bytes| About::from_bytes(bytes.value()));
            Ok((about, read.open_table(PLACES)?, read.open_table(SPREAD)?, read.open_table(MOMENTS)?))
        };
        let (about, places, spread, moments) = viewed().map_err(|error| self.error(error))?;
        let about = about.flatten().ok_or_else(|| Error::Broken("it is of another version".into()))?;
        Ok(View { about, places, spread, moments, file: self.file.clone() })
    }

    /// Adds what a batch has gathered. Unless it is `durable`, losing the machine or the process loses it again.
    pub(crate) fn commit(&self, batch: &mut Batch, durable: bool) -> Result<(), Error> {
        let about = batch.about();
        let mut written = || -> Result<(), redb::Error> {
            let mut write = self.database.begin_write()?;
            write.set_durability(if durable { Durability::Immediate } else { Durability::None })?;
            if batch.len() > 0 {
                write_places(&mut write.open_table(PLACES)?, batch)?;
                write_spread(&mut write.open_table(SPREAD)?, batch)?;
                write_moments(&mut write.open_table(MOMENTS)?, batch)?;
                write.open_table(ABOUT)?.insert((), about.to_bytes().as_slice())?;
            }
            Ok(write.commit()?)
        };
        written().map_err(|error| self.error(error))?;
        batch.restart();
        Ok(())
    }
}

fn write_places(table: &mut Table<'_, &Key, &[u8]>, batch: &mut Batch) -> Result<(), redb::Error> {
    let first = batch.first();
    // Only the block that the batch begins in can have entries already.
    let begun = (!first.is_multiple_of(BLOCK)).then_some(first / BLOCK);
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    for group in batch.sorted().chunk_by(|one, other| one.0 == other.0) {
        let Some((key, _)) = group.first() else { continue };
        bytes.clear();
        if begun == Some(block_of(key))
            && let Some(before) = table.get(key)?
        {
            bytes.extend_from_slice(before.value());
        }
        places.clear();
        places.extend(group.iter().map(|(_, place)| *place));
        bits::append(&mut bytes, &places);
        table.insert(key, bytes.as_slice())?;
    }
    Ok(())
}

fn write_spread(table: &mut Table<'_, u64, (u64, u64)>, batch: &Batch) -> Result<(), redb::Error> {
    for (block, times) in batch.times_by(BLOCK) {
        let before = table.get(block)?.map(|spread| spread.value());
        let (mut earliest, mut latest) = before.unwrap_or((u64::MAX, 0));
        for time in times {
            earliest = earliest.min(*time);
            latest = latest.max(*time);
        }
        table.insert(block, (earliest, latest))?;
    }
    Ok(())
}

fn write_moments(table: &mut Table<'_, u64, &[u8]>, batch: &Batch) -> Result<(), redb::Error> {
    for (chunk, times) in batch.times_by(CHUNK) {
        let mut bytes = table.get(chunk)?.map(|before| before.value().to_vec()).unwrap_or_default();
        let last = moments::read(&bytes).unwrap_or_default().last().copied();
        moments::append(&mut bytes, last.unwrap_or(0), times);
        table.insert(chunk, bytes.as_slice())?;
    }
    Ok(())
}

impl View {
    pub(crate) fn error(&self, error: impl Into<redb::Error>) -> Error {
        Error::store(&self.file, error)
    }

    pub(crate) fn namer(&self) -> Namer {
        Namer(self.about.namer)
    }
}

#[cfg(test)]
impl Store {
    /// As if the records before `next` had been taken in, for tests of what comes after them.
    pub(crate) fn set_next(&self, next: u64) {
        let about = About { next, ..self.view().unwrap().about };
        let write = self.database.begin_write().unwrap();
        write.open_table(ABOUT).unwrap().insert((), about.to_bytes().as_slice()).unwrap();
        write.commit().unwrap();
    }
}

//! The index of one log: opened or begun beside it, fed from it, asked. One that is damaged or belongs to another
//! log is thrown away when it is opened, and made again.

use std::path::{Path, PathBuf};

use grid_audit::{Reader, Records};

use crate::{
    Error, Found, Query,
    batch::{BATCH, Batch, hash},
    error::guarded,
    query,
    store::Store,
};

/// After so many records what is written is made durable; before that a kill costs reading them again.
const DURABLE_AFTER: usize = 1 << 18;

/// An index and the log that it belongs to. It may be shared; one [`Feed`] at a time writes to it.
#[derive(Debug)]
pub struct Index {
    store: Store,
    reader: Reader,
}

impl Index {
    /// Opens the index of the log in `directory`, or begins one. Reads all of the file once; throws it away where
    /// anything in it is not as it was written, or where it is of another log.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Io`], [`Error::Log`].
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        let reader = Reader::open(&directory)?;
        let opened = guarded(|| {
            let store = Store::open(&directory)?;
            belongs(&store, &reader)?;
            Ok(store)
        });
        let store = match opened {
            Err(error) if error.is_broken() => {
                tracing::warn!(directory = %directory.display(), reason = %error, "the audit log's index is thrown away");
                Store::remove(&directory)?;
                Store::open(&directory)?
            }
            opened => opened?,
        };
        Ok(Self { store, reader })
    }

    /// How many records are in it.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::Io`].
    pub fn indexed(&self) -> Result<u64, Error> {
        Ok(self.store.view()?.about.next)
    }

    /// A page of records, each read from the log. It ends early where they would have more than `bytes` bytes
    /// together.
    ///
    /// # Errors
    /// [`Error::PageToken`], [`Error::Broken`], [`Error::Io`], [`Error::Log`].
    pub fn find(&self, query: &Query, bytes: usize) -> Result<Found, Error> {
        guarded(|| query::find(&self.store.view()?, &self.reader, query, bytes))
    }

    /// Takes in what the log has, tells `progress` how many records are in the index after each batch, and makes
    /// it durable.
    ///
    /// # Errors
    /// [`Error::Broken`], [`Error::Io`], [`Error::Log`].
    pub fn catch_up(&self, mut progress: impl FnMut(u64)) -> Result<u64, Error> {
        let mut feed = Feed::new(self)?;
        while feed.step(self)? > 0 {
            progress(feed.indexed());
        }
        feed.settle(self)?;
        Ok(feed.indexed())
    }
}

/// Makes the index of the log in `directory` anew, and tells `progress` how many records are in it as it goes. Gives
/// their number.
///
/// # Errors
/// [`Error::InUse`], [`Error::Io`], [`Error::Log`].
pub fn rebuild(directory: &Path, progress: impl FnMut(u64)) -> Result<u64, Error> {
    Reader::open(directory)?;
    // Opening tells whether somebody else has it; whatever else is wrong with it is no matter now.
    match guarded(|| Store::open(directory)) {
        Err(error) if !error.is_broken() => return Err(error),
        _ => Store::remove(directory)?,
    }
    Index::open(directory)?.catch_up(progress)
}

/// Removes the index of the log in `directory`; whoever has it open keeps what they have.
pub(crate) fn discard(directory: &Path) -> Result<(), Error> {
    Store::remove(directory)
}

/// An index is of this log if the first and the last entry that it took in are where they were.
fn belongs(store: &Store, reader: &Reader) -> Result<(), Error> {
    let about = store.view()?.about;
    let Some(last) = about.next.checked_sub(1) else { return Ok(()) };
    for (index, expected) in [(0, about.first), (last, about.last)] {
        let same = reader.get(index)?.is_some_and(|record| hash(record.line()) == expected);
        if !same {
            return Err(Error::Broken(format!("entry {index} of the log is not the one that is in it")));
        }
    }
    Ok(())
}

/// Brings records from the log into its index.
#[derive(Debug)]
pub(crate) struct Feed {
    records: Records,
    batch: Batch,
    unsettled: usize,
}

impl Feed {
    pub(crate) fn new(index: &Index) -> Result<Self, Error> {
        let about = index.store.view()?.about;
        Ok(Self { records: index.reader.records(about.next), batch: Batch::after(about), unsettled: 0 })
    }

    /// How many records are in the index.
    pub(crate) fn indexed(&self) -> u64 {
        self.batch.first()
    }

    /// Takes in what is there, one batch at most; gives how many records that were.
    pub(crate) fn step(&mut self, index: &Index) -> Result<usize, Error> {
        while self.batch.len() < BATCH {
            let Some(record) = self.records.next() else { break };
            self.batch.add(&record?);
        }
        let taken = self.batch.len();
        if taken > 0 {
            self.unsettled += taken;
            let durable = self.unsettled >= DURABLE_AFTER;
            index.store.commit(&mut self.batch, durable)?;
            if durable {
                self.unsettled = 0;
            }
        }
        Ok(taken)
    }

    /// Makes durable what was taken in.
    pub(crate) fn settle(&mut self, index: &Index) -> Result<(), Error> {
        if self.unsettled > 0 {
            index.store.commit(&mut self.batch, true)?;
            self.unsettled = 0;
        }
        Ok(())
    }
}

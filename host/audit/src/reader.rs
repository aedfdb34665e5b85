//! Reads a log's files without the host, also while one writes. It never takes the lock, and what is not
//! completely written yet is the end for it, not damage.

use std::{path::PathBuf, thread, time::Duration};

use grid_audit_wal::{Cursor, Disk, Error, OsDisk, Raw, segment};
use grid_core::id::InvocationId;

use crate::Record;

/// A log's directory, opened for reading.
#[derive(Debug, Clone)]
pub struct Reader<D: Disk = OsDisk> {
    disk: D,
    directory: PathBuf,
}

impl Reader {
    /// Takes the directory that a ledger was opened with.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no log.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_on(OsDisk, directory)
    }
}

impl<D: Disk> Reader<D> {
    /// The same on another disk than the operating system's.
    ///
    /// # Errors
    /// As for [`Reader::open`].
    pub fn open_on(disk: D, directory: impl Into<PathBuf>) -> Result<Self, Error> {
        let directory = directory.into();
        segment::list(&disk, &directory)?;
        Ok(Self { disk, directory })
    }

    /// All records from index `from` on, in order. After the last one the iterator gives `None`, and goes on
    /// when there are more. Records that are written and not yet synced are among them.
    #[must_use]
    pub fn records(&self, from: u64) -> Records<D> {
        Records { cursor: self.cursor(from) }
    }

    /// The same, waiting `poll` at the end of the log instead of ending. Blocks its thread.
    #[must_use]
    pub fn follow(&self, from: u64, poll: Duration) -> Follow<D> {
        Follow { records: self.records(from), poll }
    }

    /// The index that the next record gets. Reads the last segment.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn next_index(&self) -> Result<u64, Error> {
        let mut cursor = self.cursor(u64::MAX);
        while cursor.advance()?.is_some() {}
        Ok(cursor.next_index())
    }

    /// The last `count` records, oldest first. Reads the segments that hold them.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn last(&self, count: u64) -> Result<Vec<Record>, Error> {
        let from = self.next_index()?.saturating_sub(count);
        self.records(from).collect()
    }

    /// The record at `index`; nothing where the log does not reach so far.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn get(&self, index: u64) -> Result<Option<Record>, Error> {
        self.records(index).next().transpose()
    }

    /// Every record of one execution. Reads the whole log.
    ///
    /// # Errors
    /// [`Error::Damaged`], [`Error::Io`].
    pub fn by_invocation(&self, invocation: InvocationId) -> Result<Vec<Record>, Error> {
        let wanted = invocation.to_string();
        let mut cursor = self.cursor(0);
        let mut found = Vec::new();
        while let Some(raw) = cursor.advance()? {
            // Most entries are of others: they are not worth parsing.
            let bytes = wanted.as_bytes();
            if raw.bytes.windows(bytes.len()).any(|part| part == bytes) {
                let record = decode(&cursor, &raw)?;
                found.extend(Some(record).filter(|it| it.invocation() == Some(&wanted)));
            }
        }
        Ok(found)
    }

    fn cursor(&self, from: u64) -> Cursor<D> {
        Cursor::new(self.disk.clone(), self.directory.clone(), from)
    }
}

/// Records in order.
#[derive(Debug)]
pub struct Records<D: Disk = OsDisk> {
    cursor: Cursor<D>,
}

impl<D: Disk> Iterator for Records<D> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let raw = self.cursor.advance().transpose()?;
        Some(raw.and_then(|raw| decode(&self.cursor, &raw)))
    }
}

/// Records in order, and those that are still to come.
#[derive(Debug)]
pub struct Follow<D: Disk = OsDisk> {
    records: Records<D>,
    poll: Duration,
}

impl<D: Disk> Iterator for Follow<D> {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(record) = self.records.next() {
                return Some(record);
            }
            thread::sleep(self.poll);
        }
    }
}

fn decode<D: Disk>(cursor: &Cursor<D>, raw: &Raw) -> Result<Record, Error> {
    Record::decode(raw.index, &raw.bytes).map_err(|error| cursor.damaged(raw.index, &error.to_string()))
}

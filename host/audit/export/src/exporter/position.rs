//! Up to where a sink has the log: a small file that is replaced as a whole. It also keeps the hashes of records
//! that were delivered last, so that a log which is not the one that was exported, or which lost its end with the
//! power, is noticed instead of being skipped.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use grid_audit::{Disk as _, OsDisk, Reader, Record};

use crate::{Batch, Error, leaf, sink::Taken};

const HEAD: &str = "grid export position 1";
/// Ends of batches that are remembered; a log loses one unsynced frame at most.
const MARKS: usize = 16;

/// A record that was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    index: u64,
    hash: String,
}

/// The position of one exporter, which nobody else can have at the same time.
#[derive(Debug)]
pub(super) struct Position {
    folder: PathBuf,
    name: String,
    next: u64,
    /// Newest last.
    marks: VecDeque<Mark>,
    lock: File,
}

impl Position {
    /// Reads the position of `name`; a new one stands before the first record.
    pub(super) fn open(log: &Path, name: &str) -> Result<Self, Error> {
        let folder = log.join("exports");
        OsDisk.make_directories(&folder).map_err(Error::io("make", &folder))?;
        let lock = lock(&folder.join(format!("{name}.lock")))?;
        let mut position = Self { folder, name: name.to_owned(), next: 0, marks: VecDeque::new(), lock };
        let path = position.path("position");
        match fs::read_to_string(&path) {
            Ok(text) => position.parse(&text).ok_or_else(|| Error::Position {
                file: path,
                what: "it cannot be read; remove it to deliver the whole log again".to_owned(),
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Error::io("read", &path)(error)),
        }
        Ok(position)
    }

    fn path(&self, ending: &str) -> PathBuf {
        self.folder.join(format!("{}.{ending}", self.name))
    }

    fn parse(&mut self, text: &str) -> Option<()> {
        let mut lines = text.strip_suffix("end\n")?.lines();
        (lines.next()? == HEAD).then_some(())?;
        self.next = lines.next()?.strip_prefix("next ")?.parse().ok()?;
        for line in lines {
            let (index, hash) = line.strip_prefix("mark ")?.split_once(' ')?;
            let mark = Mark { index: index.parse().ok()?, hash: hash.to_owned() };
            self.marks.push_back(mark);
        }
        // The last mark stands directly before what comes next.
        (self.next == self.marks.back().map_or(0, |mark| mark.index + 1)).then_some(())
    }

    /// The index of the record that the sink gets next.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Compares what was delivered with the log, and goes back to the last record that both have. Says how many
    /// records were delivered that the log does not have.
    pub(super) fn settle(&mut self, reader: &Reader) -> Result<u64, Error> {
        let delivered = self.next;
        while let Some(mark) = self.marks.back() {
            let record = reader.records(mark.index).next().transpose().map_err(Error::Log)?;
            let is_same = |record: &Record| record.index() == mark.index && leaf::hex(record) == mark.hash;
            if record.is_some_and(|record| is_same(&record)) {
                self.next = mark.index + 1;
                return Ok(delivered - self.next);
            }
            self.marks.pop_back();
        }
        if delivered == 0 {
            return Ok(0);
        }
        Err(Error::Position {
            file: self.path("position"),
            what: format!(
                "it stands at record {delivered} of another log, or of this one before it was restored; remove the \
                 file to deliver the whole log again"
            ),
        })
    }

    /// Moves behind a batch; durable when it returns. Nothing has moved where it fails.
    pub(super) fn pass(&mut self, batch: &Batch) -> io::Result<()> {
        let Some(last) = batch.records().last() else { return Ok(()) };
        let next = last.index() + 1;
        let mut marks = self.marks.clone();
        marks.push_back(Mark { index: last.index(), hash: leaf::hex(last) });
        marks.drain(..marks.len().saturating_sub(MARKS));
        let mut text = format!("{HEAD}\nnext {next}\n");
        for mark in &marks {
            // Writing into a `String` cannot fail.
            let _ = writeln!(text, "mark {} {}", mark.index, mark.hash);
        }
        text.push_str("end\n");
        OsDisk.replace(&self.path("position"), text.as_bytes())?;
        (self.next, self.marks) = (next, marks);
        Ok(())
    }

    /// Notes that the sink refused a part of a batch for good; durable when the position has passed the batch, which
    /// syncs the folder. Until then the batch is delivered, and noted, again.
    pub(super) fn note_rejected(&self, batch: &Batch, taken: &Taken) -> io::Result<()> {
        let line = serde_json::json!({
            "first": batch.first(),
            "last": batch.last(),
            "message": taken.message,
            "rejected": taken.rejected,
        });
        let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(self.path("rejected"))?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    }
}

impl Drop for Position {
    /// A child that this process is just starting has the file too until it runs; closing would not be enough.
    fn drop(&mut self) {
        let _ = self.lock.unlock();
    }
}

/// The system gives it back when the process ends.
fn lock(path: &Path) -> Result<File, Error> {
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let file = file.map_err(Error::io("open", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { file: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(Error::io("lock", path)(error)),
    }
}

//! A sink that is a file: JSON lines are appended and on the disk before the position moves. A file that has grown
//! to its size is set aside under the index of the record that comes next; none is ever deleted.
//!
//! What a crash left behind is found when the file is opened: a line that is not complete is cut, and records that
//! are there already are not written again. So every record is in the file exactly once.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use grid_audit::Record;

use super::{Batch, Failure, Sink, Taken};
use crate::format::json_line;

/// How far back the last line is looked for; an entry is at most 1 MiB.
const TAIL: u64 = 2 << 20;
/// How a line begins.
const OURS: &[u8] = b"{\"index\":";

/// Where to write, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileOptions {
    /// The file; its folder must exist.
    pub path: PathBuf,
    /// The size that a file does not pass unless a single batch does.
    pub rotate_bytes: u64,
}

/// See the [module](self).
#[derive(Debug)]
pub struct FileSink {
    options: FileOptions,
    open: Option<Open>,
    /// The length up to which the file is known to be on the disk.
    good: Option<u64>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// The last line, as long as what it says may not be known to the exporter.
    last: Option<Vec<u8>>,
}

impl FileSink {
    /// Opens or makes the file, so that what is wrong with it is known at the start.
    ///
    /// # Errors
    /// Where the file cannot be opened, read or written.
    pub fn open(options: FileOptions) -> io::Result<Self> {
        let mut sink = Self { options, open: None, good: None };
        sink.open = Some(sink.reopen()?);
        Ok(sink)
    }

    fn reopen(&mut self) -> io::Result<Open> {
        let path = &self.options.path;
        let is_new = !path.exists();
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        if is_new {
            sync_folder(path)?;
        }
        // After a failed sync nobody knows what of the rest is on the disk.
        if let Some(good) = self.good.take().filter(|good| file.metadata().is_ok_and(|it| it.len() > *good)) {
            file.set_len(good)?;
        }
        let last = mend(&mut file)?;
        file.sync_all()?;
        Ok(Open { file, last })
    }

    fn append(&mut self, batch: &Batch) -> io::Result<()> {
        let mut open = match self.open.take().filter(|open| is_at(&open.file, &self.options.path)) {
            Some(open) => open,
            None => self.reopen()?,
        };
        let lines = missing(batch.records(), open.last.take().as_deref());
        let length = open.file.metadata()?.len();
        if length > 0 && !lines.is_empty() && length + lines.len() as u64 > self.options.rotate_bytes {
            self.set_aside(batch.first())?;
            open = self.reopen()?;
        }
        self.good = Some(open.file.metadata()?.len());
        open.file.write_all(&lines)?;
        open.file.sync_data()?;
        self.good = None;
        self.open = Some(open);
        Ok(())
    }

    fn set_aside(&self, next: u64) -> io::Result<()> {
        let path = &self.options.path;
        let named = |more: String| {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{next:020}{more}"));
            PathBuf::from(name)
        };
        let mut to = named(String::new());
        let mut more = 0_u32;
        while to.exists() {
            more += 1;
            to = named(format!(".{more}"));
        }
        fs::rename(path, to)?;
        sync_folder(path)
    }
}

impl Sink for FileSink {
    fn describe(&self) -> String {
        format!("file {}", self.options.path.display())
    }

    fn deliver(&mut self, batch: &Batch) -> Result<Taken, Failure> {
        self.append(batch).map(|()| Taken::default()).map_err(|error| {
            let path = self.options.path.display();
            Failure::new(format!("cannot write `{path}`: {error}; check that its folder exists and has room"))
        })
    }
}

/// The lines of the records that come after `last`, if that is one of them; else of all.
fn missing(records: &[Record], last: Option<&[u8]>) -> Vec<u8> {
    let mut lines = Vec::new();
    for record in records {
        let start = lines.len();
        json_line(record, &mut lines);
        if last.is_some() && lines.get(start..) == last {
            lines.clear();
        } else {
            lines.push(b'\n');
        }
    }
    lines
}

/// Whether the file is still the one of that name: somebody else may have moved it.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Cuts an incomplete last line of ours, ends one of somebody else's, and gives the last complete one.
fn mend(file: &mut File) -> io::Result<Option<Vec<u8>>> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL);
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(length - from).read_to_end(&mut tail)?;
    let complete = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let torn = tail.split_off(complete);
    if !torn.is_empty() && (torn.starts_with(OURS) || OURS.starts_with(&torn)) {
        file.set_len(length - torn.len() as u64)?;
    } else if !torn.is_empty() {
        file.write_all(b"\n")?;
        return Ok(None);
    }
    let mut lines = tail.rsplit(|byte| *byte == b'\n').skip(1);
    Ok(lines.next().filter(|line| line.starts_with(OURS)).map(<[u8]>::to_vec))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

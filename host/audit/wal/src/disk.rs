//! The port to files: what a log needs of a file system, so that a simulated one can take its place. Whoever writes
//! into a log's directory does it through here.

use std::{
    ffi::OsString,
    fmt::Debug,
    fs::TryLockError,
    io,
    path::{Path, PathBuf},
};

use crate::scan::read_full;

mod os;

pub use os::OsDisk;

/// A file system. Names are durable after [`Disk::sync_dir`] of the directory they are in, contents after a sync of
/// the file; neither sync does the work of the other.
pub trait Disk: Clone + Debug + Send + Sync + 'static {
    /// An open file.
    type File: File;

    /// Whether slow work may be done on a thread of its own. A simulation says no, so that a run can be repeated.
    const THREADS: bool = true;

    /// Makes one directory, mode 0700.
    ///
    /// # Errors
    /// Those of the operating system, `AlreadyExists` and `NotFound` among them.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// Opens a file; one that it makes has mode 0600.
    ///
    /// # Errors
    /// Those of the operating system.
    fn open(&self, path: &Path, how: How) -> io::Result<Self::File>;

    /// Whether there is anything at `path`.
    ///
    /// # Errors
    /// Those of the operating system.
    fn exists(&self, path: &Path) -> io::Result<bool>;

    /// Gives a file another name in the same directory; what had that name is gone.
    ///
    /// # Errors
    /// Those of the operating system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the operating system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    ///
    /// # Errors
    /// Those of the operating system.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// Those of the operating system.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Makes the names in a directory durable.
    ///
    /// # Errors
    /// Those of the operating system.
    fn sync_dir(&self, directory: &Path) -> io::Result<()>;

    /// Makes a directory and those above it where they are missing. Afterwards none of the names it made can be
    /// lost, also where a process was stopped while it did this before. Syncs a directory each time.
    ///
    /// # Errors
    /// Those of the operating system.
    fn make_directories(&self, path: &Path) -> io::Result<()> {
        let above = parent(path);
        if !self.exists(path)? {
            // Nothing is made in a directory before its own name is durable. So of those that are there, only the
            // last one's may not be.
            self.make_directories(&above)?;
            match self.make_directory(path) {
                // Another process that wants the same log was faster; which one gets it, the lock decides.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
        }
        self.sync_dir(&above)
    }

    /// Puts `bytes` into the file `path`, made where it is missing. After a loss of power it has the old content or
    /// the new one, and after this returned, the new one. Uses the name `path` + `.new`; one caller at a time.
    ///
    /// # Errors
    /// Those of the operating system. The old content is there then, or the new one, and which may still change.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let new = PathBuf::from(new);
        let file = self.open(&new, How::Truncate)?;
        file.write_all_at(bytes, 0)?;
        file.sync_data()?;
        self.rename(&new, path)?;
        self.sync_dir(&parent(path))
    }

    /// All bytes of a file.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = self.open(path, How::Read)?;
        let mut bytes = vec![0; usize::try_from(file.size()?).unwrap_or(usize::MAX)];
        let read = read_full(&file, &mut bytes, 0)?;
        bytes.truncate(read);
        Ok(bytes)
    }
}

/// An open file of a [`Disk`], read and written at offsets.
pub trait File: Debug + Send + 'static {
    /// Fills `buffer` from `offset` as far as there are bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`; the file grows where it must.
    ///
    /// # Errors
    /// Those of the operating system. Any part of the bytes may have been written then.
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Its length in bytes.
    ///
    /// # Errors
    /// Those of the operating system.
    fn size(&self) -> io::Result<u64>;

    /// Makes it shorter, or longer with zeros.
    ///
    /// # Errors
    /// Those of the operating system.
    fn set_size(&self, size: u64) -> io::Result<()>;

    /// Makes its bytes and its length durable.
    ///
    /// # Errors
    /// Those of the operating system. What was written since the last sync may be lost then while reading still
    /// shows it, and no later sync tells: it must be written again.
    fn sync_data(&self) -> io::Result<()>;

    /// The same with its other attributes.
    ///
    /// # Errors
    /// As for [`File::sync_data`].
    fn sync_all(&self) -> io::Result<()>;

    /// Takes the file for this process until it is closed or unlocked.
    ///
    /// # Errors
    /// `WouldBlock` where another one has it; those of the operating system.
    fn try_lock(&self) -> Result<(), TryLockError>;

    /// Gives it back.
    ///
    /// # Errors
    /// Those of the operating system.
    fn unlock(&self) -> io::Result<()>;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// To read what is there.
    Read,
    /// To read and write what is there.
    Write,
    /// The same; made empty where it is missing.
    Create,
    /// The same; made empty, and an error where it is there.
    CreateNew,
    /// The same; made empty in any case.
    Truncate,
}

/// The directory that `path` is in.
#[must_use]
pub fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(above) if above.as_os_str().is_empty() => PathBuf::from("."),
        Some(above) => above.to_path_buf(),
        None => path.to_path_buf(),
    }
}

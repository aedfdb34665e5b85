//! The operating system's files.

use std::{
    ffi::OsString,
    fs::{self, DirBuilder, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt},
    path::Path,
};

use super::{Disk, File, How};

/// The real thing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OsDisk;

impl Disk for OsDisk {
    type File = fs::File;

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        DirBuilder::new().mode(0o700).create(path)
    }

    fn open(&self, path: &Path, how: How) -> io::Result<fs::File> {
        let mut options = OpenOptions::new();
        options.read(true).write(how != How::Read).mode(0o600);
        options.create(matches!(how, How::Create | How::Truncate));
        options.create_new(how == How::CreateNew).truncate(how == How::Truncate);
        options.open(path)
    }

    fn exists(&self, path: &Path) -> io::Result<bool> {
        path.try_exists()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn sync_dir(&self, directory: &Path) -> io::Result<()> {
        let directory = fs::File::open(directory)?;
        fs::File::sync_all(&directory)
    }
}

impl File for fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        FileExt::read_at(self, buffer, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn set_size(&self, size: u64) -> io::Result<()> {
        self.set_len(size)
    }

    fn sync_data(&self) -> io::Result<()> {
        fs::File::sync_data(self)
    }

    fn sync_all(&self) -> io::Result<()> {
        fs::File::sync_all(self)
    }

    fn try_lock(&self) -> Result<(), TryLockError> {
        fs::File::try_lock(self)
    }

    fn unlock(&self) -> io::Result<()> {
        fs::File::unlock(self)
    }
}

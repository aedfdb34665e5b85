//! One writer a directory: an advisory lock that the operating system gives back when the process ends.

use std::{fs::TryLockError, path::Path};

use crate::{
    Error,
    disk::{Disk, File, How},
};

/// The right to write, as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock<F: File> {
    file: F,
}

impl<F: File> Lock<F> {
    pub(crate) fn take<D: Disk<File = F>>(disk: &D, log: &Path) -> Result<Self, Error> {
        let path = log.join("lock");
        let file = disk.open(&path, How::Create).map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { directory: log.to_path_buf(), holder: holder(disk, &path) });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        let line = format!("{}\n", std::process::id());
        // Not emptied first: a full disk might not take the line again.
        let written = file.write_all_at(line.as_bytes(), 0).and_then(|()| file.set_size(line.len() as u64));
        written.map_err(Error::io("write", &path))?;
        Ok(Self { file })
    }
}

impl<F: File> Drop for Lock<F> {
    /// A child that this process is just starting has the file too until it runs; closing would not be enough.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn holder<D: Disk>(disk: &D, path: &Path) -> String {
    let bytes = disk.read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    match text.trim().parse::<u32>() {
        Ok(id) => format!("process {id}"),
        Err(_) => "another process".into(),
    }
}

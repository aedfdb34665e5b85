//! One writer a directory: an advisory lock that the operating system gives back when the process ends.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::Error;

/// The right to write, as long as it lives.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    pub(crate) fn take(log: &Path) -> Result<Self, Error> {
        let path = log.join("lock");
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { directory: log.to_path_buf(), holder: holder(&path) });
            }
            Err(TryLockError::Error(error)) => return Err(Error::io("lock", &path)(error)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id())).map_err(Error::io("write", &path))?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    /// A child that this process is just starting has the file too until it runs; closing would not be enough.
    fn drop(&mut self) {
        let _ = self.file.unlock();
    }
}

fn holder(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    match text.trim().parse::<u32>() {
        Ok(id) => format!("process {id}"),
        Err(_) => "another process".into(),
    }
}

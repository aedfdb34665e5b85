//! Where the files of a log are.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::Unreadable;

/// The longest file that is taken whole: a bundle of 256 of the longest entries.
pub const MAX_FILE: usize = 256 * (2 + grid_tlog::MAX_ENTRY);

/// Gives the files of a log by their paths below it. What it gives is checked by whoever asked.
pub trait Source {
    /// All bytes of a file; nothing where there is none of that name.
    ///
    /// # Errors
    /// [`Unreadable`], also for one of more than [`MAX_FILE`] bytes.
    fn fetch(&self, path: &str) -> Result<Option<Vec<u8>>, Unreadable>;

    /// The same for a file of any length, piece by piece.
    ///
    /// # Errors
    /// [`Unreadable`].
    fn stream(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, Unreadable>;

    /// The directory, where it is one: then everything that is in it is checked, and what is not published yet too.
    fn directory(&self) -> Option<&Path> {
        None
    }
}

impl<S: Source + ?Sized> Source for &S {
    fn fetch(&self, path: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        (**self).fetch(path)
    }

    fn stream(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, Unreadable> {
        (**self).stream(path)
    }

    fn directory(&self) -> Option<&Path> {
        (**self).directory()
    }
}

impl<S: Source + ?Sized> Source for Box<S> {
    fn fetch(&self, path: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        (**self).fetch(path)
    }

    fn stream(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, Unreadable> {
        (**self).stream(path)
    }

    fn directory(&self) -> Option<&Path> {
        (**self).directory()
    }
}

/// A log on this machine.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// Takes the log's own directory.
    ///
    /// # Errors
    /// [`Unreadable::Missing`] where it is none.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Unreadable> {
        let path = path.into();
        if !path.is_dir() {
            let message = format!("`{}` is no directory; name the one that holds the log", path.display());
            return Err(Unreadable::Missing(message));
        }
        Ok(Self(path))
    }

    fn file(&self, path: &str) -> Result<Option<File>, Unreadable> {
        let failed = Unreadable::io(path);
        match File::open(self.0.join(path)) {
            Ok(file) => {
                let is_file = file.metadata().map_err(failed)?.is_file();
                Ok(Some(file).filter(|_| is_file))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

/// A name below something that is a file does not exist either.
fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

impl Source for Directory {
    fn fetch(&self, path: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let Some(file) = self.file(path)? else {
            return Ok(None);
        };
        bounded(file, path).map(Some)
    }

    fn stream(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, Unreadable> {
        let Some(file) = self.file(path)? else {
            return Ok(None);
        };
        // What is written behind it from now on belongs to another state of the log than the one that is looked at.
        let length = file.metadata().map_err(Unreadable::io(path))?.len();
        Ok(Some(Box::new(file.take(length))))
    }

    fn directory(&self) -> Option<&Path> {
        Some(&self.0)
    }
}

/// Reads to the end, and no further than any such file goes.
pub(crate) fn bounded(reader: impl Read, path: &str) -> Result<Vec<u8>, Unreadable> {
    let mut bytes = Vec::new();
    let limit = MAX_FILE as u64 + 1;
    reader.take(limit).read_to_end(&mut bytes).map_err(Unreadable::io(path))?;
    if bytes.len() > MAX_FILE {
        return Err(Unreadable::TooLong { path: path.to_owned() });
    }
    Ok(bytes)
}

//! `checkpoints.log`: every signature that the tiles have passed, a line each, so that none is forgotten when its
//! segment goes. A line is `<size> <root in base64> <id of the key> <signature in base64>`.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{
    Error,
    disk::{Disk, File, How},
    seal::Trailer,
};

/// In the log's directory.
const NAME: &str = "checkpoints.log";
/// No line is longer.
const LONGEST: usize = 192;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// Entries in the tree.
    pub size: u64,
    /// What was signed; the root before is not written down.
    pub trailer: Trailer,
}

impl Signed {
    /// Reads a line without its newline; none where it is no such line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut parts = line.split(' ');
        let (size, root, key, signature) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let signature = BASE64_STANDARD.decode(signature).ok()?;
        let trailer = Trailer {
            before: grid_tlog::Hash::default(),
            root: root.parse().ok()?,
            key: u32::from_str_radix(key, 16).ok()?,
            signature: signature.try_into().ok()?,
        };
        let signed = Self { size: size.parse().ok()?, trailer };
        (signed.to_string() == line).then_some(signed)
    }
}

impl std::fmt::Display for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let signature = BASE64_STANDARD.encode(self.trailer.signature);
        write!(f, "{} {} {:08x} {signature}", self.size, self.trailer.root, self.trailer.key)
    }
}

/// The file, written at its end.
#[derive(Debug)]
pub struct Signatures<D: Disk> {
    file: D::File,
    path: PathBuf,
    end: u64,
    waiting: String,
}

impl<D: Disk> Signatures<D> {
    /// Opens it and cuts what comes behind the tree of `size` entries: that is in the segments still, and what a
    /// crash left of it cannot be told from what it made up.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the signature over that tree is missing; [`Error::Io`].
    pub fn open(disk: &D, log: &Path, size: u64) -> Result<Self, Error> {
        let path = log.join(NAME);
        let file = disk.open(&path, How::Create).map_err(Error::io("open", &path))?;
        let length = file.size().map_err(Error::io("read", &path))?;
        let (end, last) = end_at(&file, length, size).map_err(Error::io("read", &path))?;
        if last != size {
            let what = format!("the signature over {size} entries is missing");
            return Err(Error::Damaged { file: path, offset: end, index: size, what });
        }
        if end < length {
            file.set_size(end).map_err(Error::io("write", &path))?;
        }
        Ok(Self { file, path, end, waiting: String::new() })
    }

    /// Has this line next.
    pub fn push(&mut self, size: u64, trailer: Trailer) {
        let _ = writeln!(self.waiting, "{}", Signed { size, trailer });
    }

    /// Writes what was pushed.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&mut self) -> Result<(), Error> {
        let bytes = self.waiting.as_bytes();
        self.file.write_all_at(bytes, self.end).map_err(Error::io("write", &self.path))?;
        self.end += bytes.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Makes what was written durable; the name is the directory's to sync.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }
}

/// Where the lines of trees up to `size` entries end, and the size that the last of them has.
fn end_at<F: File>(file: &F, length: u64, size: u64) -> std::io::Result<(u64, u64)> {
    let (mut low, mut high) = (0, length);
    let mut found = (0, 0);
    // Lines before `low` are known to be wanted, lines from `high` on not to be.
    while low < high {
        let middle = low + (high - low) / 2;
        match line_behind(file, low, middle)? {
            Some((end, line)) if line <= size => {
                found = (end, line);
                low = end;
            }
            _ if middle == low => break,
            _ => high = middle,
        }
    }
    Ok(found)
}

/// The first whole line that begins at or behind `from`, where lines begin at `start`: its end and its size.
fn line_behind<F: File>(file: &F, start: u64, from: u64) -> std::io::Result<Option<(u64, u64)>> {
    let mut buffer = [0; 2 * LONGEST];
    // One byte earlier tells whether a line begins right here.
    let at = from.saturating_sub(1).max(start);
    let read = file.read_at(&mut buffer, at)?;
    let bytes = buffer.get(..read).unwrap_or_default();
    let skipped = if at == start { Some(0) } else { bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1) };
    let Some(rest) = skipped.and_then(|skipped| bytes.get(skipped..)) else {
        return Ok(None);
    };
    let skipped = (bytes.len() - rest.len()) as u64;
    let Some(length) = rest.iter().position(|byte| *byte == b'\n') else {
        return Ok(None);
    };
    let line = rest.get(..length).and_then(|line| str::from_utf8(line).ok()).and_then(Signed::parse);
    Ok(line.map(|line| (at + skipped + length as u64 + 1, line.size)))
}

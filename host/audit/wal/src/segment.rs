//! Segments as files: their names, their header, and how one is made so that neither its size nor its name can
//! be lost after it was used.

use std::{
    io,
    path::{Path, PathBuf},
};

use grid_tlog::{Frontier, Hash};

use crate::{
    Error,
    disk::{Disk, File, How},
    scan::ReadAt,
};

pub(crate) const HEADER: usize = 4096;
const MAGIC: [u8; 8] = *b"\xf5GRIDWAL";
const VERSION: u32 = 2;
const CHUNK: usize = 1 << 20;

/// Where segments live within the log's directory.
pub(crate) fn directory(log: &Path) -> PathBuf {
    log.join("wal")
}

/// The segment that is being made for later.
pub(crate) fn spare(log: &Path) -> PathBuf {
    directory(log).join("spare")
}

/// The segment that begins with entry `first_index`.
pub(crate) fn path(log: &Path, first_index: u64) -> PathBuf {
    directory(log).join(format!("{first_index:020}.seg"))
}

/// The first indices of all segments of a log, in order.
///
/// # Errors
/// [`Error::Io`], also where there is no log.
pub fn list<D: Disk>(disk: &D, log: &Path) -> Result<Vec<u64>, Error> {
    let directory = directory(log);
    let names = disk.list(&directory).map_err(Error::io("list", &directory))?;
    let mut found: Vec<u64> = names.iter().filter_map(|name| index_of(name.to_str()?)).collect();
    found.sort_unstable();
    Ok(found)
}

fn index_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".seg")?;
    let plain = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

/// What a segment says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// The same in all segments of a log.
    pub(crate) log: u128,
    /// Of the tree before its first entry.
    pub(crate) edge: Frontier,
}

impl Header {
    /// The index of its first entry.
    pub(crate) fn first_index(&self) -> u64 {
        self.edge.size()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut body = self.first_index().to_le_bytes().to_vec();
        body.extend_from_slice(&self.log.to_le_bytes());
        body.extend(self.edge.subtrees().iter().flat_map(Hash::as_bytes));
        body.resize(HEADER - 16, 0);
        let crc = crc32c::crc32c(&body);
        let parts: [&[u8]; 4] = [&MAGIC, &VERSION.to_le_bytes(), &crc.to_le_bytes(), &body];
        parts.concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let size = u64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?);
        let log = u128::from_le_bytes(bytes.get(24..40)?.try_into().ok()?);
        let subtrees = usize::try_from(size.count_ones()).ok()?;
        let (hashes, _) = bytes.get(40..)?.as_chunks();
        let hashes = hashes.get(..subtrees)?.iter().map(|hash| Hash::from_bytes(*hash));
        let header = Self { log, edge: Frontier::from_parts(size, hashes.collect()).ok()? };
        (header.to_bytes() == bytes).then_some(header)
    }

    /// Reads the header of the segment `path`.
    pub(crate) fn read<R: ReadAt + ?Sized>(source: &R, path: &Path, first_index: u64) -> Result<Self, Error> {
        let mut bytes = vec![0; HEADER];
        source.read_at(&mut bytes, 0).map_err(Error::io("read", path))?;
        Self::from_bytes(&bytes).filter(|header| header.first_index() == first_index).ok_or_else(|| Error::Damaged {
            file: path.to_path_buf(),
            offset: 0,
            index: first_index,
            what: "the segment's header is not the one that was written".into(),
        })
    }
}

/// Makes a file of `size` zeros at the spare's place and syncs it, so that the disk has the room for sure; removes it
/// again where that fails.
pub(crate) fn fill_spare<D: Disk>(disk: &D, log: &Path, size: u64) -> io::Result<D::File> {
    let path = spare(log);
    fill(disk, &path, size).inspect_err(|_| {
        // The space goes back to whoever filled the disk; what matters is the first error.
        let _ = disk.remove(&path);
    })
}

fn fill<D: Disk>(disk: &D, path: &Path, size: u64) -> io::Result<D::File> {
    // A spare that an earlier process left keeps its place on the disk, or a full one might not give it again.
    let file = disk.open(path, How::Create)?;
    write_zeros(&file, 0, size)?;
    if file.size()? > size {
        file.set_size(size)?;
    }
    file.sync_all()?;
    Ok(file)
}

/// Gives the spare its header and its name.
pub(crate) fn take_spare<D: Disk>(disk: &D, log: &Path, file: &D::File, header: &Header) -> io::Result<PathBuf> {
    file.write_all_at(&header.to_bytes(), 0)?;
    file.sync_data()?;
    let path = path(log, header.first_index());
    disk.rename(&spare(log), &path)?;
    disk.sync_dir(&directory(log))?;
    Ok(path)
}

/// Removes a segment for good. Before the next one goes: what is left must never begin after what is gone.
///
/// # Errors
/// [`Error::Io`].
pub fn remove<D: Disk>(disk: &D, log: &Path, first_index: u64) -> Result<(), Error> {
    let (path, directory) = (path(log, first_index), directory(log));
    disk.remove(&path).map_err(Error::io("remove", &path))?;
    disk.sync_dir(&directory).map_err(Error::io("sync", &directory))
}

/// Overwrites `from..to` with zeros and syncs.
pub(crate) fn erase<F: File>(file: &F, from: u64, to: u64) -> io::Result<()> {
    write_zeros(file, from, to)?;
    file.sync_data()
}

fn write_zeros<F: File>(file: &F, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; CHUNK];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).unwrap_or(CHUNK).min(CHUNK);
        file.write_all_at(zeros.get(..length).unwrap_or_default(), at)?;
        at += length as u64;
    }
    Ok(())
}

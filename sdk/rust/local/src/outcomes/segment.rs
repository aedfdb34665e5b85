//! One file of the outcome log: a header and frames behind it. It is appended to by the process that made it and only
//! read by later ones.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::entry::Entry;
use super::seal::{HEADER, Key, LENGTH, Seal};

/// No frame is longer; a length beyond it is damage.
const LONGEST_FRAME: u32 = 64 << 20;

/// Where a frame stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) frame: u64,
    /// Of its ciphertext.
    pub(crate) offset: u64,
    pub(crate) length: usize,
}

/// What stands where.
type Entries = Vec<(Place, Entry)>;

pub(crate) struct Segment {
    pub(crate) path: PathBuf,
    pub(crate) number: u64,
    file: File,
    seal: Seal,
    frames: u64,
    pub(crate) length: u64,
    /// It has frames that do not open.
    pub(crate) damaged: bool,
}

pub(crate) fn path_of(directory: &Path, prefix: &str, number: u64) -> PathBuf {
    directory.join(format!("{prefix}{number:020}.seg"))
}

impl Segment {
    /// A new one; only its owner can read it.
    pub(crate) fn create(directory: &Path, prefix: &str, number: u64, key: &Key) -> io::Result<Self> {
        let path = path_of(directory, prefix, number);
        let mut file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        let seal =
            Seal::new(key, number).ok_or_else(|| io::Error::other("the operating system gave no random bytes"))?;
        file.write_all(seal.header())?;
        // The name must be as durable as what stands under it.
        File::open(directory)?.sync_all()?;
        Ok(Self { path, number, file, seal, frames: 0, length: HEADER as u64, damaged: false })
    }

    /// One that an earlier process left, with what is in it. `None` where it has no whole header: then nothing was
    /// ever acknowledged that is in it.
    pub(crate) fn open(path: &Path, number: u64, key: &Key) -> io::Result<Option<(Self, Entries)>> {
        let mut file = File::open(path)?;
        let mut header = [0; HEADER];
        match file.read_exact(&mut header) {
            Err(fault) if fault.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        let seal = Seal::of(key, header, number).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it is no segment of an outcome log, or of another number")
        })?;
        let length = file.metadata()?.len();
        let (path, frames) = (path.to_owned(), 0);
        let mut segment = Self { path, number, file, seal, frames, length: HEADER as u64, damaged: false };
        let entries = segment.scan(length)?;
        Ok(Some((segment, entries)))
    }

    fn scan(&mut self, end: u64) -> io::Result<Entries> {
        let mut entries = Vec::new();
        self.file.seek(SeekFrom::Start(self.length))?;
        while self.length < end {
            let left = end - self.length;
            let mut length = [0; LENGTH];
            if left < LENGTH as u64 {
                break;
            }
            self.file.read_exact(&mut length)?;
            let sealed = u32::from_be_bytes(length);
            let nonsense = sealed > LONGEST_FRAME;
            self.damaged |= nonsense;
            // A process that was killed while it wrote leaves half a frame, which nobody was told of.
            if nonsense || u64::from(sealed) > left - LENGTH as u64 {
                break;
            }
            let mut bytes = vec![0; sealed as usize];
            self.file.read_exact(&mut bytes)?;
            let offset = self.length + LENGTH as u64;
            let place = Place { segment: self.number, frame: self.frames, offset, length: bytes.len() };
            match self.seal.open(self.frames, bytes).and_then(|plain| serde_json::from_slice(&plain).ok()) {
                Some(entry) => entries.push((place, entry)),
                None => self.damaged = true,
            }
            self.frames += 1;
            self.length = offset + u64::from(sealed);
        }
        Ok(entries)
    }

    /// Appends a frame and hands it to the operating system. After a fault nothing must be appended any more.
    pub(crate) fn append(&mut self, entry: &Entry) -> io::Result<Place> {
        let plain = zeroize::Zeroizing::new(serde_json::to_vec(entry)?);
        let mut frame = Vec::with_capacity(plain.len() + 32);
        let sealed = self.seal.seal(self.frames, &plain, &mut frame);
        sealed.ok_or_else(|| io::Error::other("the outcome cannot be encrypted; it is too long"))?;
        self.file.write_all(&frame)?;
        let (frame_number, offset) = (self.frames, self.length + LENGTH as u64);
        self.frames += 1;
        self.length += frame.len() as u64;
        Ok(Place { segment: self.number, frame: frame_number, offset, length: frame.len() - LENGTH })
    }

    pub(crate) fn read(&self, place: Place) -> io::Result<Entry> {
        let mut bytes = vec![0; place.length];
        self.file.read_exact_at(&mut bytes, place.offset)?;
        let plain = self.seal.open(place.frame, bytes);
        let plain = plain.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the frame was changed"))?;
        Ok(serde_json::from_slice(&plain)?)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

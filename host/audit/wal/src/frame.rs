//! A batch as bytes: built by the sealer, checked by recovery and readers. The layout is in the crate's own
//! documentation.

use grid_tlog::Hash;

use crate::{seal::Trailer, storage::Entry};

/// The most bytes that one entry may have: a bundle writes its length in two bytes.
pub const MAX_ENTRY: usize = grid_tlog::MAX_ENTRY;

/// The most bytes that one frame may have.
pub(crate) const MAX_FRAME: usize = 4 << 20;
pub(crate) const HEADER: usize = 32;
pub(crate) const MAGIC: [u8; 4] = *b"\xf5GAF";
const VERSION: u8 = 1;
/// Entries with a trailer. A frame without one (1) was never shipped.
const SEALED: u8 = 2;
/// Root before, root after, key id, zeros, signature.
const TRAILER: usize = 136;
const LENGTH_AT: usize = 8;
const CRC_AT: usize = 12;
const INDEX_AT: usize = 16;
const COUNT_AT: usize = 24;
const TRAILER_LENGTH_AT: usize = 28;

/// Takes entries, gives a frame. Its memory is used again for the next one.
#[derive(Debug, Default)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    /// Where the last entry begins.
    last: usize,
    first_index: u64,
    count: u32,
}

/// Why an entry is not in the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotAdded {
    /// It has so many bytes, and fits into no frame.
    TooLong(usize),
    /// It fits into the next one.
    Full,
}

impl Builder {
    pub(crate) fn begin(&mut self, first_index: u64) {
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
        self.first_index = first_index;
        self.count = 0;
    }

    pub(crate) fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn next_index(&self) -> u64 {
        self.first_index + u64::from(self.count)
    }

    /// Lets `write` append one entry, and takes it back where the frame would be longer than `limit`.
    pub(crate) fn push(&mut self, limit: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<u64, NotAdded> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        write(&mut self.bytes);
        let length = self.bytes.len() - start - 4;
        let padded = (self.bytes.len() + TRAILER).next_multiple_of(8);
        if length > MAX_ENTRY || padded > limit {
            self.bytes.truncate(start);
            let alone = length > MAX_ENTRY || HEADER + 4 + length + TRAILER + 8 > limit;
            return Err(if alone { NotAdded::TooLong(length) } else { NotAdded::Full });
        }
        put(&mut self.bytes, start, &small(length).to_le_bytes());
        let index = self.next_index();
        self.last = start + 4;
        self.count += 1;
        Ok(index)
    }

    /// The entry that was put in last.
    pub(crate) fn last(&self) -> &[u8] {
        self.bytes.get(self.last..).unwrap_or_default()
    }

    /// The finished frame.
    pub(crate) fn finish(&mut self, trailer: &Trailer) -> &[u8] {
        for part in [trailer.before.as_bytes(), trailer.root.as_bytes()] {
            self.bytes.extend_from_slice(part);
        }
        self.bytes.extend_from_slice(&trailer.key.to_be_bytes());
        self.bytes.extend_from_slice(&[0; 4]);
        self.bytes.extend_from_slice(&trailer.signature);
        let length = self.bytes.len().next_multiple_of(8);
        self.bytes.resize(length, 0);
        let bytes = &mut self.bytes;
        put(bytes, 0, &MAGIC);
        put(bytes, 4, &[VERSION, SEALED]);
        put(bytes, TRAILER_LENGTH_AT, &small(TRAILER).to_le_bytes());
        put(bytes, LENGTH_AT, &small(length).to_le_bytes());
        put(bytes, INDEX_AT, &self.first_index.to_le_bytes());
        put(bytes, COUNT_AT, &self.count.to_le_bytes());
        let crc = checksum(bytes);
        put(bytes, CRC_AT, &crc.to_le_bytes());
        bytes
    }
}

/// One frame that checks.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The index of its first entry.
    pub first_index: u64,
    /// How many entries it has.
    pub count: u32,
    pub(crate) length: usize,
    /// What it says of the tree.
    pub trailer: Trailer,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Its entries with their indices.
    pub fn entries(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let mut rest = self.body;
        (self.first_index..).take(usize::try_from(self.count).unwrap_or(0)).map_while(move |index| {
            let bytes = split_entry(&mut rest)?;
            Some(Entry { index, bytes })
        })
    }
}

/// What a header says of the frame behind it, believed only as far as reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// Zeros: nothing was written here.
    Empty,
    /// A frame of this length.
    Length(usize),
    /// No frame of this version.
    Bad(&'static str),
}

/// Reads the first [`HEADER`] bytes of a frame.
pub(crate) fn head(bytes: &[u8]) -> Head {
    let Some(header) = bytes.get(..HEADER) else {
        return if bytes.iter().all(|byte| *byte == 0) { Head::Empty } else { Head::Bad("the header is cut off") };
    };
    if header.iter().all(|byte| *byte == 0) {
        return Head::Empty;
    }
    if !header.starts_with(&MAGIC) {
        return Head::Bad("no frame begins here");
    }
    if header.get(4) != Some(&VERSION) {
        return Head::Bad("the frame has a version that this host does not read");
    }
    let length = long(header, LENGTH_AT);
    if !(HEADER..=MAX_FRAME).contains(&length) || !length.is_multiple_of(8) {
        return Head::Bad("the frame's length is impossible");
    }
    Head::Length(length)
}

/// Checks a frame of which `bytes` is the whole.
pub(crate) fn check(bytes: &[u8]) -> Result<Frame<'_>, &'static str> {
    let Head::Length(length) = head(bytes) else {
        return Err("no frame begins here");
    };
    if length != bytes.len() {
        return Err("the frame is cut off");
    }
    if number(bytes, CRC_AT) != checksum(bytes) {
        return Err("the frame's checksum differs");
    }
    let kind = bytes.get(5).copied().unwrap_or(0);
    if (kind, long(bytes, TRAILER_LENGTH_AT)) != (SEALED, TRAILER) {
        return Err("the frame has a kind that this host does not read");
    }
    let body = bytes.get(HEADER..).unwrap_or_default();
    let count = number(bytes, COUNT_AT);
    let mut rest = body;
    for _ in 0..count {
        split_entry(&mut rest).ok_or("the frame has fewer entries than it says")?;
    }
    let padding = rest.len().checked_sub(TRAILER);
    let trailer = read_trailer(rest).filter(|_| count > 0 && matches!(padding, Some(0..8)));
    let trailer = trailer.ok_or("the frame has more bytes than its entries")?;
    Ok(Frame { first_index: first_index(bytes), count, length, trailer, body })
}

/// The index that a frame begins with.
pub(crate) fn first_index(frame: &[u8]) -> u64 {
    let bytes = frame.get(INDEX_AT..INDEX_AT + 8).unwrap_or_default();
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

fn read_trailer(mut bytes: &[u8]) -> Option<Trailer> {
    let mut hash = || {
        let (hash, rest) = bytes.split_first_chunk::<32>()?;
        bytes = rest;
        Some(Hash::from_bytes(*hash))
    };
    let (before, root) = (hash()?, hash()?);
    let (key, rest) = bytes.split_first_chunk::<4>()?;
    let signature = rest.get(4..)?.first_chunk::<64>()?;
    Some(Trailer { before, root, key: u32::from_be_bytes(*key), signature: *signature })
}

fn split_entry<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (entry, after) = after.split_at_checked(length)?;
    *rest = after;
    Some(entry)
}

fn checksum(frame: &[u8]) -> u32 {
    let before = frame.get(..CRC_AT).unwrap_or_default();
    let after = frame.get(CRC_AT + 4..).unwrap_or_default();
    crc32c::crc32c_append(crc32c::crc32c(before), after)
}

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + value.len()) {
        place.copy_from_slice(value);
    }
}

fn number(bytes: &[u8], at: usize) -> u32 {
    let bytes = bytes.get(at..at + 4).unwrap_or_default();
    bytes.try_into().map_or(0, u32::from_le_bytes)
}

fn long(bytes: &[u8], at: usize) -> usize {
    usize::try_from(number(bytes, at)).unwrap_or(usize::MAX)
}

/// Lengths here are bounded far below four gigabytes.
fn small(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;

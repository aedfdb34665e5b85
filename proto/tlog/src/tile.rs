//! The files of a log (C2SP tlog-tiles): which hashes and entries lie in which, under which name.
//!
//! A hash tile at level L holds up to 256 hashes of complete subtrees of 256^L entries. An entry bundle holds the
//! entries under one tile at level 0. The last of each row may be partial, and has its width in its name.

use std::{fmt, str::FromStr};

use crate::{Hash, MAX_ENTRY, Malformed};

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u16 = 256;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// Entries.
    Entries,
    /// Hashes of subtrees of 256^level entries; a level is at most 7.
    Hashes(u8),
}

/// One tile. Shown as its path below the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// What it holds.
    pub part: Part,
    /// Its number in its row.
    pub index: u64,
    /// How many it holds, 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tile of `part` that holds item `item` of its row, in a log of `size` entries; none where that row does not
    /// reach so far.
    #[must_use]
    pub fn holding(part: Part, item: u64, size: u64) -> Option<Self> {
        let items = match part {
            Part::Entries => size,
            Part::Hashes(level) => size.checked_shr(8 * u32::from(level)).unwrap_or(0),
        };
        let index = item / u64::from(TILE_WIDTH);
        let left = items.checked_sub(index * u64::from(TILE_WIDTH)).filter(|_| item < items)?;
        let width = u16::try_from(left).map_or(TILE_WIDTH, |left| left.min(TILE_WIDTH));
        Some(Self { part, index, width })
    }

    /// Every tile of a log of `size` entries, row by row: entries, then hashes from level 0 up.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let parts = std::iter::once(Part::Entries).chain((0..8).map(Part::Hashes));
        parts.flat_map(move |part| {
            (0..).map_while(move |index: u64| Self::holding(part, index.checked_mul(u64::from(TILE_WIDTH))?, size))
        })
    }

    /// Whether it holds all that it ever will.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.width == TILE_WIDTH
    }

    /// The same tile when it is full.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            Part::Entries => f.write_str("tile/entries/")?,
            Part::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = [0; 7];
        let mut used = 0;
        let mut rest = self.index;
        for group in &mut groups {
            *group = rest % 1000;
            rest /= 1000;
            used += 1;
            if rest == 0 {
                break;
            }
        }
        for (place, group) in groups.iter().take(used).enumerate().rev() {
            if place > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for Tile {
    type Err = Malformed;

    fn from_str(path: &str) -> Result<Self, Malformed> {
        let tile = parse(path).filter(|tile| tile.to_string() == path);
        tile.ok_or_else(|| Malformed::new("tile", format!("`{path}` names none")))
    }
}

fn parse(path: &str) -> Option<Tile> {
    let (row, rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let part = match row {
        "entries" => Part::Entries,
        level => Part::Hashes(level.parse().ok().filter(|level| *level < 8)?),
    };
    let (number, width) = match rest.split_once(".p/") {
        Some((number, width)) => (number, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (rest, TILE_WIDTH),
    };
    let index = number.split('/').try_fold(0_u64, |index, group| {
        let group: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index.checked_mul(1000)?.checked_add(group)
    })?;
    Some(Tile { part, index, width })
}

/// The hashes of a hash tile's file that should hold `width` of them.
///
/// # Errors
/// [`Malformed`] where it has another length.
pub fn read_hashes(bytes: &[u8], width: u16) -> Result<Vec<Hash>, Malformed> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if hashes.len() != usize::from(width) || !rest.is_empty() {
        let why = format!("{} bytes cannot be {width} hashes", bytes.len());
        return Err(Malformed::new("hash tile", why));
    }
    Ok(hashes.iter().map(|hash| Hash::from_bytes(*hash)).collect())
}

/// Appends an entry to the bytes of a bundle.
///
/// # Errors
/// [`Malformed`] where it is longer than [`MAX_ENTRY`].
pub fn write_bundle_entry(entry: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let length = u16::try_from(entry.len());
    let length = length.map_err(|_| Malformed::new("entry", format!("it is longer than {MAX_ENTRY} bytes")))?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(entry);
    Ok(())
}

/// The entries of a bundle's file that should hold `width` of them.
///
/// # Errors
/// [`Malformed`] where it holds another number, or half of one.
pub fn read_bundle(bytes: &[u8], width: u16) -> Result<Bundle<'_>, Malformed> {
    let bundle = Bundle { rest: bytes };
    let mut walk = bundle.clone();
    let whole = walk.by_ref().count();
    if whole != usize::from(width) || !walk.rest.is_empty() {
        let why = format!("it holds {whole} whole entries where {width} belong");
        return Err(Malformed::new("entry bundle", why));
    }
    Ok(bundle)
}

/// The entries of a bundle, in order.
#[derive(Debug, Clone)]
pub struct Bundle<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Bundle<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.rest = rest;
        Some(entry)
    }
}

//! The tree as the log's tiles have it: hashes, entries and proofs by place. Nothing that it gives is checked;
//! whoever uses it holds it against a signed checkpoint.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use grid_tlog::{Bundle, Hash, Nodes, Part, TILE_WIDTH, Tile, read_bundle, read_hashes};

use crate::{Error, Failure, Source, Unreadable};

/// Tiles that are kept in memory, 8 KiB each.
const KEPT: usize = 256;
const WIDTH: u64 = TILE_WIDTH as u64;

/// Reads the tiles of a log of which a checkpoint over `size` entries was published.
pub struct Tiles<S> {
    source: S,
    size: u64,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    tiles: HashMap<(u8, u64), Arc<[Hash]>>,
    /// Oldest first.
    order: VecDeque<(u8, u64)>,
}

impl<S: Source> Tiles<S> {
    /// Takes the files and the size of a published checkpoint.
    #[must_use]
    pub fn new(source: S, size: u64) -> Self {
        Self { source, size, kept: Mutex::default() }
    }

    /// Entries in the published tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Where the files are.
    #[must_use]
    pub fn source(&self) -> &S {
        &self.source
    }

    /// The bytes of entry `index`.
    ///
    /// # Errors
    /// [`Error`], also where the log is not as long.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, Error> {
        let place = usize::try_from(index % WIDTH).unwrap_or(usize::MAX);
        let entry = self.in_bundle(index / WIDTH, |entries| entries.clone().nth(place).map(<[u8]>::to_vec))?;
        entry.filter(|_| index < self.size).ok_or_else(|| missing(index, self.size))
    }

    /// The entries `number * 256` and those behind it, up to 256 and to the end of the published tree.
    ///
    /// # Errors
    /// As for [`Tiles::entry`].
    pub fn bundle(&self, number: u64) -> Result<Vec<Vec<u8>>, Error> {
        self.in_bundle(number, |entries| entries.clone().map(<[u8]>::to_vec).collect())
    }

    fn in_bundle<T>(&self, number: u64, take: impl FnOnce(&Bundle<'_>) -> T) -> Result<T, Error> {
        let first = number.saturating_mul(WIDTH);
        let tile = Tile::holding(Part::Entries, first, self.size).ok_or_else(|| missing(first, self.size))?;
        let (bytes, tile) = fetch(&self.source, tile)?;
        let entries = read_bundle(&bytes, tile.width);
        let entries = entries.map_err(|error| Failure::new(error.to_string()).at(first).within(tile.to_string()))?;
        Ok(take(&entries))
    }

    /// The root of the first `size` entries.
    ///
    /// # Errors
    /// [`Error`].
    pub fn root(&self, size: u64) -> Result<Hash, Error> {
        grid_tlog::root(self, size)
    }

    /// The hashes that prove entry `index` in the tree of the first `size` entries.
    ///
    /// # Errors
    /// [`Error`], also where the entry is not in it or it is larger than the published one.
    pub fn inclusion(&self, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
        if index >= size || size > self.size {
            return Err(missing(index, size.min(self.size)));
        }
        grid_tlog::inclusion(self, index, size)
    }

    /// The hashes that prove that the first `new` entries begin with the first `old`.
    ///
    /// # Errors
    /// [`Error`], also where `new` is larger than the published tree or smaller than `old`.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
        if old > new || new > self.size {
            return Err(missing(old.max(new), self.size));
        }
        grid_tlog::consistency(self, old, new)
    }

    fn hashes(&self, level: u8, index: u64) -> Result<Arc<[Hash]>, Error> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hashes) = kept.tiles.get(&(level, index)) {
            return Ok(Arc::clone(hashes));
        }
        let part = Part::Hashes(level);
        let first = index.saturating_mul(WIDTH);
        let tile = Tile::holding(part, first, self.size).ok_or_else(|| missing(first, self.size))?;
        let (bytes, tile) = fetch(&self.source, tile)?;
        let hashes = read_hashes(&bytes, tile.width);
        let hashes = hashes.map_err(|error| Failure::new(error.to_string()).within(tile.to_string()))?;
        let hashes: Arc<[Hash]> = hashes.into();
        kept.tiles.insert((level, index), Arc::clone(&hashes));
        kept.order.push_back((level, index));
        if kept.order.len() > KEPT
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.tiles.remove(&oldest);
        }
        Ok(hashes)
    }
}

impl<S: Source> Nodes for Tiles<S> {
    type Error = Error;

    /// A subtree of `2^level` entries is made of those of the next lower level that tiles hold.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        let (row, above) = (level / 8, level % 8);
        let (from, count) = (index << above, 1_usize << above);
        let hashes = self.hashes(u8::try_from(row).unwrap_or(u8::MAX), from / WIDTH)?;
        let place = usize::try_from(from % WIDTH).unwrap_or(usize::MAX);
        let below = hashes.get(place..).and_then(|hashes| hashes.get(..count));
        below.map(subtree).ok_or_else(|| missing(index << level, self.size))
    }
}

/// The hash over a complete subtree. As many hashes as a power of two.
fn subtree(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => Hash::empty(),
        [hash] => *hash,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            Hash::node(&subtree(left), &subtree(right))
        }
    }
}

/// The tile, or the full one in its place where the log has grown since.
pub(crate) fn fetch<S: Source>(source: &S, tile: Tile) -> Result<(Vec<u8>, Tile), Error> {
    for tile in [tile, tile.full()] {
        if let Some(bytes) = source.fetch(&tile.to_string())? {
            return Ok((bytes, tile));
        }
    }
    let failure = Failure::new("the tile is missing").at(first_entry(tile)).within(tile.to_string());
    Err(failure.into())
}

/// The first entry that a tile is about.
pub(crate) fn first_entry(tile: Tile) -> u64 {
    let level = match tile.part {
        Part::Entries => 0,
        Part::Hashes(level) => u32::from(level),
    };
    tile.index.saturating_mul(WIDTH).checked_shl(8 * level).unwrap_or(u64::MAX)
}

fn missing(index: u64, size: u64) -> Error {
    Unreadable::Missing(format!("the log has {size} published entries; there is no place {index} in it")).into()
}

impl<S> fmt::Debug for Tiles<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tiles").field("size", &self.size).finish_non_exhaustive()
    }
}

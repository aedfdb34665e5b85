//! The tiles that are still being filled: the entries of the last bundle, and one row of hashes a level. Full tiles
//! fall out of it.

use std::io;

use grid_tlog::{Frontier, Hash, Malformed, Part, TILE_WIDTH, Tile, write_bundle_entry};

const WIDTH: usize = TILE_WIDTH as usize;
/// More than 2^64 entries need.
pub(crate) const LEVELS: usize = 9;

/// Takes a tile and its bytes.
pub(crate) type Emit<'a> = dyn FnMut(Tile, &[u8]) -> io::Result<()> + 'a;

#[derive(Debug, Default)]
pub(crate) struct Stack {
    size: u64,
    bundle: Vec<u8>,
    /// Level by level from 0, each below 256 hashes.
    rows: [Vec<Hash>; LEVELS],
}

impl Stack {
    /// The state at `size` entries. `bundle` are the bytes of the entries that no full bundle holds.
    pub(crate) fn new(size: u64, bundle: Vec<u8>, rows: [Vec<Hash>; LEVELS]) -> Self {
        Self { size, bundle, rows }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Entries that are in full tiles.
    pub(crate) fn full(&self) -> u64 {
        self.size - self.size % u64::from(TILE_WIDTH)
    }

    /// Adds an entry, and gives every tile that it fills.
    pub(crate) fn push(&mut self, entry: &[u8], leaf: Hash, emit: &mut Emit<'_>) -> io::Result<()> {
        write_bundle_entry(entry, &mut self.bundle).map_err(|error| invalid(&error))?;
        self.size += 1;
        let mut index = (self.size - 1) / u64::from(TILE_WIDTH);
        if self.size.is_multiple_of(u64::from(TILE_WIDTH)) {
            emit(Tile { part: Part::Entries, index, width: TILE_WIDTH }, &self.bundle)?;
            self.bundle.clear();
        }
        let mut hash = leaf;
        for (row, level) in self.rows.iter_mut().zip(0..) {
            row.push(hash);
            if row.len() < WIDTH {
                break;
            }
            emit(Tile { part: Part::Hashes(level), index, width: TILE_WIDTH }, &bytes(row))?;
            hash = complete(row);
            row.clear();
            index /= u64::from(TILE_WIDTH);
        }
        Ok(())
    }

    /// Gives the tiles that are not full.
    pub(crate) fn partial(&self, emit: &mut Emit<'_>) -> io::Result<()> {
        let parts = std::iter::once(Part::Entries).chain((0..8).map(Part::Hashes));
        for part in parts {
            let (items, bytes) = match part {
                Part::Entries => (self.size, self.bundle.clone()),
                Part::Hashes(level) => {
                    let row = self.rows.get(usize::from(level)).map(Vec::as_slice).unwrap_or_default();
                    (self.size >> (8 * u32::from(level)), bytes(row))
                }
            };
            if let Some(tile) = items.checked_sub(1).and_then(|last| Tile::holding(part, last, self.size))
                && !tile.is_full()
            {
                emit(tile, &bytes)?;
            }
        }
        Ok(())
    }

    /// The tree's edge that these rows make.
    pub(crate) fn edge(&self) -> Result<Frontier, Malformed> {
        let mut subtrees = Vec::new();
        for row in self.rows.iter().rev() {
            let mut rest = row.as_slice();
            for width in (0..8).rev().map(|bit| 1 << bit) {
                if row.len() & width != 0 {
                    let (subtree, behind) = rest.split_at(width.min(rest.len()));
                    subtrees.push(complete(subtree));
                    rest = behind;
                }
            }
        }
        Frontier::from_parts(self.size, subtrees)
    }
}

/// The hash over a power of two of neighbours.
pub(crate) fn complete(row: &[Hash]) -> Hash {
    match row {
        [one] => *one,
        [] => Hash::empty(),
        _ => {
            let (left, right) = row.split_at(row.len() / 2);
            Hash::node(&complete(left), &complete(right))
        }
    }
}

fn bytes(row: &[Hash]) -> Vec<u8> {
    row.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn invalid(error: &Malformed) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

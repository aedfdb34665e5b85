//! The tiles that the entries make, row by row, held against those that are there.

use grid_tlog::{Frontier, Hash, Part, TILE_WIDTH, Tile, read_hashes, write_bundle_entry};

use crate::{
    Error, Failure, Source,
    shelf::Shelf,
    tiles::{fetch, first_entry},
};

const WIDTH: u64 = TILE_WIDTH as u64;

/// Entries of one bundle and where each of them ends.
#[derive(Debug, Default)]
pub(crate) struct Bundle {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Bundle {
    /// Takes apart the first `width` entries of a bundle's file.
    fn read(mut bytes: Vec<u8>, width: usize, tile: Tile) -> Result<Self, Failure> {
        let first = first_entry(tile);
        let mut ends = Vec::with_capacity(width);
        let mut end = 0;
        while ends.len() < width {
            let rest = bytes.get(end..).unwrap_or_default();
            let length = rest.split_first_chunk().map(|(length, _)| usize::from(u16::from_be_bytes(*length)));
            match length.filter(|length| length + 2 <= rest.len()) {
                Some(length) => end += 2 + length,
                None => {
                    let failure = Failure::new("the bundle ends within this entry");
                    return Err(failure.at(first + ends.len() as u64).within(tile.to_string()).offset(end as u64));
                }
            }
            ends.push(end);
        }
        if usize::from(tile.width) == width && end != bytes.len() {
            let failure = Failure::new("more bytes stand behind the bundle's last entry");
            return Err(failure.at(first + width as u64 - 1).within(tile.to_string()).offset(end as u64));
        }
        bytes.truncate(end);
        Ok(Self { bytes, ends })
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The entry at `place`, and where its bytes begin.
    pub(crate) fn entry(&self, place: usize) -> Option<(&[u8], usize)> {
        let start = place.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        let end = self.ends.get(place).copied()?;
        Some((self.bytes.get(start + 2..end)?, start + 2))
    }

    fn push(&mut self, entry: &[u8]) -> Result<(), Failure> {
        write_bundle_entry(entry, &mut self.bytes).map_err(|error| Failure::new(error.to_string()))?;
        self.ends.push(self.bytes.len());
        Ok(())
    }

    /// The first `width` entries as a file.
    fn prefix(&self, width: u16) -> Option<&[u8]> {
        let end = self.ends.get(usize::from(width).checked_sub(1)?)?;
        self.bytes.get(..*end)
    }
}

/// One row of hash tiles, as far as its present tile.
#[derive(Debug, Default)]
struct Row {
    number: u64,
    hashes: Vec<Hash>,
}

/// All rows.
#[derive(Debug)]
pub(crate) struct Rows {
    shelf: Shelf,
    published: u64,
    pub(crate) edge: Frontier,
    pub(crate) bundle: Bundle,
    /// The file that the bundle is from.
    file: Option<Tile>,
    rows: [Row; 8],
    /// Widths of the files at the present place whose content is known to be right already.
    seen: [Option<u16>; 2],
    pub(crate) checked: u64,
    pub(crate) stale: u64,
}

impl Rows {
    /// For a log of which `published` entries must be in tiles.
    pub(crate) fn new(shelf: Shelf, published: u64) -> Self {
        Self {
            shelf,
            published,
            edge: Frontier::new(),
            bundle: Bundle::default(),
            file: None,
            rows: Default::default(),
            seen: [None; 2],
            checked: 0,
            stale: 0,
        }
    }

    /// Reads the next bundle, and holds the hashes of its entries against the lowest row, so that whichever was
    /// changed, the entry is named. Gives the entries' hashes.
    pub(crate) fn read<S: Source>(&mut self, source: &S) -> Result<Vec<Hash>, Error> {
        let first = self.edge.size();
        let needed = Tile::holding(Part::Entries, first, self.published);
        let needed = needed.ok_or_else(|| Failure::new("nothing was published here").at(first))?;
        let width = usize::from(needed.width);
        let (bytes, bundle) = fetch(source, needed)?;
        self.file = Some(bundle);
        self.bundle = Bundle::read(bytes, width, bundle)?;
        let lowest = Tile { part: Part::Hashes(0), ..needed };
        let (bytes, tile) = fetch(source, lowest)?;
        let there = read_hashes(&bytes, tile.width);
        let there = there.map_err(|error| Failure::new(error.to_string()).at(first).within(tile.to_string()))?;
        let mut leaves = Vec::with_capacity(width);
        for (place, there) in there.iter().take(width).enumerate() {
            let (entry, offset) = self.bundle.entry(place).unwrap_or_default();
            let leaf = Hash::leaf(entry);
            if leaf != *there {
                let what = format!("its hash is not the one that `{tile}` has for it at offset {}", 32 * place);
                let failure = Failure::new(what).at(first + place as u64).within(bundle.to_string());
                return Err(failure.offset(offset as u64).into());
            }
            leaves.push(leaf);
        }
        self.seen = [(bundle, needed), (tile, lowest)].map(|(file, needed)| (file == needed).then_some(needed.width));
        Ok(leaves)
    }

    /// The file that the present entries are from.
    pub(crate) fn file(&self) -> String {
        self.file.map(|tile| tile.to_string()).unwrap_or_default()
    }

    /// Puts an entry that no tile gave behind the others.
    pub(crate) fn append(&mut self, entry: &[u8]) -> Result<(), Failure> {
        self.bundle.push(entry).map_err(|failure| failure.at(self.edge.size()))
    }

    /// Puts its hash into the tree.
    pub(crate) fn push(&mut self, leaf: Hash) {
        let rows = &mut self.rows;
        self.edge.push_each(leaf, |level, hash| {
            let row = usize::try_from(level / 8).ok().filter(|_| level.is_multiple_of(8));
            if let Some(row) = row.and_then(|row| rows.get_mut(row)) {
                row.hashes.push(hash);
            }
        });
    }

    /// Checks the files of every tile that has just become full.
    pub(crate) fn settle<S: Source>(&mut self, source: &S) -> Result<(), Error> {
        if !self.edge.size().is_multiple_of(WIDTH) || self.edge.size() == 0 {
            return Ok(());
        }
        self.settle_bundle(source)?;
        for level in 0..8 {
            let full = self.rows.get(usize::from(level)).is_some_and(|row| row.hashes.len() == usize::from(TILE_WIDTH));
            if !full {
                break;
            }
            self.settle_row(source, level)?;
        }
        Ok(())
    }

    /// Checks the files of the tiles that the log's end left partial, and that there is no other.
    pub(crate) fn end<S: Source>(&mut self, source: &S) -> Result<u64, Error> {
        if self.bundle.len() > 0 {
            self.settle_bundle(source)?;
        }
        for level in 0..8 {
            if self.rows.get(usize::from(level)).is_some_and(|row| !row.hashes.is_empty()) {
                self.settle_row(source, level)?;
            }
        }
        self.shelf.end()?;
        Ok(self.shelf.unfinished)
    }

    fn settle_bundle<S: Source>(&mut self, source: &S) -> Result<(), Error> {
        let number = self.edge.size().saturating_sub(1) / WIDTH;
        let bundle = std::mem::take(&mut self.bundle);
        let seen = self.seen.first_mut().and_then(Option::take);
        for tile in self.files(Part::Entries, number, bundle.len())? {
            if seen == Some(tile.width) {
                continue;
            }
            let expected = bundle.prefix(tile.width).unwrap_or_default();
            let (mut bytes, file) = fetch(source, tile)?;
            if file != tile {
                // The log has grown since, and the full one has taken its place.
                bytes.truncate(expected.len());
            }
            if bytes != expected {
                let at = bytes.iter().zip(expected).take_while(|(one, two)| one == two).count();
                let place = bundle.ends.partition_point(|end| *end <= at).min(usize::from(tile.width) - 1);
                let failure = Failure::new("the bundle has other bytes here than the log");
                let failure = failure.at(number * WIDTH + place as u64).within(tile.to_string());
                return Err(failure.offset(at as u64).into());
            }
        }
        Ok(())
    }

    fn settle_row<S: Source>(&mut self, source: &S, level: u8) -> Result<(), Error> {
        let Some(row) = self.rows.get_mut(usize::from(level)) else {
            return Ok(());
        };
        let Row { number, hashes } = std::mem::take(row);
        row.number = number + 1;
        let seen = self.seen.last_mut().filter(|_| level == 0).and_then(Option::take);
        for tile in self.files(Part::Hashes(level), number, hashes.len())? {
            if seen == Some(tile.width) {
                continue;
            }
            let (bytes, tile) = fetch(source, tile)?;
            let there = read_hashes(&bytes, tile.width);
            let there = there
                .map_err(|error| Failure::new(error.to_string()).at(first_entry(tile)).within(tile.to_string()))?;
            if let Some(place) = there.iter().zip(&hashes).position(|(there, made)| there != made) {
                let index = (number * WIDTH + place as u64) << (8 * u32::from(level));
                let failure = Failure::new("the hash here is not the one that the entries make");
                return Err(failure.at(index).within(tile.to_string()).offset(32 * place as u64).into());
            }
        }
        Ok(())
    }

    /// The files of one tile that must be looked at, when the log has `items` for it: none may have more, and the
    /// one that was published must be among them.
    fn files(&mut self, part: Part, index: u64, items: usize) -> Result<Vec<Tile>, Failure> {
        let needed = Tile::holding(part, index.saturating_mul(WIDTH), self.published).map(|tile| tile.width);
        let mut widths = self.shelf.take(part, index, needed);
        if let Some(needed) = needed
            && !widths.contains(&needed)
            && !widths.contains(&TILE_WIDTH)
        {
            // It is missing, or it became full while the directory was looked through: fetching it tells.
            widths.push(needed);
        }
        let tiles: Vec<Tile> = widths.iter().map(|width| Tile { part, index, width: *width }).collect();
        for tile in &tiles {
            if usize::from(tile.width) > items {
                let failure = Failure::new("the tile holds more than the log has");
                return Err(failure.at(first_entry(*tile)).within(tile.to_string()));
            }
        }
        self.checked += tiles.len() as u64;
        self.stale += tiles.iter().filter(|tile| needed.is_some_and(|needed| tile.width < needed)).count() as u64;
        Ok(tiles)
    }
}

//! Tiles on the disk: those that are full, and beside them those that entries still come to. They can be made again
//! from the segments, so nothing is synced here before a segment is to go.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
};

use grid_tlog::{Frontier, Hash, Part, TILE_WIDTH, Tile, read_bundle, read_hashes};

use crate::{
    Error,
    disk::{self, Disk, File, How},
    stack::{LEVELS, Stack, complete},
};

/// The tiles of a log, filled entry by entry.
#[derive(Debug)]
pub struct Tiles<D: Disk> {
    stack: Stack,
    shelf: Shelf<D>,
}

impl<D: Disk> Tiles<D> {
    /// Goes on behind the tree with this edge, where the segments of `log` begin.
    ///
    /// # Errors
    /// [`Error::Damaged`] where the full tiles are not those of that tree; [`Error::Io`].
    pub fn open(disk: D, log: &Path, edge: &Frontier) -> Result<Self, Error> {
        let size = edge.size();
        let shelf = Shelf::new(disk, log, size);
        let stack = shelf.stack(size)?;
        if stack.edge().ok().as_ref() != Some(edge) {
            let what = "the tiles are not those of the tree that the segments continue".to_owned();
            return Err(Error::Damaged { file: log.join("tile"), offset: 0, index: size, what });
        }
        Ok(Self { stack, shelf })
    }

    /// Entries so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stack.size()
    }

    /// Entries that are in full tiles.
    #[must_use]
    pub fn full(&self) -> u64 {
        self.stack.full()
    }

    /// Adds an entry, and writes every tile that it fills.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn push(&mut self, entry: &[u8]) -> Result<(), Error> {
        let Self { stack, shelf } = self;
        let pushed = stack.push(entry, Hash::leaf(entry), &mut |tile, bytes| shelf.put(tile, bytes));
        pushed.map_err(Error::io("write tiles in", &shelf.log))
    }

    /// Writes the tiles that are not full, as far as they are.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn show_partial(&mut self) -> Result<(), Error> {
        let Self { stack, shelf } = self;
        let put = stack.partial(&mut |tile, bytes| shelf.put(tile, bytes));
        put.map_err(Error::io("write tiles in", &shelf.log))
    }

    /// Makes all full tiles durable, with their names.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn sync(&mut self) -> Result<(), Error> {
        self.shelf.sync().map_err(Error::io("sync tiles in", &self.shelf.log))
    }
}

/// Tiles as files.
#[derive(Debug)]
struct Shelf<D: Disk> {
    disk: D,
    log: PathBuf,
    /// Entries before this one are in tiles only, which were synced before their segments went.
    begin: u64,
    /// Directories that are known to be there.
    directories: BTreeSet<PathBuf>,
    /// Full tiles that no sync has covered yet.
    fresh: Vec<PathBuf>,
}

impl<D: Disk> Shelf<D> {
    fn new(disk: D, log: &Path, begin: u64) -> Self {
        Self { disk, log: log.to_path_buf(), begin, directories: BTreeSet::new(), fresh: Vec::new() }
    }

    fn put(&mut self, tile: Tile, bytes: &[u8]) -> io::Result<()> {
        let path = self.log.join(tile.to_string());
        let stays = self.is_all_that_is_left(tile) && self.disk.exists(&path)? && self.disk.read(&path)? == bytes;
        if !stays {
            // Also where it is there already: after a sync that failed, reading shows what the disk does not have.
            self.prepare(&path)?;
            let new = path.with_extension("new");
            self.disk.open(&new, How::Truncate)?.write_all_at(bytes, 0)?;
            self.disk.rename(&new, &path)?;
        }
        if tile.is_full() {
            self.remove_partial(&path)?;
            self.fresh.push(path);
        }
        Ok(())
    }

    /// Whether the tile is the only place of some entries, or of their hashes.
    fn is_all_that_is_left(&self, tile: Tile) -> bool {
        matches!(tile.part, Part::Entries | Part::Hashes(0)) && tile.index * u64::from(TILE_WIDTH) < self.begin
    }

    fn prepare(&mut self, path: &Path) -> io::Result<()> {
        let directory = disk::parent(path);
        if !self.directories.contains(&directory) {
            self.disk.make_directories(&directory)?;
            self.directories.insert(directory);
        }
        Ok(())
    }

    /// Partial tiles are kept until the full one is there (C2SP tlog-tiles).
    fn remove_partial(&mut self, full: &Path) -> io::Result<()> {
        let mut directory = full.as_os_str().to_owned();
        directory.push(".p");
        let directory = PathBuf::from(directory);
        if !self.disk.exists(&directory)? {
            return Ok(());
        }
        for name in self.disk.list(&directory)? {
            self.disk.remove(&directory.join(name))?;
        }
        self.directories.remove(&directory);
        self.disk.remove_directory(&directory)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut directories = BTreeSet::new();
        for path in &self.fresh {
            self.disk.open(path, How::Write)?.sync_data()?;
            directories.insert(disk::parent(path));
        }
        for directory in &directories {
            self.disk.sync_dir(directory)?;
        }
        self.fresh.clear();
        Ok(())
    }

    /// The rows of a tree of `size` entries, out of full tiles alone.
    fn stack(&self, size: u64) -> Result<Stack, Error> {
        let mut rows: [Vec<Hash>; LEVELS] = Default::default();
        for (row, level) in rows.iter_mut().zip(0_u8..) {
            let items = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
            let begin = items - items % u64::from(TILE_WIDTH);
            *row = match level.checked_sub(1) {
                None if begin == items => Vec::new(),
                None => {
                    let mut hashes = self.hashes(Part::Hashes(0), begin / u64::from(TILE_WIDTH))?;
                    hashes.truncate(usize::try_from(items - begin).unwrap_or(0));
                    hashes
                }
                Some(below) => (begin..items)
                    .map(|item| self.hashes(Part::Hashes(below), item).map(|row| complete(&row)))
                    .collect::<Result<_, _>>()?,
            };
        }
        Ok(Stack::new(size, self.bundle(size)?, rows))
    }

    fn hashes(&self, part: Part, index: u64) -> Result<Vec<Hash>, Error> {
        let path = self.log.join(Tile { part, index, width: TILE_WIDTH }.to_string());
        let bytes = self.disk.read(&path).map_err(Error::io("read", &path))?;
        read_hashes(&bytes, TILE_WIDTH).map_err(|error| damaged(path, index * u64::from(TILE_WIDTH), &error))
    }

    /// The bytes of the entries behind the last full bundle.
    fn bundle(&self, size: u64) -> Result<Vec<u8>, Error> {
        let entries = usize::try_from(size % u64::from(TILE_WIDTH)).unwrap_or(0);
        if entries == 0 {
            return Ok(Vec::new());
        }
        let tile = Tile { part: Part::Entries, index: size / u64::from(TILE_WIDTH), width: TILE_WIDTH };
        let path = self.log.join(tile.to_string());
        let bytes = self.disk.read(&path).map_err(Error::io("read", &path))?;
        let bundle = read_bundle(&bytes, TILE_WIDTH).map_err(|error| damaged(path, size, &error))?;
        let wanted: usize = bundle.take(entries).map(|entry| entry.len() + 2).sum();
        Ok(bytes.get(..wanted).unwrap_or_default().to_vec())
    }
}

fn damaged(file: PathBuf, index: u64, error: &grid_tlog::Malformed) -> Error {
    Error::Damaged { file, offset: 0, index, what: error.to_string() }
}

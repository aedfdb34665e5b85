//! Makes public what is durable: tiles, the list of signatures, the newest checkpoint; then removes the segments that
//! nothing needs any more. It reads the log behind the writer and never holds it up. What it makes can be made again
//! from the segments, so it syncs nothing until a segment is to go.

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
};

use grid_tlog::{Hash, Part, TILE_WIDTH, Tile, read_bundle, read_hashes};

use crate::{
    Error, History,
    disk::{self, Disk, File, How},
    frames::Frames,
    open_calls,
    seal::Trailer,
    segment,
    signatures::Signatures,
    stack::{LEVELS, Stack, complete},
};

/// The newest signed note, in the log's directory.
pub(crate) const CHECKPOINT: &str = "checkpoint";

#[derive(Debug)]
pub(crate) struct Publisher<D: Disk> {
    disk: D,
    log: PathBuf,
    history: History,
    frames: Frames<D>,
    stack: Stack,
    signatures: Signatures<D>,
    last: Option<Trailer>,
    published: u64,
    /// Entries whose tiles, also those that are not full, were written since this was opened. Under a checkpoint that
    /// was there before, power may have taken some.
    covered: u64,
    /// Admissions without a conclusion, by invocation.
    open: HashMap<String, u64>,
    shelf: Shelf<D>,
}

impl<D: Disk> Publisher<D> {
    /// Goes on where the segments begin. `published` is the size of the checkpoint that is there.
    pub(crate) fn open(disk: D, log: &Path, history: History, published: u64) -> Result<Self, Error> {
        let (frames, header) = Frames::open(disk.clone(), log)?;
        let size = header.first_index();
        let mut shelf = Shelf::new(disk.clone(), log, size);
        let stack = shelf.stack(size)?;
        if stack.edge().ok().as_ref() != Some(&header.edge) {
            let what = "the tiles are not those of the tree that the segments continue".to_owned();
            return Err(Error::Damaged { file: log.join("tile"), offset: 0, index: size, what });
        }
        let signatures = Signatures::open(&disk, log, size)?;
        let log = log.to_path_buf();
        let open = HashMap::new();
        Ok(Self { disk, log, history, frames, stack, signatures, last: None, published, covered: 0, open, shelf })
    }

    /// Entries under the newest checkpoint that is public.
    pub(crate) fn published(&self) -> u64 {
        self.published
    }

    /// Publishes everything below `durable`. After an error nothing but opening it again may be done.
    pub(crate) fn round(&mut self, durable: u64) -> Result<(), Error> {
        while let Some(frame) = self.frames.next(durable)? {
            for entry in frame.entries() {
                open_calls::pass(entry, |invocation, index| match index {
                    Some(index) => drop(self.open.insert(invocation.to_owned(), index)),
                    None => drop(self.open.remove(invocation)),
                });
                let shelf = &mut self.shelf;
                let pushed =
                    self.stack.push(entry.bytes, Hash::leaf(entry.bytes), &mut |tile, bytes| shelf.put(tile, bytes));
                pushed.map_err(Error::io("write tiles in", &self.log))?;
            }
            let size = self.stack.size();
            self.signatures.push(size, frame.trailer);
            self.last = Some(frame.trailer);
        }
        self.signatures.write()?;
        self.show()?;
        self.remove_segments()
    }

    /// The checkpoint, after all that it covers.
    fn show(&mut self) -> Result<(), Error> {
        let size = self.stack.size();
        let (Some(last), Some(key)) = (&self.last, self.history.at(size)) else {
            return Ok(());
        };
        if size == self.covered || size < self.published {
            return Ok(());
        }
        let shelf = &mut self.shelf;
        let put = self.stack.partial(&mut |tile, bytes| shelf.put(tile, bytes));
        put.map_err(Error::io("write tiles in", &self.log))?;
        self.covered = size;
        if size == self.published {
            return Ok(());
        }
        let path = self.log.join(CHECKPOINT);
        let note = last.note(size, key).to_string();
        self.disk.replace(&path, note.as_bytes()).map_err(Error::io("write", &path))?;
        self.published = size;
        Ok(())
    }

    /// Segments whose entries are all in full tiles, and none of whose admissions is open.
    fn remove_segments(&mut self) -> Result<(), Error> {
        let segments = segment::list(&self.disk, &self.log)?;
        let needed = self.open.values().copied().min().unwrap_or(u64::MAX).min(self.stack.full()).min(self.published);
        let ends = segments.iter().zip(segments.iter().skip(1));
        let removable: Vec<u64> = ends.take_while(|(_, end)| **end <= needed).map(|(first, _)| *first).collect();
        if removable.is_empty() {
            return Ok(());
        }
        self.shelf.sync().map_err(Error::io("sync tiles in", &self.log))?;
        self.signatures.sync()?;
        self.disk.sync_dir(&self.log).map_err(Error::io("sync", &self.log))?;
        let wal = segment::directory(&self.log);
        for first in removable {
            let path = segment::path(&self.log, first);
            self.disk.remove(&path).map_err(Error::io("remove", &path))?;
            // One by one: what is left must never begin after what is gone.
            self.disk.sync_dir(&wal).map_err(Error::io("sync", &wal))?;
        }
        Ok(())
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

    /// Makes all full tiles durable, with their names.
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
    fn stack(&mut self, size: u64) -> Result<Stack, Error> {
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

//! Makes public what is durable: tiles, the list of signatures, the newest checkpoint; then removes the segments that
//! nothing needs any more. It reads the log behind the writer and never holds it up. What it makes can be made again
//! from the segments, so it syncs nothing until a segment is to go.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use grid_audit_wal::{Disk, Error, Frames, Signatures, Tiles, Trailer, segment};

use crate::{History, open_calls};

/// The newest signed note, in the log's directory.
pub(crate) const CHECKPOINT: &str = "checkpoint";

#[derive(Debug)]
pub(crate) struct Publisher<D: Disk> {
    disk: D,
    log: PathBuf,
    history: History,
    frames: Frames<D>,
    tiles: Tiles<D>,
    signatures: Signatures<D>,
    last: Option<Trailer>,
    published: u64,
    /// Entries whose tiles, also those that are not full, were written since this was opened. Under a checkpoint that
    /// was there before, power may have taken some.
    covered: u64,
    /// Admissions without a conclusion, by invocation.
    open: HashMap<String, u64>,
}

impl<D: Disk> Publisher<D> {
    /// Goes on where the segments begin. `published` is the size of the checkpoint that is there.
    pub(crate) fn open(disk: D, log: &Path, history: History, published: u64) -> Result<Self, Error> {
        let (frames, edge) = Frames::open(disk.clone(), log)?;
        let tiles = Tiles::open(disk.clone(), log, &edge)?;
        let signatures = Signatures::open(&disk, log, edge.size())?;
        let log = log.to_path_buf();
        let open = HashMap::new();
        Ok(Self { disk, log, history, frames, tiles, signatures, last: None, published, covered: 0, open })
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
                self.tiles.push(entry.bytes)?;
            }
            let size = self.tiles.size();
            self.signatures.push(size, frame.trailer);
            self.last = Some(frame.trailer);
        }
        self.signatures.write()?;
        self.show()?;
        self.remove_segments()
    }

    /// The checkpoint, after all that it covers.
    fn show(&mut self) -> Result<(), Error> {
        let size = self.tiles.size();
        let (Some(last), Some(key)) = (&self.last, self.history.at(size)) else {
            return Ok(());
        };
        if size == self.covered || size < self.published {
            return Ok(());
        }
        self.tiles.show_partial()?;
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
        let needed = self.open.values().copied().min().unwrap_or(u64::MAX).min(self.tiles.full()).min(self.published);
        let ends = segments.iter().zip(segments.iter().skip(1));
        let removable: Vec<u64> = ends.take_while(|(_, end)| **end <= needed).map(|(first, _)| *first).collect();
        if removable.is_empty() {
            return Ok(());
        }
        // Not the log's own directory: the file of signatures was made before the first tile, and making the directory
        // of tiles made both names durable.
        self.tiles.sync()?;
        self.signatures.sync()?;
        removable.into_iter().try_for_each(|first| segment::remove(&self.disk, &self.log, first))
    }
}

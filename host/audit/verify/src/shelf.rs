//! Which tile files are there. In a directory every one of them is looked at and none may be left over; over the
//! network only those are known that were asked for.

use std::{collections::BTreeMap, fs, io, path::Path};

use grid_tlog::{Part, Tile};

use crate::{Error, Failure, Source, Unreadable, tiles::first_entry};

/// Tiles by row and number, each with the widths in which it is there.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    known: Option<BTreeMap<(Part, u64), Vec<u16>>>,
    /// Written by half when the host stopped.
    pub(crate) unfinished: u64,
}

impl Shelf {
    pub(crate) fn of<S: Source>(source: &S) -> Result<Self, Error> {
        let Some(directory) = source.directory() else {
            return Ok(Self::default());
        };
        let mut shelf = Self { known: Some(BTreeMap::new()), unfinished: 0 };
        shelf.walk(directory, "tile")?;
        Ok(shelf)
    }

    fn walk(&mut self, log: &Path, path: &str) -> Result<(), Error> {
        let failed = Unreadable::io(path);
        let entries = match fs::read_dir(log.join(path)) {
            Ok(entries) => entries,
            // Nothing was published yet, or a host removed this just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error).into()),
        };
        for entry in entries {
            let entry = entry.map_err(Unreadable::io(path))?;
            let name = entry.file_name();
            let path = format!("{path}/{}", name.to_string_lossy());
            let kind = fs::metadata(entry.path());
            match kind {
                Ok(kind) if kind.is_dir() => self.walk(log, &path)?,
                Ok(_) => self.add(path)?,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Unreadable::io(path)(error).into()),
            }
        }
        Ok(())
    }

    fn add(&mut self, path: String) -> Result<(), Error> {
        if let Some(whole) = path.strip_suffix(".new")
            && whole.parse::<Tile>().is_ok()
        {
            self.unfinished += 1;
            return Ok(());
        }
        let Ok(tile) = path.parse::<Tile>() else {
            return Err(Failure::new("this file is no tile and does not belong here").within(path).into());
        };
        if let Some(known) = &mut self.known {
            known.entry((tile.part, tile.index)).or_default().push(tile.width);
        }
        Ok(())
    }

    /// The widths in which a tile is there, and it is done with. `needed` is the one that was published.
    pub(crate) fn take(&mut self, part: Part, index: u64, needed: Option<u16>) -> Vec<u16> {
        match &mut self.known {
            Some(known) => known.remove(&(part, index)).unwrap_or_default(),
            None => needed.into_iter().collect(),
        }
    }

    /// Everything that the log asks for was taken.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        let left = self.known.iter().flatten().next();
        let Some(((part, index), widths)) = left else {
            return Ok(());
        };
        let tile = Tile { part: *part, index: *index, width: widths.first().copied().unwrap_or(1) };
        let failure = Failure::new("the tile is of entries that the log does not have");
        Err(failure.at(first_entry(tile)).within(tile.to_string()))
    }
}

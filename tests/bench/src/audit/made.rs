//! Logs as a host would have left them in their tiles, made on all processors at once: nobody waits until a host
//! has written ten million records one batch after the other.

use std::{
    fs,
    io::Write as _,
    ops::Range,
    path::{Path, PathBuf},
    thread,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_tlog::{Checkpoint, Frontier, Hash, Kind, Part, Signer, TILE_WIDTH, Tile, VerifyingKey, write_bundle_entry};

use super::records::Entries;
use crate::Fallible;

const WIDTH: u64 = TILE_WIDTH as u64;
/// Entries under one signature, where there is more than the last one.
pub(super) const BATCH: u64 = 64;

/// What is made.
pub(super) struct Recipe<'a> {
    pub(super) directory: &'a Path,
    /// A multiple of [`BATCH`].
    pub(super) entries: u64,
    /// Whether every batch is signed; else only the published checkpoint.
    pub(super) signed: bool,
    /// Which bundles are written as files. The hashes of the others' entries are in the tree like all.
    pub(super) bundles: &'a (dyn Fn(u64) -> bool + Sync),
}

/// A log that was made.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) directory: PathBuf,
    pub(super) entries: u64,
    pub(super) key: VerifyingKey,
}

impl Recipe<'_> {
    pub(super) fn make(&self) -> Fallible<Made> {
        let signer = Signer::generate("bench.example/one/host/audit", Kind::Note)?;
        self.folders()?;
        let mut batches = self.lowest_rows()?;
        let edge = self.signatures(&signer, &batches)?;
        // Four batches make a bundle, 256 of each row an item of the next; what is left over makes none.
        for (level, step) in [(1, WIDTH / BATCH), (2, WIDTH), (3, WIDTH)] {
            batches = batches.chunks_exact(usize::try_from(step)?).map(subtree).collect();
            self.row(level, &batches)?;
        }
        let key = signer.verifying_key().clone();
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size: edge.size() * BATCH, root: edge.root() };
        fs::write(self.directory.join("checkpoint"), checkpoint.sign(&signer).to_string())?;
        fs::write(self.directory.join("log.vkey"), format!("{key}\n"))?;
        fs::write(self.directory.join("log.vkeys"), format!("0 {key}\n"))?;
        Ok(Made { directory: self.directory.to_owned(), entries: checkpoint.size, key })
    }

    /// Entries and their hashes. Gives the hash of each batch.
    fn lowest_rows(&self) -> Fallible<Vec<Hash>> {
        let entries = Entries::new()?;
        let bundles = self.entries.div_ceil(WIDTH);
        let threads = thread::available_parallelism().map_or(1, usize::from) as u64;
        let share = bundles.div_ceil(threads);
        let shares: Vec<Range<u64>> =
            (0..threads).map(|thread| thread * share..bundles.min((thread + 1) * share)).collect();
        thread::scope(|scope| {
            let start = |share| scope.spawn(|| self.lowest(share, &entries));
            let threads: Vec<_> = shares.into_iter().map(start).collect();
            let mut batches = Vec::new();
            for thread in threads {
                batches.extend(thread.join().map_err(|_| "a thread that makes a log died")??);
            }
            Ok(batches)
        })
    }

    fn lowest(&self, bundles: Range<u64>, entries: &Entries) -> Fallible<Vec<Hash>> {
        let (mut batches, mut entry, mut bundle) = (Vec::new(), Vec::new(), Vec::new());
        for number in bundles {
            bundle.clear();
            let first = number * WIDTH;
            let mut leaves = Vec::with_capacity(usize::from(TILE_WIDTH));
            let wanted = (self.bundles)(number);
            for index in first..self.entries.min(first + WIDTH) {
                entries.write(index, &mut entry);
                leaves.push(Hash::leaf(&entry));
                if wanted {
                    write_bundle_entry(&entry, &mut bundle)?;
                }
            }
            if wanted {
                self.write(Part::Entries, number, leaves.len(), &bundle)?;
            }
            self.write(Part::Hashes(0), number, leaves.len(), &bytes(&leaves))?;
            batches.extend(leaves.chunks(usize::try_from(BATCH)?).map(subtree));
        }
        Ok(batches)
    }

    fn row(&self, level: u8, hashes: &[Hash]) -> Fallible<()> {
        for (number, tile) in (0..).zip(hashes.chunks(usize::from(TILE_WIDTH))) {
            self.write(Part::Hashes(level), number, tile.len(), &bytes(tile))?;
        }
        Ok(())
    }

    fn write(&self, part: Part, index: u64, width: usize, bytes: &[u8]) -> Fallible<()> {
        let path = self.directory.join(Tile { part, index, width: u16::try_from(width)? }.to_string());
        if index.is_multiple_of(1000) || width < usize::from(TILE_WIDTH) {
            fs::create_dir_all(path.parent().ok_or("a tile has no folder")?)?;
        }
        Ok(fs::write(path, bytes)?)
    }

    /// The list of signatures. Gives the tree's edge, in batches.
    fn signatures(&self, signer: &Signer, batches: &[Hash]) -> Fallible<Frontier> {
        let key = signer.verifying_key();
        let mut edge = Frontier::new();
        let mut lines = Vec::new();
        for batch in batches {
            edge.push(*batch);
            if self.signed {
                let (size, root) = (edge.size() * BATCH, edge.root());
                let text = Checkpoint { origin: key.name().to_owned(), size, root }.to_string();
                let signature = BASE64_STANDARD.encode(signer.sign(text.as_bytes()));
                writeln!(lines, "{size} {root} {:08x} {signature}", key.id())?;
            }
        }
        fs::write(self.directory.join("checkpoints.log"), lines)?;
        Ok(edge)
    }

    /// Those that the threads would otherwise make at the same time, each a thousand tiles.
    fn folders(&self) -> Fallible<()> {
        let thousands = self.entries.div_ceil(WIDTH * 1000);
        for row in ["tile/entries", "tile/0"] {
            for thousand in 0..thousands {
                let folder = if thousand == 0 { String::new() } else { format!("x{thousand:03}") };
                fs::create_dir_all(self.directory.join(row).join(folder))?;
            }
        }
        Ok(())
    }
}

/// The hash over a power of two of neighbours.
fn subtree(hashes: &[Hash]) -> Hash {
    let mut edge = Frontier::new();
    hashes.iter().for_each(|hash| edge.push(*hash));
    edge.root()
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

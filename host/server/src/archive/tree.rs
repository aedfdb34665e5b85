//! Proofs out of the tiles that the log has published. Each is held against the published checkpoint before it is
//! given, so a log that was changed gives none.

use std::path::PathBuf;

use grid_audit_verify::{Directory, Error, Source as _, Tiles, Unreadable};
use grid_core::{
    event::Sha256,
    reading::{Consistency, Inclusion},
};
use grid_tlog::{Checkpoint, Hash, Note, verify_consistency, verify_inclusion};

/// The log's published tree.
#[derive(Debug)]
pub(crate) struct Tree(pub(crate) PathBuf);

/// Why there is no proof.
#[derive(Debug)]
pub(crate) enum NoProof {
    /// The tree is not published yet; it will be soon.
    NotYet,
    /// There is no such tree, or the record is not in it.
    Absent(String),
    /// The files cannot be read.
    Unreadable(String),
    /// The files do not lead to what was signed.
    Damaged(String),
}

impl From<Error> for NoProof {
    fn from(error: Error) -> Self {
        match error {
            Error::Unverified(failure) => Self::Damaged(failure.to_string()),
            other => Self::Unreadable(other.to_string()),
        }
    }
}

impl From<Unreadable> for NoProof {
    fn from(error: Unreadable) -> Self {
        Self::Unreadable(error.to_string())
    }
}

/// The newest published state.
struct Published {
    checkpoint: Checkpoint,
    note: String,
    tiles: Tiles<Directory>,
}

impl Tree {
    /// The newest published checkpoint.
    pub(crate) fn checkpoint(&self) -> Result<String, NoProof> {
        Ok(self.published()?.note)
    }

    /// Proves the record at `index`, which has that leaf and is one of the `records` of the log.
    pub(crate) fn inclusion(
        &self,
        index: u64,
        leaf: Sha256,
        size: Option<u64>,
        records: u64,
    ) -> Result<Inclusion, NoProof> {
        let published = self.published()?;
        let size = published.size(size, index.saturating_add(1), records)?;
        if index >= size {
            return Err(NoProof::Absent(format!("the tree of {size} records does not hold the record {index}")));
        }
        let hashes = published.tiles.inclusion(index, size)?;
        let root = published.root(size)?;
        verify_inclusion(index, size, Hash::from_bytes(leaf), &hashes, root).map_err(damaged)?;
        let (tree_size, checkpoint) = (size, published.note_of(size));
        Ok(Inclusion { index, leaf_hash: leaf, tree_size, hashes: bytes(&hashes), checkpoint })
    }

    /// Proves that the tree of `new` records begins with that of `old`.
    pub(crate) fn consistency(&self, old: u64, new: Option<u64>, records: u64) -> Result<Consistency, NoProof> {
        let published = self.published()?;
        let new_size = published.size(new, old, records)?;
        if old > new_size {
            return Err(NoProof::Absent(format!("a tree of {new_size} records cannot continue one of {old}")));
        }
        let hashes = published.tiles.consistency(old, new_size)?;
        let (from, to) = (published.root(old)?, published.root(new_size)?);
        verify_consistency(old, from, new_size, to, &hashes).map_err(damaged)?;
        let checkpoint = published.note_of(new_size);
        Ok(Consistency { old_size: old, new_size, hashes: bytes(&hashes), checkpoint })
    }

    fn published(&self) -> Result<Published, NoProof> {
        let files = Directory::open(&self.0)?;
        let bytes = files.fetch("checkpoint")?.ok_or(NoProof::NotYet)?;
        let note = String::from_utf8(bytes).map_err(damaged)?;
        let checkpoint = Note::parse(&note).and_then(|note| Checkpoint::parse(note.text())).map_err(damaged)?;
        let tiles = Tiles::new(files, checkpoint.size);
        Ok(Published { checkpoint, note, tiles })
    }
}

impl Published {
    /// The size of the tree that is meant, which must be published: the one that was asked for, else the newest if it
    /// has at least `least` records.
    fn size(&self, asked: Option<u64>, least: u64, records: u64) -> Result<u64, NoProof> {
        let published = self.checkpoint.size;
        match asked {
            Some(size) if size > records => Err(NoProof::Absent(format!("the log has no {size} records yet"))),
            Some(size) if size > published => Err(NoProof::NotYet),
            Some(size) => Ok(size),
            None if least > records => Err(NoProof::Absent(format!("the log has no {least} records yet"))),
            None if least > published => Err(NoProof::NotYet),
            None => Ok(published),
        }
    }

    fn root(&self, size: u64) -> Result<Hash, NoProof> {
        if size == self.checkpoint.size { Ok(self.checkpoint.root) } else { Ok(self.tiles.root(size)?) }
    }

    fn note_of(&self, size: u64) -> Option<String> {
        (size == self.checkpoint.size).then(|| self.note.clone())
    }
}

fn damaged(error: impl std::fmt::Display) -> NoProof {
    NoProof::Damaged(error.to_string())
}

fn bytes(hashes: &[Hash]) -> Vec<Sha256> {
    hashes.iter().map(|hash| *hash.as_bytes()).collect()
}

//! The private segments: what tiles do not hold yet, and what they hold since a short while.

use std::{path::Path, sync::Arc};

use grid_tlog::{Frontier, Hash};

use crate::Error;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Trailer {
    pub(crate) before: Hash,
    pub(crate) root: Hash,
    pub(crate) key: u32,
    pub(crate) signature: [u8; 64],
}

#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) file: Arc<str>,
    pub(crate) offset: u64,
    pub(crate) first: u64,
    pub(crate) trailer: Trailer,
    bytes: Vec<u8>,
    entries: Vec<(usize, usize)>,
}

impl Batch {
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The entry at `place`, and where its bytes begin in the file.
    pub(crate) fn entry(&self, place: usize) -> Option<(&[u8], u64)> {
        let (from, to) = self.entries.get(place).copied()?;
        Some((self.bytes.get(from..to)?, self.offset + from as u64))
    }
}

pub(crate) enum Step {
    Segment(Arc<str>, Frontier),
    Batch(Batch),
    End,
}

pub(crate) enum Tail {
    Clean,
    Torn { file: Arc<str>, offset: u64, bytes: u64 },
}

#[derive(Debug)]
pub(crate) struct Wal {}

impl Wal {
    pub(crate) fn open(_directory: &Path) -> Result<Option<Self>, Error> {
        Ok(None)
    }

    pub(crate) fn first(&self) -> u64 {
        0
    }

    pub(crate) fn next(&mut self, _size: u64) -> Result<Step, Error> {
        Ok(Step::End)
    }

    pub(crate) fn place(&self) -> (Arc<str>, u64) {
        ("".into(), 0)
    }

    pub(crate) fn tail(&self) -> Tail {
        Tail::Clean
    }
}

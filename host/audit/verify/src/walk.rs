//! The pass over the entries: those that tiles hold, then those that only the segments hold yet. Every signature
//! waits at its size.

use std::sync::Arc;

use grid_tlog::{Checkpoint, Hash, Note, VerifyingKey};

use crate::{
    Cosigned, Error, Evidence, Failure, Finding, Options, Progress, Source,
    checkpoints::{self, Lines},
    keys::{Handovers, Keys},
    order::{KEY_ROTATED, Order},
    record::{self, Flaw},
    rows::Rows,
    shelf::Shelf,
    signatures::Signatures,
    wal::{self, Batch, Wal},
};

/// Entries between two calls of the progress callback.
const STRIDE: u64 = 4096;

/// What was read before the pass.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) checkpoint: Option<(Checkpoint, Note)>,
    pub(crate) lines: Option<Lines>,
    pub(crate) keys: Keys,
    /// `log.vkey` is the last key but one.
    pub(crate) behind: bool,
    pub(crate) kept: Vec<Evidence>,
    pub(crate) cosigned: Option<Cosigned>,
    pub(crate) shelf: Shelf,
    pub(crate) wal: Option<Wal>,
}

pub(crate) struct Walk<'a, 'scope, S> {
    pub(crate) source: &'a S,
    pub(crate) options: &'a Options<'a>,
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) lines: Option<Lines>,
    pub(crate) lines_file: Arc<str>,
    pub(crate) keys: Vec<(u64, Arc<VerifyingKey>)>,
    pub(crate) behind: bool,
    /// The largest first.
    pub(crate) kept: Vec<Evidence>,
    pub(crate) continued: u64,
    pub(crate) wal: Option<Wal>,
    /// The one that holds the next entry, or held the last one.
    pub(crate) batch: Option<Arc<Batch>>,
    pub(crate) batches: u64,
    pub(crate) rows: Rows,
    pub(crate) order: Order,
    pub(crate) handovers: Handovers,
    pub(crate) signatures: Signatures<'scope>,
    /// The last size at which a signed root was right.
    pub(crate) good: u64,
    pub(crate) findings: Vec<Finding>,
}

impl<'a, 'scope, S: Source> Walk<'a, 'scope, S> {
    pub(crate) fn new(source: &'a S, options: &'a Options<'a>, state: State, signatures: Signatures<'scope>) -> Self {
        let State { checkpoint, lines, keys, behind, mut kept, cosigned: _, shelf, wal } = state;
        let checkpoint = checkpoint.map(|(checkpoint, _)| checkpoint);
        let published = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.checkpoint.size));
        Self {
            source,
            options,
            checkpoint,
            lines_file: checkpoints::FILE.into(),
            keys: keys.all().map(|(from, key)| (from, Arc::new(key.clone()))).collect(),
            behind,
            kept,
            continued: 0,
            batch: None,
            batches: 0,
            rows: Rows::new(shelf, published),
            order: Order::default(),
            handovers: Handovers::new(keys, lines.is_some() || wal.as_ref().is_some_and(|wal| wal.first() == 0)),
            lines,
            wal,
            signatures,
            good: 0,
            findings: Vec::new(),
        }
    }

    pub(crate) fn published(&self) -> u64 {
        self.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size)
    }

    pub(crate) fn size(&self) -> u64 {
        self.rows.edge.size()
    }

    /// Everything, to the end of the log.
    pub(crate) fn run(&mut self) -> Result<(), Error> {
        self.marks()?;
        while self.size() < self.published() {
            self.tile()?;
        }
        while self.next_batch()? {
            self.tail()?;
        }
        self.last()
    }

    /// The entries of one bundle.
    fn tile(&mut self) -> Result<(), Error> {
        let leaves = self.rows.read(self.source)?;
        let bundle = std::mem::take(&mut self.rows.bundle);
        for (place, leaf) in leaves.into_iter().enumerate() {
            let (entry, offset) = bundle.entry(place).unwrap_or_default();
            self.same_in_segments(entry)?;
            self.entry(entry, leaf).map_err(|what| {
                let failure = Failure::new(what.what).at(self.size()).within(self.rows.file());
                failure.offset((offset + what.at) as u64)
            })?;
            self.marks()?;
        }
        self.rows.bundle = bundle;
        self.rows.settle(self.source)
    }

    /// The entries of a batch that no published tile holds.
    fn tail(&mut self) -> Result<(), Error> {
        let Some(batch) = self.batch.clone() else {
            return Ok(());
        };
        for index in batch.sealed.first..batch.sealed.end() {
            let (entry, offset) = batch.sealed.entry(index).unwrap_or_default();
            self.rows.append(entry)?;
            self.entry(entry, Hash::leaf(entry)).map_err(|what| {
                let failure = Failure::new(what.what).at(self.size()).within(&*batch.file);
                failure.offset(offset + what.at as u64)
            })?;
            self.marks()?;
            self.rows.settle(self.source)?;
        }
        Ok(())
    }

    /// What the record says, and its place in the tree.
    fn entry(&mut self, entry: &[u8], leaf: Hash) -> Result<(), Flaw> {
        let index = self.size();
        let peek = record::peek(entry)?;
        let wrong = |what| Flaw { what, at: 0 };
        self.order.pass(index, &peek).map_err(wrong)?;
        if peek.kind == KEY_ROTATED {
            self.handovers.record(index, &peek).map_err(wrong)?;
        }
        self.rows.push(leaf);
        if let Some(progress) = self.options.progress.filter(|_| index.is_multiple_of(STRIDE)) {
            progress(Progress { entries: index, published: self.published() });
        }
        Ok(())
    }

    /// The segments must have the same bytes as the tiles, as far back as they go.
    fn same_in_segments(&mut self, entry: &[u8]) -> Result<(), Error> {
        let index = self.size();
        if self.wal.as_ref().is_none_or(|wal| index < wal.first()) {
            return Ok(());
        }
        if self.batch.as_ref().is_none_or(|batch| batch.sealed.end() <= index) && !self.next_batch()? {
            let what = "the segments end before the published checkpoint";
            return Err(self.segments_failure(what).at(index).into());
        }
        let Some(batch) = &self.batch else {
            return Ok(());
        };
        let (there, offset) = batch.sealed.entry(index).unwrap_or_default();
        if there != entry {
            let what = format!("it has other bytes in `{}` than in `{}`", batch.file, self.rows.file());
            return Err(Failure::new(what).at(index).within(&*batch.file).offset(offset).into());
        }
        Ok(())
    }

    /// Goes to the next batch of the segments; it must continue the tree.
    fn next_batch(&mut self) -> Result<bool, Error> {
        loop {
            let size = self.size();
            let step = match &mut self.wal {
                Some(wal) => wal.next()?,
                None => return Ok(false),
            };
            match step {
                wal::Step::Segment(file, edge) => {
                    if edge != self.rows.edge {
                        let what = "the segment does not continue the tree";
                        return Err(Failure::new(what).at(size).within(&*file).into());
                    }
                }
                wal::Step::Batch(batch) => {
                    if batch.sealed.trailer.before != self.rows.edge.root() {
                        let what = "the batch does not continue the tree";
                        return Err(Failure::new(what)
                            .at(size)
                            .within(&*batch.file)
                            .offset(batch.sealed.offset)
                            .into());
                    }
                    self.batch = Some(Arc::new(batch));
                    self.batches += 1;
                    return Ok(true);
                }
                wal::Step::End => return Ok(false),
            }
        }
    }

    fn segments_failure(&self, what: &str) -> Failure {
        let failure = Failure::new(what);
        match self.wal.as_ref().map(Wal::place) {
            Some((file, offset)) => failure.within(&*file).offset(offset),
            None => failure,
        }
    }
}

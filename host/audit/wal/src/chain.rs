//! What opening a log checks, frame by frame: each continues the tree that the one before left, the checkpoints that
//! others have seen are on the way, and the last batch is signed by the log's key, which covers all.

use grid_tlog::{Frontier, Hash, VerifyingKey};

use crate::{
    frame::Frame,
    seal::Trailer,
    storage::{Entry, Visit},
};

/// Whose signatures count.
pub trait Keys {
    /// The key of a tree of `size` entries.
    fn key_at(&self, size: u64) -> Option<&VerifyingKey>;
}

/// Walks along while a storage shows its frames.
pub struct Chain<'a> {
    keys: &'a dyn Keys,
    visit: Option<&'a mut Visit<'a>>,
    edge: Option<Frontier>,
    last: Option<Trailer>,
    /// Sizes and roots that the log has shown to others.
    shown: Vec<(u64, Hash)>,
}

impl<'a> Chain<'a> {
    /// A log with these keys.
    #[must_use]
    pub fn expecting(keys: &'a dyn Keys) -> Self {
        Self { keys, visit: None, edge: None, last: None, shown: Vec::new() }
    }

    /// One that has shown `root` over `size` entries.
    #[must_use]
    pub fn and(mut self, size: u64, root: Hash) -> Self {
        self.shown.push((size, root));
        self
    }

    /// `visit` sees every entry.
    #[must_use]
    pub fn showing<'b>(self, visit: &'b mut Visit<'b>) -> Chain<'b>
    where
        'a: 'b,
    {
        Chain { keys: self.keys, visit: Some(visit), edge: self.edge, last: self.last, shown: self.shown }
    }

    /// Entries so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.as_ref().map_or(0, Frontier::size)
    }

    /// The tree's edge behind the last frame.
    #[must_use]
    pub fn into_edge(self) -> Frontier {
        self.edge.unwrap_or_default()
    }

    /// A segment says that it begins with this edge.
    pub(crate) fn begin(&mut self, edge: &Frontier) -> Result<(), &'static str> {
        match &self.edge {
            None => self.edge = Some(edge.clone()),
            Some(here) if here == edge => {}
            Some(_) => return Err("the segment does not continue the one before"),
        }
        self.meet()
    }

    pub(crate) fn pass(&mut self, frame: &Frame<'_>) -> Result<(), &'static str> {
        let edge = self.edge.get_or_insert_default();
        if frame.trailer.before != edge.root() {
            return Err("the batch does not continue the tree before it");
        }
        for entry in frame.entries() {
            edge.push(Hash::leaf(entry.bytes));
            if let Some(visit) = &mut self.visit {
                visit(Entry { ..entry });
            }
        }
        if frame.trailer.root != edge.root() {
            return Err("the batch's entries do not have the root that was signed");
        }
        self.last = Some(frame.trailer);
        self.meet()
    }

    /// All frames have passed.
    pub(crate) fn end(&self) -> Result<(), &'static str> {
        let size = self.size();
        if self.shown.iter().any(|(shown, _)| *shown > 0) {
            return Err("the log ends before, or passes by, a checkpoint that it has published");
        }
        match &self.last {
            Some(last) if !self.keys.key_at(size).is_some_and(|key| last.is_signed_by(size, key)) => {
                Err("the last batch is not signed by the log's key")
            }
            _ => Ok(()),
        }
    }

    /// Compares the tree with those that were shown at its size.
    fn meet(&mut self) -> Result<(), &'static str> {
        let size = self.size();
        if !self.shown.iter().any(|(shown, _)| *shown == size) {
            return Ok(());
        }
        let root = self.edge.as_ref().map_or_else(Hash::empty, Frontier::root);
        if self.shown.iter().any(|(shown, other)| *shown == size && *other != root) {
            return Err("the log has published another tree of this size");
        }
        self.shown.retain(|(shown, _)| *shown != size);
        Ok(())
    }
}

impl std::fmt::Debug for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("size", &self.size()).finish_non_exhaustive()
    }
}

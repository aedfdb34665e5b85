//! Entries that were added at once, with the edge of the tree before them: enough to prove each of them in the tree
//! after them, without any file.

use std::convert::Infallible;

use crate::{Frontier, Hash, Nodes, tree};

/// What a writer knows when it has signed a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    before: Frontier,
    leaves: Vec<Hash>,
}

impl Batch {
    /// `leaves` were added to the tree whose edge was `before`.
    #[must_use]
    pub fn new(before: Frontier, leaves: Vec<Hash>) -> Self {
        Self { before, leaves }
    }

    /// Entries in the tree after it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.before.size() + self.leaves.len() as u64
    }

    /// The leaf hash of entry `index`, where it is one of the batch.
    #[must_use]
    pub fn leaf(&self, index: u64) -> Option<Hash> {
        let place = index.checked_sub(self.before.size())?;
        self.leaves.get(usize::try_from(place).ok()?).copied()
    }

    /// The hashes that prove entry `index` in the tree of [`Batch::size`] entries, where it is one of the batch.
    #[must_use]
    pub fn inclusion(&self, index: u64) -> Option<Vec<Hash>> {
        self.leaf(index)?;
        match tree::inclusion(self, index, self.size()) {
            Ok(path) => Some(path),
            Err(never) => match never {},
        }
    }
}

impl Nodes for Batch {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        if let Some(hash) = self.before.subtree(level, index) {
            return Ok(hash);
        }
        let Some(below) = level.checked_sub(1) else {
            // Nothing else is asked for: what lies left of the batch and not on the edge is in no proof of it.
            return Ok(self.leaf(index).unwrap_or_default());
        };
        Ok(Hash::node(&self.node(below, index * 2)?, &self.node(below, index * 2 + 1)?))
    }
}

//! Entries that were added at once, with the edge of the tree before them: enough to prove each of them in the tree
//! after them, without any file.

use std::{convert::Infallible, sync::OnceLock};

use crate::{Frontier, Hash, Nodes, tree};

/// What a writer knows when it has signed a batch.
#[derive(Debug, Clone)]
pub struct Batch {
    before: Frontier,
    leaves: Vec<Hash>,
    /// The subtrees that the batch completed, by level and from left to right. Made with the first proof: all proofs
    /// of a batch share them, and without them each would hash the whole batch again.
    completed: OnceLock<Vec<Vec<Hash>>>,
}

impl Batch {
    /// `leaves` were added to the tree whose edge was `before`.
    #[must_use]
    pub fn new(before: Frontier, leaves: Vec<Hash>) -> Self {
        Self { before, leaves, completed: OnceLock::new() }
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

    fn completed(&self, level: u32, index: u64) -> Option<Hash> {
        let levels = self.completed.get_or_init(|| {
            let (mut edge, mut levels) = (self.before.clone(), Vec::<Vec<Hash>>::new());
            for leaf in &self.leaves {
                edge.push_each(*leaf, |level, hash| {
                    let level = level as usize;
                    if levels.len() <= level {
                        levels.resize(level + 1, Vec::new());
                    }
                    levels.get_mut(level).into_iter().for_each(|level| level.push(hash));
                });
            }
            levels
        });
        let first = self.before.size().checked_shr(level).unwrap_or(0);
        let place = usize::try_from(index.checked_sub(first)?).ok()?;
        levels.get(level as usize)?.get(place).copied()
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
        // Nothing else is asked for: what lies left of the batch and not on the edge is in no proof of it.
        Ok(self.completed(level, index).unwrap_or_default())
    }
}

//! A tree that only grows, as the few hashes that its future needs: one for each maximal complete subtree.

use crate::{Hash, Malformed};

/// The right edge of a tree. At most 64 hashes, however large the tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    /// Left to right, so the largest subtree comes first.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of a tree of `size` entries, as [`Frontier::subtrees`] gave it.
    ///
    /// # Errors
    /// [`Malformed`] where there are not as many subtrees as `size` has ones in binary.
    pub fn from_parts(size: u64, subtrees: Vec<Hash>) -> Result<Self, Malformed> {
        if subtrees.len() != usize::try_from(size.count_ones()).unwrap_or(usize::MAX) {
            let why = format!("{} subtrees cannot make {size} entries", subtrees.len());
            return Err(Malformed::new("tree's edge", why));
        }
        Ok(Self { size, subtrees })
    }

    /// Entries in the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The maximal complete subtrees, left to right.
    #[must_use]
    pub fn subtrees(&self) -> &[Hash] {
        &self.subtrees
    }

    /// Adds an entry by its leaf hash.
    pub fn push(&mut self, leaf: Hash) {
        self.push_each(leaf, |_, _| ());
    }

    /// The same, and tells of every subtree that the entry completes, from the entry itself up: `2^level` entries
    /// have this hash. Their place follows from the size before.
    pub fn push_each(&mut self, leaf: Hash, mut completed: impl FnMut(u32, Hash)) {
        let mut hash = leaf;
        completed(0, hash);
        for level in 1..=self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = Hash::node(&left, &hash);
            }
            completed(level, hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }

    /// The root (RFC 6962 section 2.1).
    #[must_use]
    pub fn root(&self) -> Hash {
        let mut right_to_left = self.subtrees.iter().rev().copied();
        let Some(last) = right_to_left.next() else {
            return Hash::empty();
        };
        right_to_left.fold(last, |right, left| Hash::node(&left, &right))
    }

    /// The complete subtree of `2^level` entries that begins at entry `index * 2^level`, where it is on the edge.
    #[must_use]
    pub fn subtree(&self, level: u32, index: u64) -> Option<Hash> {
        let ones_above = self.size.checked_shr(level + 1).unwrap_or(0).count_ones();
        let here = self.size.checked_shr(level).filter(|here| here & 1 == 1)?;
        let place = usize::try_from(ones_above).ok()?;
        (here - 1 == index).then(|| self.subtrees.get(place).copied()).flatten()
    }
}

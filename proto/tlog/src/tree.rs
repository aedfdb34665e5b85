//! Roots and proofs out of the hashes of complete subtrees, wherever those are kept (RFC 9162 sections 2.1.3.1 and
//! 2.1.4.1).

use crate::Hash;

/// Where the hashes of complete subtrees are.
pub trait Nodes {
    /// Why one cannot be had.
    type Error;

    /// The hash over the `2^level` entries from `index * 2^level` on. Asked only for subtrees that are complete in
    /// the tree that the caller asks about.
    ///
    /// # Errors
    /// Those of the place where they are kept.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// The root of the tree of the first `size` entries.
///
/// # Errors
/// Those of `nodes`.
pub fn root<N: Nodes>(nodes: &N, size: u64) -> Result<Hash, N::Error> {
    if size == 0 { Ok(Hash::empty()) } else { range(nodes, 0, size) }
}

/// The hashes beside the way from entry `index` up to the root of `size` entries, lowest first. `index` must be
/// below `size`.
///
/// # Errors
/// Those of `nodes`.
pub fn inclusion<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    let (mut from, mut to) = (0, size);
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that show that the tree of `new` entries begins with that of `old` entries. None where either is the
/// other, or `old` is 0. `old` must not be above `new`.
///
/// # Errors
/// Those of `nodes`.
pub fn consistency<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    let mut path = Vec::new();
    if old == 0 || old >= new {
        return Ok(path);
    }
    let (mut from, mut to) = (0, new);
    while to > old {
        let middle = from + split(to - from);
        if old <= middle {
            path.push(range(nodes, middle, to)?);
            to = middle;
        } else {
            path.push(range(nodes, from, middle)?);
            from = middle;
        }
    }
    // Where the old tree is a left edge of its own, whoever checks knows its root already.
    if from > 0 {
        path.push(range(nodes, from, to)?);
    }
    path.reverse();
    Ok(path)
}

/// The hash over the entries `from..to`, where `from` is a multiple of the largest power of two in the length.
fn range<N: Nodes>(nodes: &N, from: u64, to: u64) -> Result<Hash, N::Error> {
    let length = to - from;
    if length.is_power_of_two() {
        let level = length.trailing_zeros();
        return nodes.node(level, from >> level);
    }
    let middle = from + split(length);
    Ok(Hash::node(&range(nodes, from, middle)?, &range(nodes, middle, to)?))
}

/// The largest power of two below `length`, which is above 1.
fn split(length: u64) -> u64 {
    1 << (63 - (length - 1).leading_zeros())
}

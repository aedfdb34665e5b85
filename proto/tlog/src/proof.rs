//! Checks what others prove (RFC 9162 sections 2.1.3.2 and 2.1.4.2). The number of hashes that a proof must have
//! follows from its sizes alone and is compared first.

use crate::{Hash, Unproved};

/// Checks that `leaf` is entry `index` of the tree of `size` entries with this `root`.
///
/// # Errors
/// [`Unproved`].
pub fn verify_inclusion(index: u64, size: u64, leaf: Hash, path: &[Hash], root: Hash) -> Result<(), Unproved> {
    if index >= size {
        return Err(Unproved::OutOfRange { index, size });
    }
    // Below `inner` the way to the root still has neighbours on both sides; above it only on the left.
    let inner = 64 - (index ^ (size - 1)).leading_zeros();
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    let expected = usize::try_from(inner + border).unwrap_or(usize::MAX);
    if path.len() != expected {
        return Err(Unproved::Length { expected, found: path.len() });
    }
    let found = path.iter().zip(0..).fold(leaf, |hash, (beside, level)| {
        if level >= inner || index >> level & 1 == 1 { Hash::node(beside, &hash) } else { Hash::node(&hash, beside) }
    });
    if found == root { Ok(()) } else { Err(Unproved::Root) }
}

/// Checks that the tree of `new` entries with `new_root` begins with that of `old` entries with `old_root`.
///
/// # Errors
/// [`Unproved`].
pub fn verify_consistency(old: u64, old_root: Hash, new: u64, new_root: Hash, path: &[Hash]) -> Result<(), Unproved> {
    if old > new {
        return Err(Unproved::Shrunk { old, new });
    }
    if old == new || old == 0 {
        if !path.is_empty() {
            return Err(Unproved::Length { expected: 0, found: path.len() });
        }
        let expected = if old == new { new_root } else { Hash::empty() };
        return if old_root == expected { Ok(()) } else { Err(Unproved::Root) };
    }
    let (index, last) = (old - 1, new - 1);
    let start = index.trailing_ones();
    let inner = 64 - (index ^ last).leading_zeros();
    let seeded = usize::from(!old.is_power_of_two());
    let above = (inner - start) + index.checked_shr(inner).unwrap_or(0).count_ones();
    let expected = usize::try_from(above).unwrap_or(usize::MAX).saturating_add(seeded);
    if path.len() != expected {
        return Err(Unproved::Length { expected, found: path.len() });
    }
    let (seed, rest) = if seeded == 1 {
        path.split_first().map_or((old_root, path), |(first, rest)| (*first, rest))
    } else {
        (old_root, path)
    };
    let (mut of_old, mut of_new) = (seed, seed);
    for (beside, level) in rest.iter().zip(start..) {
        if level >= inner || index >> level & 1 == 1 {
            of_old = Hash::node(beside, &of_old);
            of_new = Hash::node(beside, &of_new);
        } else {
            of_new = Hash::node(&of_new, beside);
        }
    }
    if of_old == old_root && of_new == new_root { Ok(()) } else { Err(Unproved::Root) }
}

//! Roots and proofs, held against RFC 6962 section 2.1 as it is written there.

use std::convert::Infallible;

use grid_tlog::{Batch, Frontier, Hash, Nodes, consistency, inclusion, root, verify_consistency, verify_inclusion};
use proptest::prelude::*;

/// The definition, word for word.
fn defined(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::empty(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            Hash::node(&defined(left), &defined(right))
        }
    }
}

struct Leaves(Vec<Hash>);

impl Nodes for Leaves {
    type Error = Infallible;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let width = 1 << level;
        let from = usize::try_from(index).unwrap() * width;
        Ok(defined(&self.0[from..from + width]))
    }
}

fn leaves(count: usize) -> Leaves {
    Leaves((0..count).map(|at| Hash::leaf(format!("leaf-{at}").as_bytes())).collect())
}

fn edge(leaves: &[Hash]) -> Frontier {
    let mut edge = Frontier::new();
    leaves.iter().for_each(|leaf| edge.push(*leaf));
    edge
}

#[test]
fn roots_are_those_of_the_definition() {
    let all = leaves(300);
    for size in 0..=300 {
        let expected = defined(&all.0[..size]);
        assert_eq!(edge(&all.0[..size]).root(), expected, "{size}");
        assert_eq!(root(&all, size as u64).unwrap(), expected, "{size}");
    }
}

#[test]
fn every_entry_of_every_small_tree_is_proved_and_no_other() {
    let all = leaves(70);
    for size in 1..=70_u64 {
        let root = root(&all, size).unwrap();
        for index in 0..size {
            let path = inclusion(&all, index, size).unwrap();
            let leaf = all.0[usize::try_from(index).unwrap()];
            verify_inclusion(index, size, leaf, &path, root).unwrap();
            assert!(verify_inclusion(index + 1, size, leaf, &path, root).is_err());
            assert!(verify_inclusion(index, size, Hash::empty(), &path, root).is_err());
            let mut longer = path.clone();
            longer.push(Hash::empty());
            assert!(verify_inclusion(index, size, leaf, &longer, root).is_err());
            for at in 0..path.len() {
                let mut other = path.clone();
                other[at] = Hash::empty();
                assert!(verify_inclusion(index, size, leaf, &other, root).is_err());
            }
        }
    }
}

#[test]
fn every_small_tree_continues_every_smaller_one_and_no_other() {
    let all = leaves(70);
    for new in 0..=70_u64 {
        for old in 0..=new {
            let path = consistency(&all, old, new).unwrap();
            let (of_old, of_new) = (root(&all, old).unwrap(), root(&all, new).unwrap());
            verify_consistency(old, of_old, new, of_new, &path).unwrap();
            assert!(verify_consistency(old, Hash::leaf(b""), new, of_new, &path).is_err(), "{old} {new}");
            if old > 0 {
                assert!(verify_consistency(old, of_old, new, Hash::leaf(b""), &path).is_err(), "{old} {new}");
            }
            if old < new {
                assert!(verify_consistency(new, of_new, old, of_old, &path).is_err(), "{old} {new}");
            }
            for at in 0..path.len() {
                let mut other = path.clone();
                other[at] = Hash::empty();
                assert!(verify_consistency(old, of_old, new, of_new, &other).is_err(), "{old} {new}");
                other.remove(at);
                assert!(verify_consistency(old, of_old, new, of_new, &other).is_err(), "{old} {new}");
            }
        }
    }
}

#[test]
fn an_edge_takes_only_as_many_subtrees_as_its_size_has() {
    let edge = edge(&leaves(13).0);
    let again = Frontier::from_parts(13, edge.subtrees().to_vec()).unwrap();
    assert_eq!(again, edge);
    assert!(Frontier::from_parts(12, edge.subtrees().to_vec()).is_err());
}

proptest! {
    #[test]
    fn a_batch_proves_each_of_its_entries(before in 0_usize..600, added in 1_usize..80) {
        let all = leaves(before + added);
        let batch = Batch::new(edge(&all.0[..before]), all.0[before..].to_vec());
        let size = batch.size();
        let root = defined(&all.0);
        for index in before as u64..size {
            let leaf = batch.leaf(index).unwrap();
            prop_assert_eq!(leaf, all.0[usize::try_from(index).unwrap()]);
            let path = batch.inclusion(index).unwrap();
            prop_assert!(verify_inclusion(index, size, leaf, &path, root).is_ok());
        }
        prop_assert_eq!(batch.inclusion(size), None);
        prop_assert!(before == 0 || batch.inclusion(before as u64 - 1).is_none());
    }

    #[test]
    fn impossible_proofs_are_refused_and_nothing_else_happens(
        index: u64, size: u64, new: u64, hashes in 0_usize..140
    ) {
        let path = vec![Hash::empty(); hashes];
        let other = Hash::leaf(b"x");
        prop_assert!(verify_inclusion(index, size, other, &path, Hash::empty()).is_err());
        prop_assert!(verify_consistency(size, other, new, Hash::empty(), &path).is_err());
    }
}

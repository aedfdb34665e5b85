//! The name of a record that no two logs share: the hash by which it is a leaf of the log's Merkle tree
//! (RFC 6962 section 2.1).

use grid_audit::Record;
use grid_tlog::Hash;

/// As 64 hex digits, which every header and every schema takes.
pub(crate) fn hex(record: &Record) -> String {
    let hash = Hash::leaf(record.line().as_bytes());
    let nibbles = hash.as_bytes().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.filter_map(|nibble| char::from_digit(nibble.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_is_hashed_as_the_tree_does_it() {
        let record = Record::decode(0, b"{}").unwrap();
        // printf '\0{}' | sha256sum
        assert_eq!(hex(&record), "28a3a18f6cd6406b086e9ffda1f9b8a13dbcf44b0f3f32cb9031a11fd053acf9");
    }
}

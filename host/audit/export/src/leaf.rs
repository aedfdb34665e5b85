//! The name of a record that no two logs share: the hash by which it is a leaf of the log's Merkle tree
//! (RFC 6962 section 2.1).

use aws_lc_rs::digest::{Context, SHA256};
use grid_audit::Record;

/// 32 bytes of SHA-256 over a zero and the entry as it is stored.
pub(crate) fn hash(record: &Record) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(record.line().as_bytes());
    let mut hash = [0; 32];
    for (to, from) in hash.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    hash
}

/// As 64 hex digits.
pub(crate) fn hex(record: &Record) -> String {
    write_hex(&hash(record))
}

pub(crate) fn write_hex(bytes: &[u8]) -> String {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
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

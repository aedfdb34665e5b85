//! What a record is found by: each of its named fields with the field's value, as a hash of fixed width under the
//! index's own secret key. Two values that share a hash are told apart when the record is read.

use std::hash::Hasher;

use grid_core::reading::Filter;

/// Records of one block share one entry of a term.
pub(crate) const BLOCK: u64 = 1 << 12;
/// Blocks of one span lie together in the file, so that writing touches the newest span only, however long the log is.
pub(crate) const BLOCKS_OF_SPAN: u64 = 1 << 8;

/// Span by span the entries of a field, sorted by hash and then by block.
pub(crate) const KEY: usize = 14;
pub(crate) type Key = [u8; KEY];

/// A field with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Term {
    field: u8,
    hash: u64,
}

/// Makes terms; two indices make different ones of the same value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Namer(pub(crate) [u8; 16]);

impl Namer {
    #[expect(deprecated, reason = "SipHash-2-4 by name: its result is written to disk and must not change")]
    fn hash(self, field: u8, value: &str) -> u64 {
        let half = |at: usize| {
            let bytes = self.0.get(at..at + 8).and_then(|half| half.try_into().ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let mut hasher = std::hash::SipHasher::new_with_keys(half(0), half(8));
        hasher.write_u8(field);
        hasher.write(value.as_bytes());
        hasher.finish()
    }

    /// The terms of the values that are there, in the order of [`Filter::fields`].
    pub(crate) fn terms<'a>(
        self,
        values: impl IntoIterator<Item = Option<&'a str>> + 'a,
    ) -> impl Iterator<Item = Term> + 'a {
        (0_u8..).zip(values).filter_map(move |(field, value)| Some(Term { field, hash: self.hash(field, value?) }))
    }

    /// Everything that a filter names.
    pub(crate) fn terms_of(self, filter: &Filter) -> Vec<Term> {
        self.terms(filter.fields().map(|(_, value)| value)).collect()
    }
}

impl Term {
    /// Where the entry of this term for `block` lies.
    pub(crate) fn key(self, block: u64) -> Key {
        let span = u32::try_from(block / BLOCKS_OF_SPAN).unwrap_or(u32::MAX);
        let within = u8::try_from(block % BLOCKS_OF_SPAN).unwrap_or(u8::MAX);
        let mut key = [0; KEY];
        let parts = [self.field].into_iter().chain(span.to_be_bytes()).chain(self.hash.to_be_bytes()).chain([within]);
        for (to, from) in key.iter_mut().zip(parts) {
            *to = from;
        }
        key
    }
}

/// The block that a key of any term belongs to.
pub(crate) fn block_of(key: &Key) -> u64 {
    let [_, a, b, c, d, .., within] = *key;
    u64::from(u32::from_be_bytes([a, b, c, d])) * BLOCKS_OF_SPAN + u64::from(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_block_and_sorts_by_it_within_a_term() {
        let namer = Namer([7; 16]);
        let term = namer.terms([None, Some("a")]).next().unwrap();
        assert_eq!(term.field, 1);
        let blocks = [0, 1, 255, 256, 257, 1 << 20];
        let keys = blocks.map(|block| term.key(block));
        assert!(keys.is_sorted());
        assert_eq!(keys.map(|key| block_of(&key)), blocks);
    }

    #[test]
    fn the_hash_is_the_one_that_is_on_disks() {
        let namer = Namer(std::array::from_fn(|at| u8::try_from(at).unwrap()));
        // SipHash-2-4 of 00 01 .. 0e under 00 01 .. 0f, from the appendix of its paper.
        let value: String = (1..15_u8).map(char::from).collect();
        assert_eq!(namer.hash(0, &value), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn fields_keys_and_values_make_different_terms() {
        let (one, other) = (Namer([1; 16]), Namer([2; 16]));
        let all = [one.hash(0, "a"), one.hash(1, "a"), one.hash(0, "b"), other.hash(0, "a")];
        assert_eq!(all.iter().collect::<std::collections::BTreeSet<_>>().len(), all.len());
    }
}

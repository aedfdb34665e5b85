//! The places of one block, as the index stores them and as a query works on them: a bit for each of 4,096 records.
//! On disk up to 255 places are a list of 16-bit numbers, more of them a bitmap of 512 bytes.

use crate::terms::BLOCK;

const WORDS: usize = (BLOCK / 64) as usize;
const BITMAP: usize = WORDS * 8;

/// Some of the records of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bits([u64; WORDS]);

impl Bits {
    pub(crate) fn none() -> Self {
        Self([0; WORDS])
    }

    pub(crate) fn all() -> Self {
        Self([u64::MAX; WORDS])
    }

    pub(crate) fn insert(&mut self, place: u16) {
        if let Some(word) = self.0.get_mut(usize::from(place) / 64) {
            *word |= 1 << (place % 64);
        }
    }

    pub(crate) fn and(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(other.0) {
            *word &= other;
        }
    }

    /// Takes out what lies before `from` or from `to` on.
    pub(crate) fn clip(&mut self, from: u64, to: u64) {
        for (base, word) in (0..).step_by(64).zip(&mut self.0) {
            let below = |end: u64| match end.saturating_sub(base) {
                0 => 0,
                bits @ 1..64 => (1 << bits) - 1,
                _ => u64::MAX,
            };
            *word &= below(to) & !below(from);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// In order.
    pub(crate) fn places(&self) -> Vec<u16> {
        let mut places = Vec::new();
        for (base, word) in (0..).step_by(64).zip(self.0) {
            let mut rest = word;
            while rest != 0 {
                places.push(base + u16::try_from(rest.trailing_zeros()).unwrap_or_default());
                rest &= rest - 1;
            }
        }
        places
    }

    /// Nothing where these are not the bytes of any set.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut bits = Self::none();
        if bytes.len() == BITMAP {
            for (word, bytes) in bits.0.iter_mut().zip(bytes.chunks_exact(8)) {
                *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
            }
            return Some(bits);
        }
        let (places, []) = bytes.as_chunks::<2>() else { return None };
        for place in places.iter().map(|bytes| u16::from_le_bytes(*bytes)) {
            if u64::from(place) >= BLOCK {
                return None;
            }
            bits.insert(place);
        }
        Some(bits)
    }
}

/// Puts `places`, which come in order and after all that `bytes` holds, behind them.
pub(crate) fn append(bytes: &mut Vec<u8>, places: &[u16]) {
    if bytes.len() < BITMAP && bytes.len() + places.len() * 2 < BITMAP {
        bytes.extend(places.iter().flat_map(|place| place.to_le_bytes()));
        return;
    }
    let mut bits = Bits::read(bytes).unwrap_or_else(Bits::none);
    for place in places {
        bits.insert(*place);
    }
    bytes.clear();
    bytes.extend(bits.0.iter().flat_map(|word| word.to_le_bytes()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_come_back_whatever_they_are_stored_as() {
        for count in [0_u16, 1, 2, 254, 255, 256, 257, 4096] {
            let places: Vec<u16> = (0..count).map(|at| at * (4096 / count.max(1))).collect();
            for split in [0, places.len() / 2, places.len()] {
                let (first, rest) = places.split_at(split);
                let mut bytes = Vec::new();
                append(&mut bytes, first);
                append(&mut bytes, rest);
                assert!(bytes.len() <= 512);
                assert_eq!(Bits::read(&bytes).unwrap().places(), places, "{count} split at {split}");
            }
        }
    }

    #[test]
    fn bytes_that_nobody_wrote_are_no_set() {
        for bytes in [&[1][..], &[0, 0x10], &[0; 513]] {
            assert_eq!(Bits::read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn clipping_keeps_exactly_what_lies_between() {
        for (from, to) in [(0, 4096), (0, 0), (1, 64), (63, 65), (64, 128), (100, 4095), (5, 3), (0, 9999)] {
            let mut bits = Bits::all();
            bits.clip(from, to);
            let expected: Vec<u16> = (0..4096).filter(|at| (from..to).contains(&u64::from(*at))).collect();
            assert_eq!(bits.places(), expected, "{from}..{to}");
            assert_eq!(bits.is_empty(), expected.is_empty());
        }
    }
}

//! Plain parts of strings, many bytes at a time.

/// A quote, a backslash or a control character: no plain part of a string.
const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// How many bytes come before one that is special: eight at a time at first, 64 at a time where that goes on.
#[inline]
pub(super) fn plain(bytes: &[u8]) -> usize {
    const WIDE: usize = 64;
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let (words, tail) = rest.get(..WIDE).unwrap_or(rest).as_chunks::<8>();
        for word in words {
            let found = special(u64::from_le_bytes(*word));
            if found < 8 {
                return at + found;
            }
            at += 8;
        }
        if rest.len() < WIDE {
            return at + tail.iter().position(|byte| is_special(*byte)).unwrap_or(tail.len());
        }
        let (wide, _) = bytes.get(at..).unwrap_or_default().as_chunks::<WIDE>();
        // Without a way out within: so it becomes a few instructions on all of them.
        let clear = wide.iter().take_while(|wide| !wide.iter().fold(false, |any, byte| any | is_special(*byte)));
        at += clear.count() * WIDE;
    }
}

/// The place of the first special byte among eight; 8 where there is none.
fn special(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    // The lowest bit is right; those above it may not be.
    let below = |word: u64, least: u64| word.wrapping_sub(ONES * least) & !word & TOPS;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let escape = below(word ^ (ONES * u64::from(b'\\')), 1);
    ((quote | escape | below(word, 0x20)).trailing_zeros() / 8) as usize
}

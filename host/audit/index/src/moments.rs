//! When records were made, as the index stores it: for every 1,024 records the time of the first and then the
//! differences, each in as few bytes as it needs. Clocks may go back.

/// Records of one entry.
pub(crate) const CHUNK: u64 = 1 << 10;

/// Reads an entry; nothing where these are not the bytes of one.
pub(crate) fn read(mut bytes: &[u8]) -> Option<Vec<u64>> {
    let mut times = Vec::with_capacity(CHUNK as usize);
    let mut last = 0_u64;
    while !bytes.is_empty() {
        let (difference, rest) = number(bytes)?;
        last = last.wrapping_add(unfold(difference));
        times.push(last);
        bytes = rest;
    }
    (times.len() as u64 <= CHUNK).then_some(times)
}

/// Writes `times` behind what `bytes` holds, whose last time is `last` (0 where it holds nothing).
pub(crate) fn append(bytes: &mut Vec<u8>, mut last: u64, times: &[u64]) {
    for time in times {
        let mut rest = fold(time.wrapping_sub(last));
        last = *time;
        while rest >= 0x80 {
            bytes.push(u8::try_from(rest & 0x7f).unwrap_or_default() | 0x80);
            rest >>= 7;
        }
        bytes.push(u8::try_from(rest).unwrap_or_default());
    }
}

fn number(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (digits, rest) = bytes.split_at_checked(length)?;
    let mut number = 0_u64;
    for (shift, byte) in (0..64).step_by(7).zip(digits) {
        number |= u64::from(byte & 0x7f) << shift;
    }
    (length <= 10).then_some((number, rest))
}

/// Small differences in either direction become small numbers.
fn fold(difference: u64) -> u64 {
    (difference << 1) ^ (difference.cast_signed() >> 63).cast_unsigned()
}

fn unfold(number: u64) -> u64 {
    (number >> 1) ^ (number & 1).wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_come_back_in_whatever_order_and_pieces_they_were_written() {
        let all = [5, 5, 6, 3, u64::MAX, 0, 1 << 53, 1_700_000_000_000, 1_700_000_000_001, u64::MAX - 1];
        for split in 0..all.len() {
            let (first, rest) = all.split_at(split);
            let mut bytes = Vec::new();
            append(&mut bytes, 0, first);
            append(&mut bytes, first.last().copied().unwrap_or(0), rest);
            assert_eq!(read(&bytes).unwrap(), all);
        }
    }

    #[test]
    fn records_that_follow_one_another_cost_a_byte() {
        let times: Vec<u64> = (0..1024).map(|at| 1_700_000_000_000 + at * 3).collect();
        let mut bytes = Vec::new();
        append(&mut bytes, 0, &times);
        assert!(bytes.len() < 1024 + 10, "{}", bytes.len());
    }

    #[test]
    fn bytes_that_nobody_wrote_are_no_times() {
        for bytes in [&[0x80][..], &[0xff; 20], &[1; 1025]] {
            assert_eq!(read(bytes), None, "{bytes:?}");
        }
    }
}

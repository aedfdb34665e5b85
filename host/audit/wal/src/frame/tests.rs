use super::*;

const TRAILER_OF_NONE: Trailer =
    Trailer { before: Hash::from_bytes([1; 32]), root: Hash::from_bytes([2; 32]), key: 3, signature: [4; 64] };

fn frame(first_index: u64, entries: &[&[u8]]) -> Vec<u8> {
    let mut builder = Builder::default();
    builder.begin(first_index);
    for entry in entries {
        builder.push(MAX_FRAME, |out| out.extend_from_slice(entry)).unwrap();
    }
    builder.finish(&TRAILER_OF_NONE).to_vec()
}

#[test]
fn a_frame_gives_back_its_entries_with_their_indices() {
    let bytes = frame(41, &[b"", b"one", b"twelve bytes"]);
    assert_eq!(bytes.len() % 8, 0);
    let entries: Vec<_> = check(&bytes).unwrap().entries().collect();
    let expected: Vec<_> =
        [(41, &b""[..]), (42, b"one"), (43, b"twelve bytes")].map(|(index, bytes)| Entry { index, bytes }).into();
    assert_eq!(entries, expected);
}

#[test]
fn no_single_bit_can_change_unnoticed() {
    let bytes = frame(3, &[b"some entry", b"and another one"]);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(check(&changed).is_err(), "bit {bit}");
    }
}

#[test]
fn no_cut_frame_checks() {
    let bytes = frame(3, &[b"some entry", b"and another one"]);
    for length in 0..bytes.len() {
        assert!(check(&bytes[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn an_entry_that_does_not_fit_is_left_out() {
    let mut builder = Builder::default();
    builder.begin(0);
    let long = vec![b'x'; MAX_ENTRY + 1];
    let pushed = builder.push(MAX_FRAME, |out| out.extend_from_slice(&long));
    assert_eq!(pushed, Err(NotAdded::TooLong(MAX_ENTRY + 1)));
    assert_eq!(builder.push(264, |out| out.extend_from_slice(&long[..40])), Ok(0));
    let pushed = builder.push(264, |out| out.extend_from_slice(&long[..60]));
    assert_eq!(pushed, Err(NotAdded::Full));
    let pushed = builder.push(264, |out| out.extend_from_slice(&long[..100]));
    assert_eq!(pushed, Err(NotAdded::TooLong(100)));
    assert_eq!(check(builder.finish(&TRAILER_OF_NONE)).unwrap().entries().count(), 1);
}

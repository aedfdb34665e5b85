use prost::Message as _;

use super::*;

const LIMIT: usize = 100_000;

fn chunk(payload: usize, correlation: usize) -> v1::RuntimeFrame {
    v1::RuntimeFrame {
        frame: Some(Frame::Chunk(Box::new(v1::StreamChunk {
            invocation_id: "i-1".to_owned(),
            chunk_id: 7,
            payload: vec![b'x'; payload].into(),
            correlation_id: "c".repeat(correlation),
            ..v1::StreamChunk::default()
        }))),
    }
}

fn result(content: usize) -> v1::RuntimeFrame {
    let result = grid_proto::adm::ToolResult { content: Some("x".repeat(content)), ..Default::default() };
    let result = v1::ToolResult { invocation_id: "i-2".to_owned(), result: Some(result), ..v1::ToolResult::default() };
    v1::RuntimeFrame { frame: Some(Frame::Result(result)) }
}

fn beat() -> v1::RuntimeFrame {
    v1::RuntimeFrame { frame: Some(Frame::Heartbeat(v1::Heartbeat { sequence: 3, ..Default::default() })) }
}

fn framed(frame: &v1::RuntimeFrame) -> Vec<u8> {
    let length = u32::try_from(frame.encoded_len()).unwrap().to_be_bytes();
    [&[0][..], &length, &frame.encode_to_vec()].concat()
}

/// What comes of these bytes in pieces of this size; never is more held than has come, or than a message.
fn read(bytes: &[u8], size: usize) -> (Vec<Arrived>, Parts) {
    let (mut parts, mut arrived) = (Parts::new(LIMIT), Vec::new());
    for piece in bytes.chunks(size) {
        parts.rest = Bytes::copy_from_slice(piece);
        while let Some(one) = parts.take().unwrap() {
            arrived.push(one);
        }
        assert!(parts.rest.is_empty(), "what came last is taken in whole");
        assert!(parts.held.capacity() <= LIMIT);
    }
    (arrived, parts)
}

#[test]
fn frames_are_read_however_they_are_cut() {
    let frames =
        [beat(), chunk(40_000, 3), beat(), chunk(300, 3), v1::RuntimeFrame::default(), chunk(0, 0), result(90_000)];
    let bytes: Vec<u8> = frames.iter().flat_map(framed).collect();
    for size in [1, 2, 3, 5, 7, 100, 4_096, 16_384, 65_000, bytes.len()] {
        let (arrived, parts) = read(&bytes, size);
        assert!(parts.is_between());
        let read: Vec<_> = arrived
            .into_iter()
            .map(|arrived| match arrived {
                Ok(frame) => frame,
                Err(dropped) => panic!("{dropped:?}"),
            })
            .collect();
        assert_eq!(read, frames, "in pieces of {size}");
    }
}

#[test]
fn a_frame_over_the_limit_is_dropped_and_the_next_one_is_read() {
    let other = v1::RuntimeLog { message: "x".repeat(LIMIT), ..Default::default() };
    let other = v1::RuntimeFrame { frame: Some(Frame::Log(other)) };
    let cases = [(result(LIMIT), "i-2", false), (chunk(LIMIT, 1), "i-1", true), (other, "", false)];
    for (frame, id, part) in cases {
        let bytes = [framed(&beat()), framed(&frame), framed(&beat())].concat();
        for size in [1, 6, 1_000, 16_384, bytes.len()] {
            let (arrived, parts) = read(&bytes, size);
            assert!(parts.is_between());
            let [Ok(before), Err(dropped), Ok(after)] = &arrived[..] else { panic!("{arrived:?}") };
            assert_eq!((before, after), (&beat(), &beat()));
            let expected =
                OversizedFrame { invocation_id: id.to_owned(), part, found: frame.encoded_len(), limit: LIMIT };
            assert_eq!(dropped, &expected);
        }
    }
}

#[test]
fn what_is_promised_takes_no_room_before_it_comes() {
    let mut parts = Parts::new(64 << 20);
    let length = u32::try_from(60 << 20).unwrap().to_be_bytes();
    parts.rest = [&[0][..], &length, b"x"].concat().into();
    assert!(parts.take().unwrap().is_none());
    assert!(parts.held.capacity() <= AHEAD, "{}", parts.held.capacity());
    parts.rest = vec![b'x'; 100_000].into();
    assert!(parts.take().unwrap().is_none());
    assert!(parts.held.capacity() <= GROWTH * 100_001, "{}", parts.held.capacity());
}

/// A chunk waits for its caller and costs its credit, so it must not keep more than that.
#[test]
fn a_chunk_that_is_kept_keeps_nothing_much_beside_it() {
    for (frame, cut) in [(chunk(40_000, 3), 16_384), (chunk(300, 50_000), 16_384), (chunk(300, 3), 1 << 20)] {
        let bytes = framed(&frame);
        let mut parts = Parts::new(LIMIT);
        let buffers: Vec<Bytes> = bytes.chunks(cut).map(Bytes::copy_from_slice).collect();
        let mut kept = None;
        for buffer in &buffers {
            parts.rest = buffer.clone();
            if let Some(Ok(v1::RuntimeFrame { frame: Some(Frame::Chunk(chunk)) })) = parts.take().unwrap() {
                kept = Some(chunk.payload);
            }
        }
        let payload = kept.unwrap();
        drop(parts);
        assert!(buffers.into_iter().all(|buffer| buffer.is_unique()), "nothing of what came over the wire is kept");
        let length = payload.len();
        // Growing in place would go beyond what the payload needs only if there is a larger buffer under it.
        let room = payload.try_into_mut().unwrap().capacity();
        assert!(room <= length + length / 4 + 64, "{room} bytes are kept for {length}");
    }
}

#[test]
fn a_stream_may_not_end_within_a_frame() {
    let bytes = framed(&chunk(500, 3));
    for cut in [1, 4, 5, 6, 300, bytes.len() - 1] {
        let (arrived, parts) = read(&bytes[..cut], 64);
        assert!(arrived.is_empty() && !parts.is_between(), "after {cut} bytes");
    }
    let long = framed(&result(LIMIT));
    assert!(!read(&long[..LIMIT], 1_000).1.is_between());
}

#[test]
fn other_flags_are_refused() {
    for flag in [1, 2, 0xff] {
        let mut parts = Parts::new(LIMIT);
        parts.rest = Bytes::copy_from_slice(&[flag, 0, 0, 0, 1, 0]);
        assert!(parts.take().is_err(), "{flag}");
    }
}

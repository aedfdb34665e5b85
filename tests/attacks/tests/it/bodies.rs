//! Bodies that do not come, come slowly, are larger than they say, or are not taken.

use std::time::Duration;

use crate::common::*;

/// A few bytes at a time, for as long as the attack lasts.
fn drip(target: &Target, wire: &mut Wire, bytes: &[u8]) {
    for byte in bytes {
        wire.push(&[*byte]);
        wire.flush();
        std::thread::sleep(Duration::from_millis(5));
        if target.is_over() || !wire.is_open() {
            return;
        }
    }
}

#[tokio::test]
async fn a_head_byte_by_byte() {
    survives(|target| {
        let mut wires: Vec<_> = (0..20).map(|_| Wire::silent(target.callers)).collect();
        for wire in &mut wires {
            wire.push(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
            wire.flush();
        }
        drip(target, wires.first_mut().unwrap(), &[0, 0, 200, HEADERS, END_HEADERS, 0, 0, 0, 1]);
    })
    .await;
}

#[tokio::test]
async fn a_body_byte_by_byte() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..200).step_by(2) {
            wire.ask(stream, CALL, &[]);
        }
        for at in 0..20_u32 {
            for stream in (1..200).step_by(2) {
                wire.frame(DATA, 0, stream, &[0; 1][..usize::from(at < 4)]);
            }
            wire.flush();
            std::thread::sleep(Duration::from_millis(5));
        }
    })
    .await;
}

#[tokio::test]
async fn a_huge_length_and_no_body() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..1_000).step_by(2) {
            wire.ask(stream, CALL, &[]);
            wire.frame(DATA, 0, stream, &grpc(0, 0xffff_ffff, b""));
        }
        wire.flush();
    })
    .await;
}

/// The largest that is believed, on as many streams as there are, and nothing more comes.
#[tokio::test]
async fn a_length_within_the_limit_and_no_body() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..1_000).step_by(2) {
            wire.ask(stream, CALL, &[]);
            wire.frame(DATA, 0, stream, &grpc(0, 4 << 20, &[0; 10]));
        }
        wire.flush();
        std::thread::sleep(Duration::from_millis(50));
    })
    .await;
}

/// What it would be uncompressed is nobody's business: compression is off.
async fn compressed(encoding: &'static [u8], bytes: Vec<u8>) {
    survives(move |target| {
        let mut wire = target.wire();
        for stream in (1..200).step_by(2) {
            wire.ask(stream, CALL, &field("grpc-encoding", encoding));
            wire.frame(DATA, END_STREAM, stream, &grpc(1, bytes.len(), &bytes));
        }
        wire.hear(Duration::from_millis(50));
    })
    .await;
}

#[tokio::test]
async fn gzip_bomb() {
    // A block of stored zeros is enough, as nothing may unpack it.
    compressed(b"gzip", [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xec; 4_000]].concat()).await;
}

#[tokio::test]
async fn zstd_bomb() {
    // A frame that claims 2^60 bytes, in blocks that repeat one byte.
    let head = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &(1_u64 << 60).to_le_bytes()].concat();
    compressed(b"zstd", [head, [0x02, 0x00, 0x10, 0x61].repeat(1_000)].concat()).await;
}

#[tokio::test]
async fn more_than_the_window_allows() {
    survives(|target| {
        let mut wire = target.wire();
        wire.ask(1, CALL, &[]);
        for _ in 0..200 {
            wire.frame(DATA, 0, 1, &[0; 16_384]);
            if !wire.is_open() {
                return;
            }
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn answers_that_nobody_has_room_for() {
    survives(|target| {
        let mut wire = target.wire();
        // A window of nothing for every stream.
        wire.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
        let list = crate::messages::list(target);
        for stream in (1..400).step_by(2) {
            wire.post(stream, "/grid.v1.GridService/ListTools", &list);
        }
        wire.flush();
        std::thread::sleep(Duration::from_millis(50));
    })
    .await;
}

#[tokio::test]
async fn answers_that_are_taken_byte_by_byte() {
    survives(|target| {
        let mut wire = target.wire();
        wire.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 1]);
        let list = crate::messages::list(target);
        for stream in (1..100).step_by(2) {
            wire.post(stream, "/grid.v1.GridService/ListTools", &list);
        }
        for _ in 0..10 {
            for stream in (1..100).step_by(2) {
                wire.frame(WINDOW_UPDATE, 0, stream, &1_u32.to_be_bytes());
            }
            wire.flush();
        }
    })
    .await;
}

//! Heads of requests: too large, too many, too clever.

use crate::common::*;

/// Sends one head a stream.
fn heads(target: &Target, block: &[u8], times: u32) {
    let mut wire = target.wire();
    for stream in (1..times * 2).step_by(2) {
        let mut pieces = block.chunks(16_000).enumerate().peekable();
        while let Some((at, piece)) = pieces.next() {
            let end = if pieces.peek().is_none() { END_HEADERS } else { 0 };
            let (kind, flags) = if at == 0 { (HEADERS, END_STREAM | end) } else { (CONTINUATION, end) };
            wire.frame(kind, flags, stream, piece);
        }
        if !wire.is_open() {
            return;
        }
    }
    wire.flush();
}

/// One large field goes into the table once and is named four thousand times.
#[tokio::test]
async fn hpack_bomb() {
    survives(|target| {
        let kept = [vec![0x40], string(b"x-bomb"), string(&[b'b'; 3_900])].concat();
        heads(target, &[head(CALL), kept, vec![0x80 | 62; 4_000]].concat(), 20);
    })
    .await;
}

#[tokio::test]
async fn table_sizes_that_change_all_the_time() {
    survives(|target| {
        let sizes = [0x20_u8, 0x3f, 0xe1, 0x1f].repeat(1_000);
        heads(target, &[sizes, head(CALL)].concat(), 20);
    })
    .await;
}

#[tokio::test]
async fn a_table_larger_than_allowed() {
    survives(|target| heads(target, &[vec![0x3f, 0xff, 0xff, 0xff, 0x07], head(CALL)].concat(), 20)).await;
}

#[tokio::test]
async fn numbers_without_end() {
    survives(|target| heads(target, &[vec![0xff; 4_000], head(CALL)].concat(), 5)).await;
}

#[tokio::test]
async fn metadata_of_a_mebibyte() {
    survives(|target| heads(target, &[head(CALL), field("x-large", &vec![b'm'; 1 << 20])].concat(), 3)).await;
}

#[tokio::test]
async fn metadata_of_many_small_fields() {
    survives(|target| {
        let fields: Vec<u8> = (0..20_000).flat_map(|at| field(&format!("x-{at}"), b"")).collect();
        heads(target, &[head(CALL), fields].concat(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_bearer_of_64_kib() {
    survives(|target| {
        let bearer = [&b"Bearer "[..], &vec![b'e'; 64 << 10]].concat();
        heads(target, &[head(CALL), field("authorization", &bearer)].concat(), 10);
    })
    .await;
}

#[tokio::test]
async fn tokens_that_are_none() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..600).step_by(2) {
            let token = format!("Bearer eyJhbGciOiJFZERTQSJ9.{}.{}", "e30".repeat(200), target.next());
            wire.ask(stream, CALL, &field("authorization", token.as_bytes()));
            let call = crate::messages::call(target, "add", "{}");
            wire.frame(DATA, END_STREAM, stream, &grpc(0, call.len(), &call));
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn fields_that_http_forbids() {
    survives(|target| {
        for fields in [
            field("UPPER", b"case"),
            field("connection", b"close"),
            field("transfer-encoding", b"chunked"),
            field(":path", b"/again"),
            field(":unknown", b"x"),
            field("x-line", b"a\r\nx-other: b"),
            field("x-nul", b"a\0b"),
            field("", b"nameless"),
            field("content-length", b"-1"),
            field("content-length", b"99999999999999999999"),
        ] {
            heads(target, &[head(CALL), fields].concat(), 10);
        }
    })
    .await;
}

#[tokio::test]
async fn names_of_the_host_that_are_none() {
    survives(|target| {
        for authority in [&b"user@host"[..], b"host:99999", b"[::1", b"\xff\xff", b"a b", &[b'h'; 10_000]] {
            let mut block: Vec<u8> = [
                field(":method", b"POST"),
                field(":scheme", b"http"),
                field(":path", CALL.as_bytes()),
                field(":authority", authority),
            ]
            .concat();
            block.extend(field("host", b"other"));
            heads(target, &block, 10);
        }
    })
    .await;
}

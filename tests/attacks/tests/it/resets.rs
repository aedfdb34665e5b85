//! Requests that are begun and given up, by the client or by faults that make the host do it.

use crate::common::*;

/// CVE-2023-44487.
#[tokio::test]
async fn rapid_reset() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..2_000).step_by(2) {
            wire.ask(stream, CALL, &[]);
            wire.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        }
        wire.flush();
    })
    .await;
}

/// The same with whole calls, so that each is begun before it is given up.
#[tokio::test]
async fn rapid_reset_of_whole_calls() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..600).step_by(2) {
            wire.post(stream, CALL, &crate::messages::call(target, "add", r#"{"a":1,"b":2}"#));
            wire.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
        }
        wire.flush();
    })
    .await;
}

/// CVE-2025-8671: the host is made to reset, which counts for nobody.
#[tokio::test]
async fn made_you_reset() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..2_000).step_by(2) {
            wire.ask(stream, CALL, &[]);
            wire.frame(WINDOW_UPDATE, 0, stream, &0_u32.to_be_bytes());
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn data_after_the_end_of_a_stream() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..1_000).step_by(2) {
            wire.post(stream, CALL, b"");
            wire.frame(DATA, 0, stream, b"more");
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn windows_that_overflow() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..1_000).step_by(2) {
            wire.ask(stream, CALL, &[]);
            wire.frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
            wire.frame(WINDOW_UPDATE, 0, stream, &0x7fff_ffff_u32.to_be_bytes());
        }
        wire.flush();
    })
    .await;
}

//! Frames that cost their sender next to nothing, without end.

use crate::common::*;

/// The same frame, ten thousand times.
async fn flood(kind: u8, flags: u8, stream: u32, payload: Vec<u8>) {
    survives(move |target| {
        let mut wire = target.wire();
        for _ in 0..10_000 {
            wire.frame(kind, flags, stream, &payload);
            if !wire.is_open() {
                break;
            }
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn settings_flood() {
    flood(SETTINGS, 0, 0, [0, 4, 0, 1, 0, 0].to_vec()).await;
}

#[tokio::test]
async fn ping_flood() {
    flood(PING, 0, 0, vec![7; 8]).await;
}

#[tokio::test]
async fn settings_and_pings_whose_answers_nobody_reads() {
    survives(|target| {
        let mut wire = target.wire();
        for _ in 0..2_000 {
            wire.frame(PING, 0, 0, &[7; 8]);
            wire.frame(SETTINGS, 0, 0, &[]);
            wire.shout();
            if !wire.is_open() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test]
async fn window_update_flood() {
    flood(WINDOW_UPDATE, 0, 0, 1_u32.to_be_bytes().to_vec()).await;
}

#[tokio::test]
async fn priority_flood() {
    flood(PRIORITY, 0, 3, vec![0, 0, 0, 1, 16]).await;
}

#[tokio::test]
async fn frames_of_no_known_kind() {
    flood(0xbb, 0xff, 0, vec![1; 100]).await;
}

#[tokio::test]
async fn goaway_flood() {
    flood(GOAWAY, 0, 0, vec![0; 8]).await;
}

#[tokio::test]
async fn empty_data_frames() {
    data(Vec::new()).await;
}

#[tokio::test]
async fn data_frames_of_one_byte() {
    data(vec![0]).await;
}

#[tokio::test]
async fn data_frames_of_padding() {
    survives(|target| {
        let mut wire = target.wire();
        wire.ask(1, CALL, &[]);
        let padded = [&[255_u8][..], &[0; 255]].concat();
        for _ in 0..5_000 {
            wire.frame(DATA, 8, 1, &padded);
            if !wire.is_open() {
                break;
            }
        }
        wire.flush();
    })
    .await;
}

async fn data(piece: Vec<u8>) {
    survives(move |target| {
        let mut wire = target.wire();
        for stream in (1..20).step_by(2) {
            wire.ask(stream, CALL, &[]);
            for _ in 0..2_000 {
                wire.frame(DATA, 0, stream, &piece);
            }
            if !wire.is_open() {
                break;
            }
        }
        wire.flush();
    })
    .await;
}

/// CVE-2024-27316 and its kin.
#[tokio::test]
async fn continuation_flood() {
    survives(|target| {
        let mut wire = target.wire();
        wire.frame(HEADERS, 0, 1, &head(CALL));
        for at in 0..5_000 {
            wire.frame(CONTINUATION, 0, 1, &field(&format!("x-{at}"), &[b'a'; 200]));
            if !wire.is_open() {
                break;
            }
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn empty_continuations() {
    survives(|target| {
        let mut wire = target.wire();
        wire.frame(HEADERS, 0, 1, &head(CALL));
        for _ in 0..20_000 {
            wire.frame(CONTINUATION, 0, 1, &[]);
            if !wire.is_open() {
                break;
            }
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn unknown_methods() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..1_000).step_by(2) {
            wire.post(stream, &format!("/grid.v1.GridService/Nothing{stream}"), b"");
        }
        wire.flush();
    })
    .await;
}

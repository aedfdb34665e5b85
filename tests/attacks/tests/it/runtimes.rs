//! Those who pretend to be runtimes.

use std::time::Duration;

use grid_proto::v1;
use prost::Message as _;

use crate::common::*;

const ATTACH: &str = "/grid.v1.RuntimeService/Attach";

fn announcement(id: &str) -> Vec<u8> {
    let announce = v1::AnnounceRuntime { runtime_id: id.to_owned(), ..Default::default() };
    v1::RuntimeFrame { frame: Some(v1::runtime_frame::Frame::Announce(Box::new(announce))) }.encode_to_vec()
}

#[tokio::test]
async fn streams_that_announce_nothing() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..1_000).step_by(2) {
            wire.ask(stream, ATTACH, &[]);
        }
        wire.flush();
        std::thread::sleep(Duration::from_millis(20));
    })
    .await;
}

#[tokio::test]
async fn an_announcement_byte_by_byte() {
    survives(|target| {
        let mut wire = target.wire();
        wire.ask(1, ATTACH, &[]);
        let frame = announcement("developer/slow");
        for byte in grpc(0, frame.len(), &frame) {
            wire.frame(DATA, 0, 1, &[byte]);
            wire.flush();
        }
    })
    .await;
}

#[tokio::test]
async fn frames_over_the_limit() {
    survives(|target| {
        let mut wire = target.wire();
        for stream in (1..50).step_by(2) {
            wire.ask(stream, ATTACH, &[]);
            let frame = announcement(&format!("developer/{stream}"));
            wire.frame(DATA, 0, stream, &grpc(0, frame.len(), &frame));
            wire.frame(DATA, 0, stream, &grpc(0, 100 << 20, &[0; 5_000]));
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn results_that_nobody_asked_for() {
    survives(|target| {
        let mut wire = target.wire();
        wire.ask(1, ATTACH, &[]);
        let frame = announcement(&format!("developer/{}", target.next()));
        wire.frame(DATA, 0, 1, &grpc(0, frame.len(), &frame));
        let result =
            v1::ToolResult { invocation_id: "i-00000000000000000000000000000000".to_owned(), ..Default::default() };
        let frame = v1::RuntimeFrame { frame: Some(v1::runtime_frame::Frame::Result(result)) }.encode_to_vec();
        for _ in 0..500 {
            wire.frame(DATA, 0, 1, &grpc(0, frame.len(), &frame));
        }
        wire.flush();
    })
    .await;
}

#[tokio::test]
async fn many_runtimes_that_come_and_go() {
    survives(|target| {
        for _ in 0..10 {
            let mut wire = target.wire();
            for stream in (1..20).step_by(2) {
                wire.ask(stream, ATTACH, &[]);
                let frame = announcement(&format!("developer/{}", target.next()));
                wire.frame(DATA, 0, stream, &grpc(0, frame.len(), &frame));
            }
            wire.flush();
        }
    })
    .await;
}

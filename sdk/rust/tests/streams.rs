//! Results in pieces: a runtime keeps to the credit that the host gave, and a client believes no part to be the whole.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops at what it did not expect")]

#[cfg(test)]
mod support;

use std::time::Duration;

use grid_proto::v1::host_frame::Frame as Says;
use grid_proto::v1::runtime_frame::Frame as Heard;
use grid_proto::{adm, v1};
use grid_sdk::{Emitter, Runtime, ToolError, tool};
use support::{Host, Peer, soon};
use tokio::task::JoinSet;

/// Sends so many bytes of text.
#[tool]
async fn fill(bytes: u32) -> Result<(), ToolError> {
    let emitter = Emitter::current().ok_or_else(|| ToolError::new("NO_CALL", "there is no call"))?;
    emitter.progress(0.5, "half");
    emitter.send("\"").await?;
    emitter.send("x".repeat(bytes as usize)).await?;
    emitter.send("\"").await
}

/// Sends numbers, from a thread, and fails in the end.
#[tool]
fn breaks() -> Result<(), ToolError> {
    let emitter = Emitter::current().ok_or_else(|| ToolError::new("NO_CALL", "there is no call"))?;
    emitter.send_blocking("[1")?;
    Err(ToolError::new("DISK_FULL", "there is no room"))
}

/// Counts.
#[tool]
async fn count(to: u32) -> Result<(), ToolError> {
    let emitter = Emitter::current().ok_or_else(|| ToolError::new("NO_CALL", "there is no call"))?;
    for number in 0..to {
        emitter.item(&number).await?;
    }
    emitter.finish_items().await
}

struct Scene {
    peer: Peer,
    _host: Host,
    _running: JoinSet<()>,
}

/// A runtime that serves all of them, with so much credit where it may stream.
async fn scene(credit: Option<&str>) -> Scene {
    let mut host = Host::start().await;
    let builder = Runtime::builder().runtime_id("r1").token("abc.def").endpoint(&host.endpoint);
    let runtime = builder.tool(fill).tool(breaks).tool(count).build().unwrap();
    let mut running = JoinSet::new();
    running.spawn(async move { drop(runtime.run_until(std::future::pending()).await) });
    let mut peer = host.attached().await;
    let announce = peer.welcome_streaming(credit).await;
    assert_eq!(announce.optional_features, ["enhanced-errors", "lifecycle", "nested-calls", "progress", "streaming"]);
    peer.accept_all().await;
    Scene { peer, _host: host, _running: running }
}

impl Scene {
    async fn call(&self, name: &str, args: &str, streaming: bool) {
        let call = adm::FunctionCall { call_id: "k".into(), name: name.into(), args: args.into() };
        let invocation_id = "i1".to_owned();
        self.peer
            .say(Says::Call(v1::ToolCall { invocation_id, call: Some(call), streaming, ..Default::default() }))
            .await;
    }

    async fn chunk(&mut self) -> v1::StreamChunk {
        loop {
            match self.peer.hear().await {
                Some(Heard::Chunk(chunk)) => return *chunk,
                Some(Heard::Progress(said)) => assert_eq!((said.fraction, said.message.as_str()), (0.5, "half")),
                other => panic!("expected a chunk, heard {other:?}"),
            }
        }
    }

    async fn content(&mut self) -> String {
        self.peer.hear_result().await.result.unwrap().content.unwrap()
    }
}

#[tokio::test]
async fn a_stream_stays_within_its_credit_and_goes_on_when_there_is_more() {
    let mut scene = scene(Some("40000")).await;
    scene.call("fill", r#"{"bytes":100000}"#, true).await;
    let (mut bytes, mut cost, mut credit) = (0, 0, 40_000);
    for number in 0.. {
        let next = tokio::time::timeout(Duration::from_millis(300), scene.chunk()).await;
        let Ok(chunk) = next else {
            assert!(bytes < 100_002, "it ended before its time");
            credit += 40_000;
            scene.peer.say(Says::Credit(v1::Credit { invocation_id: "i1".into(), bytes: 40_000 })).await;
            let chunk = soon(scene.chunk()).await;
            assert_eq!(chunk.chunk_id, number, "it waited for credit and for nothing else");
            (bytes, cost) = (bytes + chunk.payload.len(), cost + chunk.payload.len().max(256));
            continue;
        };
        assert_eq!(chunk.chunk_id, number);
        if chunk.is_final {
            assert!(chunk.payload.is_empty() && chunk.error.is_none());
            break;
        }
        (bytes, cost) = (bytes + chunk.payload.len(), cost + chunk.payload.len().max(256));
        assert!(cost <= credit, "{cost} of {credit}");
    }
    assert_eq!(bytes, 100_002);
    assert!(credit > 40_000, "the first credit was not enough for all of it");
}

#[tokio::test]
async fn a_failure_after_a_piece_is_in_the_stream() {
    let mut scene = scene(Some("40000")).await;
    scene.call("breaks", "{}", true).await;
    assert_eq!(&scene.chunk().await.payload[..], b"[1");
    let end = scene.chunk().await;
    assert!(end.is_final && end.chunk_id == 1);
    assert_eq!(end.error.unwrap().r#type, "DISK_FULL");
}

#[tokio::test]
async fn without_a_stream_the_pieces_are_one_result() {
    for credit in [None, Some("40000")] {
        let mut scene = scene(credit).await;
        scene.call("count", r#"{"to":5}"#, false).await;
        assert_eq!(scene.content().await, "[0,1,2,3,4]");
        scene.call("count", r#"{"to":0}"#, false).await;
        assert_eq!(scene.content().await, "[]");
    }
}

#[tokio::test]
async fn a_stream_that_is_cancelled_sends_nothing_more() {
    let mut scene = scene(Some("40000")).await;
    scene.call("fill", r#"{"bytes":100000}"#, true).await;
    assert_eq!(scene.chunk().await.chunk_id, 0);
    scene.peer.say(Says::Cancel(v1::CancelInvocation { invocation_id: "i1".into(), ..Default::default() })).await;
    scene.peer.say(Says::Credit(v1::Credit { invocation_id: "i1".into(), bytes: 1 << 20 })).await;
    scene.call("count", r#"{"to":1}"#, false).await;
    // What was on its way when it was cancelled comes before the other call's result, and no end of it.
    let content = loop {
        match scene.peer.hear().await {
            Some(Heard::Chunk(chunk)) => assert!(!chunk.is_final),
            Some(Heard::Progress(_)) => {}
            Some(Heard::Result(result)) => break result.result.unwrap().content.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(content, "[0]");
}

//! Results in pieces on a real connection: what a caller gets, and what one that takes nothing holds (SV-5).

use std::{sync::atomic::Ordering, time::Duration};

use grid_grpc::Settings;
use grid_proto::v1::{self, call_event::Event, call_tool_response::Outcome};
use tokio_util::task::TaskTracker;
use tonic::Streaming;

use crate::{
    callers::{call, error},
    doors::Host,
};

const CHUNK: u64 = 32 << 10;

async fn next(events: &mut Streaming<v1::CallEvent>) -> Option<Event> {
    events.message().await.unwrap().map(|event| event.event.unwrap())
}

#[tokio::test]
async fn chunks_come_whole_and_in_order_and_the_end_says_what_there_was() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let mut events = client.stream_tool_call(call("stream", "100")).await.unwrap().into_inner();
    for number in 0..100 {
        let Some(Event::Chunk(chunk)) = next(&mut events).await else { panic!("chunk {number}") };
        assert_eq!((chunk.chunk_id, chunk.payload.len() as u64, chunk.is_final), (number, CHUNK, number == 99));
        assert!(chunk.invocation_id.starts_with("i-") && chunk.correlation_id == "cor-1");
        assert!(chunk.payload.iter().all(|byte| *byte == b'x'));
    }
    let Some(Event::End(end)) = next(&mut events).await else { panic!("the end") };
    let Some(Outcome::Streamed(whole)) = end.outcome else { panic!("streamed") };
    assert_eq!((whole.chunks, whole.bytes), (100, 100 * CHUNK));
    assert_eq!(whole.digest, format!("sha256:{}", "07".repeat(32)));
    assert!(next(&mut events).await.is_none());
}

#[tokio::test]
async fn a_refusal_is_the_only_event() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let nothing = v1::ToolCall { call: None, ..call("", "") };
    for (sent, code) in [(call("refuse:PERMISSION_DENIED", "3"), "PERMISSION_DENIED"), (nothing, "MALFORMED_REQUEST")] {
        let mut events = client.stream_tool_call(sent).await.unwrap().into_inner();
        let mut seen = Vec::new();
        while let Some(event) = next(&mut events).await {
            seen.push(event);
        }
        let Some(Event::End(end)) = seen.pop() else { panic!("an end") };
        assert_eq!(error(end).r#type, code);
    }
}

#[tokio::test]
async fn a_caller_that_goes_is_noticed() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let mut events = client.stream_tool_call(call("stream", "100000")).await.unwrap().into_inner();
    assert!(next(&mut events).await.is_some());
    drop(events);
    let gone = async {
        while host.front.left.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone).await.unwrap();
}

/// As many streams as a connection may have, on several connections, and nobody reads any of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_streams_hold_little_are_closed_and_hold_nobody_up() {
    const CONNECTIONS: usize = 4;
    const EACH: usize = 50;
    let settings = Settings { stall_timeout: Duration::from_secs(3), ..Settings::default() };
    let host = Host::start(settings).await;
    let tasks = TaskTracker::new();
    for _ in 0..CONNECTIONS {
        let mut client = host.client().await;
        for _ in 0..EACH {
            // Held and never read.
            let mut events = client.stream_tool_call(call("stream", "100000")).await.unwrap().into_inner();
            tasks.spawn(async move {
                std::future::poll_fn(|_| std::task::Poll::<()>::Pending).await;
                drop(next(&mut events).await);
            });
        }
    }
    let began = tokio::time::Instant::now();
    let mut other = host.client().await;
    let mut served = 0;
    let (streams, left) = ((CONNECTIONS * EACH) as u64, &host.front.left);
    let mut most = 0;
    while left.load(Ordering::Relaxed) < streams {
        let answer = other.call_tool(call("echo", "1")).await.unwrap().into_inner();
        assert!(matches!(answer.outcome, Some(Outcome::Result(_))));
        served += 1;
        most = most.max(host.front.flowed.load(Ordering::Relaxed));
        assert!(began.elapsed() < Duration::from_secs(60), "{} of {streams} were closed", left.load(Ordering::Relaxed));
    }
    assert!(served > 10, "others are served meanwhile");
    // What was handed to a connection lies in its window, in its buffer and in the one event that was taken.
    assert!(most / streams <= 256 << 10, "{} bytes a stream", most / streams);
    assert!(most > 0);
}

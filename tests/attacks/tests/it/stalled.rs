//! Results in pieces that nobody takes: what they hold, that they are closed, and that others are served (SV-5).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use grid_proto::{adm, v1};
use grid_sdk::{Client, Emitter, Runtime, SessionOptions, State, ToolError, tool};
use prost::Message as _;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::common::*;

const STREAM: &str = "/grid.v1.GridService/StreamToolCall";
const CONNECTIONS: usize = 10;
const EACH: usize = 100;
const STREAMS: usize = CONNECTIONS * EACH;
/// What of one stream may be in the host, in bytes.
const HELD: u64 = 256 << 10;
/// What a host may grow by beside that.
const BESIDE: u64 = 96 << 20;

/// Bytes that each stream could send, and streams that are over.
static SENT: [AtomicU64; STREAMS] = [const { AtomicU64::new(0) }; STREAMS];
static ENDED: AtomicUsize = AtomicUsize::new(0);

struct Ends;

impl Drop for Ends {
    fn drop(&mut self) {
        ENDED.fetch_add(1, Ordering::Relaxed);
    }
}

/// Has no end.
#[tool]
async fn pour(nth: i64) -> Result<(), ToolError> {
    let _ends = Ends;
    let emitter = Emitter::current().unwrap();
    emitter.send("\"").await?;
    loop {
        emitter.send([b'x'; 16 << 10]).await?;
        SENT[usize::try_from(nth).unwrap()].fetch_add(16 << 10, Ordering::Relaxed);
    }
}

async fn pouring(host: &Host) -> CancellationToken {
    let token = host.token("pour", "*", "grid_runtime");
    let runtime = Runtime::builder().tool(pour).runtime_id("pour").token(token).endpoint(host.endpoint());
    let runtime = runtime.concurrency(STREAMS).build().unwrap();
    let (mut status, stop) = (runtime.status(), CancellationToken::new());
    TaskTracker::new().spawn(runtime.run_until(stop.clone().cancelled_owned()));
    soon("the runtime serves", status.wait_for(|status| status.state == State::Serving)).await.unwrap();
    stop
}

/// Streams that have no room for a byte, and of which nothing is ever taken.
fn stalled(port: u16, session: &str, connection: usize) -> Wire {
    let mut wire = Wire::connect(port);
    wire.frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    for at in 0..EACH {
        let nth = connection * EACH + at;
        let args = format!("{{\"nth\":{nth}}}");
        let call = adm::FunctionCall { call_id: format!("pour-{nth}"), name: "pour".to_owned(), args };
        let session_id = session.to_owned();
        let call = v1::ToolCall { call: Some(call), session_id, streaming: true, ..Default::default() };
        wire.post(u32::try_from(2 * at + 1).unwrap(), STREAM, &call.encode_to_vec());
    }
    wire.flush();
    wire
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_that_nobody_takes() {
    let mut host = Host::start(&["server.stall_timeout=15s"]).await;
    let (serving, pouring) = (Serving::start(&host).await, pouring(&host).await);
    let client = Client::builder().endpoint(host.endpoint()).connect().await.unwrap();
    let good = client.open_session(SessionOptions::default()).await.unwrap();
    let bad = client.open_session(SessionOptions::default()).await.unwrap();
    for _ in 0..CALLS {
        serve(&good).await;
    }
    let before = host.memory();
    let (port, session) = (host.callers, Arc::new(bad.id().to_owned()));
    let opening = tokio::task::spawn_blocking(move || {
        (0..CONNECTIONS).map(|connection| stalled(port, &session, connection)).collect::<Vec<_>>()
    });
    let mut wires = opening.await.unwrap();
    let (mut served, mut most) = (0, before);
    while ENDED.load(Ordering::Relaxed) < STREAMS {
        serve(&good).await;
        served += 1;
        most = most.max(host.memory());
        assert!(host.lives(), "the host ended: {}", host.said());
        // Two minutes are for a machine that has other things to do.
        assert!(served < 24_000, "{} of {STREAMS} are over", ENDED.load(Ordering::Relaxed));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(served >= CALLS, "others are served meanwhile");
    let sent = SENT.iter().map(|sent| sent.load(Ordering::Relaxed));
    assert!(sent.clone().max().unwrap() <= HELD, "{} bytes of one stream", sent.clone().max().unwrap());
    assert!(sent.clone().min().unwrap() > 0, "each of them had begun");
    assert!(most <= before + STREAMS as u64 * HELD + BESIDE, "the host grew from {before} to {most} bytes");
    for wire in &mut wires {
        wire.drain();
        assert!(!wire.is_open(), "who takes nothing loses its connection");
    }
    serve(&good).await;
    pouring.cancel();
    serving.stop();
    host.stop().await;
}

//! Each bound of a connection at one less, at itself, and at one more (SV-2); and what becomes of peers that hold the
//! host up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use grid_core::gate::{Gate, Lane, Shed};
use grid_grpc::Settings;
use h2::client::SendRequest;
use http::Request;
use prost::Message as _;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use tonic::Code;

use crate::{
    callers::call,
    doors::Host,
    raw::{Raw, framed},
};

const CALL: &str = "/grid.v1.GridService/CallTool";

fn request(path: &str) -> Request<()> {
    let request = Request::post(format!("http://host{path}")).header("content-type", "application/grpc");
    request.body(()).unwrap()
}

/// An HTTP/2 connection with a window of this size for each stream, and whether it has ended.
async fn connection(host: &Host, window: u32) -> (SendRequest<Bytes>, tokio::task::JoinHandle<()>) {
    let stream = TcpStream::connect(host.running.address()).await.unwrap();
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(window);
    let (send, connection) = builder.handshake::<_, Bytes>(stream).await.unwrap();
    let ended = TaskTracker::new().spawn(async move {
        // Whichever way it ends.
        let _ = connection.await;
    });
    (send, ended)
}

fn message(name: &str) -> Bytes {
    let call = call(name, "").encode_to_vec();
    framed(0, call.len(), &call).into()
}

#[tokio::test]
async fn a_connection_has_so_many_streams_and_no_more() {
    for limit in [3, 4, 5] {
        let host = Host::start(Settings { max_concurrent_streams: limit, ..Settings::default() }).await;
        let (send, _ended) = connection(&host, 65_535).await;
        // The host's settings are known once something was answered.
        let (first, mut body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
        body.send_data(message("echo"), true).unwrap();
        first.await.unwrap();
        assert_eq!(send.current_max_send_streams(), limit as usize);
        // One more than there is room for: it waits on this side until another one is over.
        let mut held = Vec::new();
        for _ in 0..=limit {
            let (response, mut body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
            body.send_data(message("wait"), true).unwrap();
            held.push(response);
        }
        let waiting = || host.front.notes.all().iter().filter(|note| note.contains("wait")).count();
        reaches(limit as usize, waiting).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(waiting(), limit as usize);
        host.front.go.notify_one();
        reaches(limit as usize + 1, waiting).await;
    }
}

async fn reaches(count: usize, now: impl Fn() -> usize) {
    let looking = async {
        while now() < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), looking).await.unwrap();
}

#[tokio::test]
async fn heads_may_reach_their_limit_and_not_pass_it() {
    // Of a field its name, its value and 32 count (RFC 9113, 6.5.2); h2 takes what is below the limit.
    const LIMIT: usize = 16 << 10;
    let host = Host::start(Settings::default()).await;
    let (send, _ended) = connection(&host, 65_535).await;
    let mut taken = Vec::new();
    let base = |address: &str| -> usize {
        let own = [(":method", "POST"), (":scheme", "http"), (":authority", address), (":path", CALL)];
        let more = ("content-type", "application/grpc");
        own.iter().chain([&more]).map(|(name, value)| name.len() + value.len() + 32).sum()
    };
    for size in [LIMIT - 2, LIMIT - 1, LIMIT] {
        let padding = size - base("host") - "x-padding".len() - 32;
        let mut request = request(CALL);
        request.headers_mut().insert("x-padding", "p".repeat(padding).parse().unwrap());
        let (response, mut body) = send.clone().ready().await.unwrap().send_request(request, false).unwrap();
        let _ = body.send_data(message("echo"), true);
        taken.push(response.await.is_ok_and(|response| response.status() == 200));
    }
    assert_eq!(taken, [true, true, false]);
}

#[tokio::test]
async fn a_peer_that_takes_nothing_of_its_answer_loses_the_connection() {
    let settings = Settings { stall_timeout: Duration::from_millis(50), ..Settings::default() };
    let host = Host::start(settings).await;
    let (send, ended) = connection(&host, 0).await;
    let (_response, mut body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
    body.send_data(message("size:300000"), true).unwrap();
    // By the host: this side keeps everything open.
    ended.await.unwrap();
    // One that takes its answers is not hurt, however long it is silent in between.
    let mut other = Raw::connect(&host.running).await;
    let good = call("size:300000", "").encode_to_vec();
    for _ in 0..2 {
        let answer = other.post(CALL, framed(0, good.len(), &good)).await;
        assert_eq!((answer.grpc().0, answer.body.len() > 300_000), (Code::Ok, true));
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
}

#[tokio::test]
async fn a_call_that_takes_long_is_no_stall() {
    let settings = Settings { stall_timeout: Duration::from_millis(50), ..Settings::default() };
    let host = Host::start(settings).await;
    let (send, ended) = connection(&host, 65_535).await;
    let (response, mut body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
    body.send_data(message("wait"), true).unwrap();
    host.front.notes.wait_for("wait").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(!ended.is_finished());
    host.front.go.notify_one();
    assert_eq!(response.await.unwrap().status(), 200);
}

#[tokio::test]
async fn who_gives_up_too_many_requests_loses_the_connection() {
    for (given_up, stays) in [(4, true), (5, true), (6, false)] {
        let settings = Settings { resets_burst: 5, resets_per_second: 0, ..Settings::default() };
        let host = Host::start(settings).await;
        let (send, ended) = connection(&host, 65_535).await;
        for _ in 0..given_up {
            let (response, mut body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
            body.send_data(message("wait"), true).unwrap();
            host.front.notes.wait_for("wait").await;
            host.front.notes.clear();
            drop((response, body));
        }
        let closed = tokio::time::timeout(Duration::from_millis(2_500), ended).await.is_ok();
        assert_eq!(closed, !stays, "{given_up}");
    }
}

/// Lets this many in.
#[derive(Debug)]
struct Few(AtomicU32);

impl Gate for Few {
    fn enter(&self, lane: Lane, _: u64) -> Result<(), Shed> {
        if lane != Lane::Work {
            return Ok(());
        }
        let entered = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        entered.map(|_| ()).map_err(|_| Shed { retry_after: Duration::from_millis(123) })
    }

    fn again(&self, _: Lane, _: u64) {}

    fn leave(&self, lane: Lane, _: u64) {
        if lane == Lane::Work {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

#[tokio::test]
async fn what_is_turned_away_is_not_read_and_hears_when_to_come_again() {
    let host = Host::behind(Arc::new(Few(AtomicU32::new(1)))).await;
    let mut raw = Raw::connect(&host.running).await;
    let good = call("echo", "1").encode_to_vec();
    for _ in 0..5 {
        // The place is free again once an answer is there.
        assert_eq!(raw.post(CALL, framed(0, good.len(), &good)).await.grpc().0, Code::Ok);
    }
    let (send, _ended) = connection(&host, 65_535).await;
    let (held, mut body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
    body.send_data(message("wait"), true).unwrap();
    host.front.notes.wait_for("wait").await;
    let before = host.front.notes.all().len();
    // Not even a message: nothing of it is read.
    let (shed, _body) = send.clone().ready().await.unwrap().send_request(request(CALL), false).unwrap();
    let shed = shed.await.unwrap();
    let status = tonic::Status::from_header_map(shed.headers()).unwrap();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("RESOURCE_EXHAUSTED: "), "{}", status.message());
    assert_eq!(shed.headers().get("grpc-retry-pushback-ms").unwrap(), "123");
    assert_eq!(host.front.notes.all().len(), before);
    // What ends work goes on.
    let answer = raw.post("/grid.v1.GridService/CancelToolCall", framed(0, 0, b"")).await;
    assert_eq!(answer.grpc().0, Code::Ok);
    host.front.go.notify_one();
    held.await.unwrap();
}

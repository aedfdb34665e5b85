//! What is not let through, and that the connection outlives it.

use std::time::Duration;

use grid_grpc::Settings;
use grid_proto::v1;
use prost::Message as _;
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tonic::Code;

use crate::{
    callers::{call, error, result},
    doors::{Host, channel},
    raw::{Raw, framed},
    runtimes::{Line, announce},
};

const CALL: &str = "/grid.v1.GridService/CallTool";

fn small(limit: usize) -> Settings {
    Settings { max_message: limit, ..Settings::default() }
}

/// A call whose message has exactly `length` bytes.
fn of_length(name: &str, length: usize) -> v1::ToolCall {
    let mut request = call(name, "");
    for padding in 0..=length {
        request.correlation_id = "c".repeat(padding.min(100));
        request.session_id = "s".repeat(padding.saturating_sub(100));
        if request.encoded_len() == length {
            return request;
        }
    }
    panic!("no such message");
}

async fn still_works(raw: &mut Raw) {
    let good = call("echo", "1").encode_to_vec();
    let answer = raw.post(CALL, framed(0, good.len(), &good)).await;
    assert_eq!(answer.grpc().0, Code::Ok);
    assert!(v1::CallToolResponse::decode(&answer.body[5..]).is_ok());
}

#[tokio::test]
async fn a_request_may_reach_the_limit_and_not_pass_it() {
    let host = Host::start(small(1000)).await;
    let mut client = host.client().await;
    for length in [999, 1000] {
        let request = of_length("echo", length);
        client.call_tool(request).await.unwrap();
    }
    let status = client.call_tool(of_length("echo", 1001)).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let message = status.message();
    assert!(message.starts_with("MESSAGE_TOO_LARGE: "), "{message}");
    assert!(message.contains("1001") && message.contains("1000"), "{message}");
    assert_eq!(host.front.notes.all().len(), 2);
    client.call_tool(call("echo", "1")).await.unwrap();
}

#[tokio::test]
async fn an_answer_may_reach_the_limit_and_past_it_says_so_in_its_place() {
    let host = Host::start(Settings::default()).await;
    let response = host.client().await.call_tool(call("size:3000", "")).await;
    // The invocation id has a fixed length, so the size of the answer depends on the content alone.
    let length = response.unwrap().into_inner().encoded_len();
    for (limit, fits) in [(length - 1, false), (length, true), (length + 1, true)] {
        let host = Host::start(small(limit)).await;
        let response = host.client().await.call_tool(call("size:3000", "")).await;
        let response = response.unwrap().into_inner();
        if fits {
            assert_eq!(result(&response).content.unwrap().len(), 3000);
        } else {
            assert!(response.invocation_id.starts_with("i-"));
            let error = error(response);
            assert_eq!(error.r#type, "MESSAGE_TOO_LARGE");
            assert_eq!(error.correlation_id, "cor-1");
        }
    }
}

#[tokio::test]
async fn an_announced_length_over_the_limit_is_refused_before_its_bytes_come() {
    let host = Host::start(small(1000)).await;
    let mut raw = Raw::connect(&host.running).await;
    let answer = raw.post(CALL, framed(0, 4_000_000_000, b"abc")).await;
    let (code, message) = answer.grpc();
    assert_eq!(code, Code::ResourceExhausted);
    assert!(message.starts_with("MESSAGE_TOO_LARGE: "), "{message}");
    still_works(&mut raw).await;
}

#[tokio::test]
async fn bytes_that_are_no_call_are_refused_and_the_connection_lives() {
    let host = Host::start(Settings::default()).await;
    let mut raw = Raw::connect(&host.running).await;
    let good = call("echo", "1").encode_to_vec();
    let mut not_text = good.clone();
    let at = not_text.windows(3).position(|w| w == b"s-1").unwrap();
    not_text[at] = 0xff;
    let twice = [framed(0, good.len(), &good), framed(0, good.len(), &good)];
    let cases = [
        ("garbage", framed(0, 4, &[0xff, 0xff, 0xff, 0xff])),
        ("a field cut off", framed(0, good.len() - 1, &good[..good.len() - 1])),
        ("no text", framed(0, not_text.len(), &not_text)),
        ("nothing", Vec::new()),
        ("half a prefix", vec![0, 0]),
        ("less than announced", framed(0, good.len() + 1, &good)),
        ("more than announced", framed(0, good.len() - 1, &good)),
        ("two messages", twice.concat()),
        ("an unknown flag", framed(7, good.len(), &good)),
    ];
    for (name, bytes) in cases {
        let answer = raw.post(CALL, bytes).await;
        assert_eq!(answer.status, 200, "{name}");
        let (code, message) = answer.grpc();
        assert_eq!(code, Code::InvalidArgument, "{name}");
        assert!(message.starts_with("MALFORMED_REQUEST: "), "{name}: {message}");
        assert!(message.contains("check that both sides"), "{name}: {message}");
        still_works(&mut raw).await;
    }
    let answer = raw.post(CALL, framed(0, not_text.len(), &not_text)).await;
    assert!(answer.grpc().1.contains("session_id"), "the field is named");
}

#[tokio::test]
async fn a_message_may_come_in_pieces() {
    let host = Host::start(Settings::default()).await;
    let mut raw = Raw::connect(&host.running).await;
    let good = call("echo", "\"abc\"").encode_to_vec();
    let pieces = framed(0, good.len(), &good).chunks(3).map(<[u8]>::to_vec).collect();
    let answer = raw.ask(CALL, "application/grpc+proto", pieces).await;
    let response = v1::CallToolResponse::decode(&answer.body[5..]).unwrap();
    assert_eq!(result(&response).content.as_deref(), Some("\"abc\""));
}

#[tokio::test]
async fn compression_other_content_and_unknown_methods_are_turned_away() {
    let host = Host::start(Settings::default()).await;
    let mut raw = Raw::connect(&host.running).await;
    let good = call("echo", "1").encode_to_vec();
    let answer = raw.post(CALL, framed(1, good.len(), &good)).await;
    assert_eq!(answer.grpc().0, Code::Unimplemented);
    assert!(answer.grpc().1.contains("`grpc-encoding`"));
    for path in [
        "/grid.v1.GridService/Nothing",
        "/grid.v1.RuntimeService/Nothing",
        "/grid.v1.AdminService/GetStatus",
        "/nothing/Nothing",
        "/",
    ] {
        let answer = raw.post(path, framed(0, 0, b"")).await;
        assert_eq!(answer.grpc().0, Code::Unimplemented, "{path}");
        assert!(answer.grpc().1.starts_with("FEATURE_UNAVAILABLE: "), "{path}");
    }
    let answer = raw.ask(CALL, "application/json", vec![Vec::new()]).await;
    assert_eq!(answer.status, 415);
    still_works(&mut raw).await;
}

#[tokio::test]
async fn a_message_that_does_not_come_is_not_waited_for_long() {
    let host = Host::start(Settings { message_timeout: Duration::from_millis(100), ..Settings::default() }).await;
    let (send, connection) = {
        let stream = TcpStream::connect(host.running.address()).await.unwrap();
        h2::client::handshake(stream).await.unwrap()
    };
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(connection);
    let request =
        http::Request::post(format!("http://host{CALL}")).header("content-type", "application/grpc").body(()).unwrap();
    let mut send = send.ready().await.unwrap();
    let (response, mut stream) = send.send_request(request, false).unwrap();
    stream.send_data(bytes::Bytes::from_static(b"\0\0"), false).unwrap();
    let before = tokio::time::Instant::now();
    let response = response.await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(100));
    let status = tonic::Status::from_header_map(response.headers()).unwrap();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert!(status.message().starts_with("NETWORK_TIMEOUT: "));
}

#[tokio::test]
async fn a_runtimes_frame_over_the_limit_is_told_to_its_port_and_its_stream_goes_on() {
    let host = Host::start(small(1000)).await;
    let mut line = Line::attached(&host).await;
    let content = Some("x".repeat(100_000));
    let result = grid_proto::adm::ToolResult { content, ..Default::default() };
    let result = v1::ToolResult { invocation_id: "i-1".to_owned(), result: Some(result), ..Default::default() };
    let long = v1::RuntimeFrame { frame: Some(v1::runtime_frame::Frame::Result(result)) };
    let found = long.encoded_len();
    line.up.send(long).await.unwrap();
    let beat = v1::Heartbeat { sequence: 7, ..Default::default() };
    line.up.send(v1::RuntimeFrame { frame: Some(v1::runtime_frame::Frame::Heartbeat(beat)) }).await.unwrap();
    assert!(matches!(line.next().await, Some(v1::host_frame::Frame::HeartbeatAck(ack)) if ack.sequence == 7));
    let told =
        format!("Oversized(OversizedFrame {{ invocation_id: \"i-1\", part: false, found: {found}, limit: 1000 }})");
    assert!(host.runtimes.notes.holds(&told), "{:?}", host.runtimes.notes.all());
    assert!(!host.runtimes.notes.holds("detached"));
    // Before its announcement a runtime is nobody whose calls would be lost.
    let mut second = Line::open(&host).await;
    let mut long = announce("rt");
    if let Some(v1::runtime_frame::Frame::Announce(announce)) = &mut long.frame {
        announce.language = "x".repeat(1001);
    }
    second.up.send(long).await.unwrap();
    let Some(v1::host_frame::Frame::Announced(answer)) = second.next().await else {
        panic!("no answer");
    };
    assert_eq!(answer.error.unwrap().r#type, "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn a_runtimes_bytes_that_are_no_frame_end_its_attachment_with_a_word() {
    let host = Host::start(Settings::default()).await;
    let mut raw = Raw::connect(&host.running).await;
    let hello = announce("rt").encode_to_vec();
    let pieces = vec![framed(0, hello.len(), &hello), framed(0, 2, &[0xff, 0xff])];
    let path = "/grid.v1.RuntimeService/Attach";
    let answer = raw.ask(path, "application/grpc", pieces).await;
    assert_eq!(answer.grpc().0, Code::Ok);
    let told = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(told.contains("SERIALIZATION_ERROR"), "{told}");
    assert!(!told.contains("Protobuf"), "tonic's words stay here: {told}");
    assert!(host.runtimes.notes.holds("detached"));
    still_works(&mut raw).await;
}

#[tokio::test]
async fn an_address_gets_so_many_connections_and_a_closed_one_makes_room() {
    let settings = Settings { max_connections_per_peer: 2, ..Settings::default() };
    let host = Host::start(settings).await;
    let mut one = Raw::connect(&host.running).await;
    let two = Raw::connect(&host.running).await;
    still_works(&mut one).await;
    let mut third = TcpStream::connect(host.running.address()).await.unwrap();
    // Closed without a word: end of file, or a reset.
    let read = third.read(&mut [0; 16]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    drop(two);
    let again = async {
        loop {
            let mut stream = TcpStream::connect(host.running.address()).await.unwrap();
            // A connection that is kept begins with the host's settings.
            if matches!(stream.read(&mut [0; 16]).await, Ok(read) if read > 0) {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again).await.unwrap();
    still_works(&mut one).await;
}

#[tokio::test]
async fn a_connection_that_asks_nothing_is_closed_and_one_that_asked_is_not() {
    let settings = Settings { first_request_timeout: Duration::from_millis(100), ..Settings::default() };
    let host = Host::start(settings).await;
    let mut used = Raw::connect(&host.running).await;
    still_works(&mut used).await;
    let before = tokio::time::Instant::now();
    let mut silent = TcpStream::connect(host.running.address()).await.unwrap();
    let mut bytes = Vec::new();
    let _ = silent.read_to_end(&mut bytes).await;
    assert!(before.elapsed() >= Duration::from_millis(100));
    still_works(&mut used).await;
}

#[tokio::test]
async fn a_waiting_call_does_not_hold_up_the_others() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let mut waiting = client.clone();
    let tasks = tokio_util::task::TaskTracker::new();
    let wait = tasks.spawn(async move { waiting.call_tool(call("wait", "")).await });
    host.front.notes.wait_for("wait").await;
    client.call_tool(call("echo", "1")).await.unwrap();
    host.front.go.notify_one();
    let response = wait.await.unwrap().unwrap().into_inner();
    assert_eq!(result(&response).content.as_deref(), Some("\"waited\""));
}

#[tokio::test]
async fn every_method_of_the_descriptors_is_served() {
    let host = Host::start(Settings::default()).await;
    let _channel = channel(&host.running).await;
    let mut raw = Raw::connect(&host.running).await;
    let set = prost_types::FileDescriptorSet::decode(grid_proto::DESCRIPTORS).unwrap();
    let mut tried = 0;
    for service in set.file.iter().flat_map(|file| &file.service) {
        if service.name() != "GridService" {
            continue;
        }
        for method in &service.method {
            let path = format!("/grid.v1.GridService/{}", method.name());
            let answer = raw.post(&path, framed(0, 0, b"")).await;
            assert_eq!(answer.grpc().0, Code::Ok, "{path}");
            tried += 1;
        }
    }
    assert_eq!(tried, 12);
}

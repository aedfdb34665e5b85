//! Health, reflection, and how a port stops.

use std::time::Duration;

use grid_core::frame::HostFrame;
use grid_grpc::{Settings, Stopped};
use grid_proto::v1::RuntimeFrame;
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};
use tonic_reflection::pb::{
    v1::{
        ServerReflectionRequest, server_reflection_client::ServerReflectionClient,
        server_reflection_request::MessageRequest, server_reflection_response::MessageResponse,
    },
    v1alpha,
};

use crate::{callers::call, doors::Host, runtimes::Line};

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_says_what_the_handle_says_for_the_port_and_each_service() {
    let host = Host::start(Settings::default()).await;
    let mut client = HealthClient::new(host.channel().await);
    for (serving, want) in [
        (None, ServingStatus::NotServing),
        (Some(true), ServingStatus::Serving),
        (Some(false), ServingStatus::NotServing),
    ] {
        if let Some(serving) = serving {
            host.running.health().set(serving).await;
        }
        for service in ["", "grid.v1.GridService", "grid.v1.RuntimeService"] {
            let answer = client.check(about(service)).await.unwrap().into_inner();
            assert_eq!(answer.status(), want, "{service}");
        }
    }
    let unknown = client.check(about("nobody")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
}

#[tokio::test]
async fn reflection_lists_the_services_and_knows_their_messages() {
    let host = Host::start(Settings::default()).await;
    let mut client = ServerReflectionClient::new(host.channel().await);
    let ask = |message| ServerReflectionRequest { host: String::new(), message_request: Some(message) };
    let requests = tokio_stream::iter([
        ask(MessageRequest::ListServices(String::new())),
        ask(MessageRequest::FileContainingSymbol("grid.v1.GridService".to_owned())),
        ask(MessageRequest::FileContainingSymbol("grid.adm.v1.FunctionCall".to_owned())),
    ]);
    let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
    let mut next = async || answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(list)) = next().await else {
        panic!("no list");
    };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grid.v1.GridService",
            "grid.v1.RuntimeService",
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
        ]
    );
    for _ in 0..2 {
        let answer = next().await;
        assert!(matches!(&answer, Some(MessageResponse::FileDescriptorResponse(_))), "{answer:?}");
    }
    let mut old = v1alpha::server_reflection_client::ServerReflectionClient::new(host.channel().await);
    let request = v1alpha::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(v1alpha::server_reflection_request::MessageRequest::ListServices(String::new())),
    };
    let answers = old.server_reflection_info(tokio_stream::iter([request])).await;
    assert!(answers.unwrap().into_inner().message().await.unwrap().is_some());
}

#[tokio::test]
async fn a_stopping_port_finishes_what_it_has_and_takes_nothing_new() {
    let host = Host::start(Settings::default()).await;
    let address = host.running.address();
    let mut client = host.client().await;
    let watcher = HealthClient::new(host.channel().await).watch(about("")).await.unwrap();
    let tasks = TaskTracker::new();
    let waiting = tasks.spawn(async move { client.call_tool(call("wait", "")).await });
    host.front.notes.wait_for("wait").await;
    let front = host.front.clone();
    let stopping = tasks.spawn(host.running.shutdown(Duration::from_secs(20)));
    // The listener is closed by the loop that owned it.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!stopping.is_finished());
    front.go.notify_one();
    waiting.await.unwrap().unwrap();
    assert_eq!(stopping.await.unwrap(), Stopped::Drained);
    let mut watcher = watcher.into_inner();
    let last = loop {
        match watcher.message().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(last.unwrap_err().code(), tonic::Code::Unavailable);
}

#[tokio::test]
async fn what_does_not_finish_within_the_grace_is_cut() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let tasks = TaskTracker::new();
    let waiting = tasks.spawn(async move { client.call_tool(call("wait", "")).await });
    host.front.notes.wait_for("wait").await;
    let before = tokio::time::Instant::now();
    let stopped = host.running.shutdown(Duration::from_millis(100)).await;
    assert!(matches!(stopped, Stopped::Cut(left) if left > 0), "{stopped:?}");
    assert!(before.elapsed() >= Duration::from_millis(100));
    assert!(waiting.await.unwrap().is_err());
}

#[tokio::test]
async fn an_attached_runtime_is_detached_when_the_port_is_cut() {
    let host = Host::start(Settings::default()).await;
    let _line = Line::attached(&host).await;
    let stopped = host.running.shutdown(Duration::from_millis(100)).await;
    assert!(matches!(stopped, Stopped::Cut(_)));
    assert!(host.runtimes.notes.holds("detached"));
}

#[tokio::test]
async fn a_handle_that_is_dropped_takes_the_port_along() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    client.call_tool(call("echo", "1")).await.unwrap();
    let address = host.running.address();
    drop(host.running);
    let gone = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.unwrap();
}

#[tokio::test]
async fn a_runtime_that_reads_nothing_loses_its_connection() {
    let settings = Settings { stall_timeout: Duration::from_millis(100), ..Settings::default() };
    let host = Host::start(settings).await;
    let line = Line::attached(&host).await;
    let send = host.runtimes.line();
    // More than the client's window and its buffers take, as long as nobody reads.
    for _ in 0..200 {
        let bye = HostFrame::Bye { reason: "x".repeat(100_000) };
        let _ = send.try_send(bye);
    }
    let before = tokio::time::Instant::now();
    host.runtimes.end.cancel();
    line.up.closed().await;
    assert!(before.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn a_runtime_that_sends_and_never_reads_is_detached_and_loses_its_connection() {
    let settings = Settings { stall_timeout: Duration::from_millis(100), ..Settings::default() };
    let host = Host::start(settings).await;
    let line = Line::attached(&host).await;
    // Each of these is answered, until the answers have nowhere to go.
    let flood = async { while line.up.send(RuntimeFrame::default()).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), flood).await.expect("the stream ends");
    host.runtimes.notes.wait_for("does not read").await;
}

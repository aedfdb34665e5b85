//! The stream between host and runtime.

use std::time::Duration;

use grid_core::{
    Code, Refusal, Stage,
    frame::{BatchAnswer, CallFrame, HostFrame},
    id::{CallId, InvocationId, SessionId},
};
use grid_grpc::Settings;
use grid_proto::{
    adm,
    v1::{self, host_frame::Frame as Out, runtime_frame::Frame as In},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Streaming};

use crate::doors::{Host, correlation};

fn frame(frame: In) -> v1::RuntimeFrame {
    v1::RuntimeFrame { frame: Some(frame) }
}

pub fn announce(id: &str) -> v1::RuntimeFrame {
    frame(In::Announce(Box::new(v1::AnnounceRuntime {
        runtime_id: id.to_owned(),
        language: "rust".to_owned(),
        compliance_level: 1,
        optional_features: vec!["streaming".to_owned()],
        protocol_version: "1.1".to_owned(),
        supported_versions: vec!["1.0".to_owned()],
        correlation_id: "c-a".to_owned(),
        ..v1::AnnounceRuntime::default()
    })))
}

pub struct Line {
    pub up: mpsc::Sender<v1::RuntimeFrame>,
    pub down: Streaming<v1::HostFrame>,
}

impl Line {
    pub async fn open(host: &Host) -> Self {
        let (up, frames) = mpsc::channel(64);
        let mut request = Request::new(ReceiverStream::new(frames));
        request.metadata_mut().insert("authorization", "bearer tok".parse().unwrap());
        let down = host.runtime().await.attach(request).await.unwrap();
        Self { up, down: down.into_inner() }
    }

    pub async fn attached(host: &Host) -> Self {
        let mut line = Self::open(host).await;
        line.up.send(announce("rt")).await.unwrap();
        assert!(matches!(line.next().await, Some(Out::Announced(_))));
        line
    }

    pub async fn next(&mut self) -> Option<Out> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.down.message());
        next.await.unwrap().unwrap().map(|f| f.frame.unwrap())
    }

    async fn send(&self, frame: In) {
        let frame = v1::RuntimeFrame { frame: Some(frame) };
        self.up.send(frame).await.unwrap();
    }
}

fn a_call(args: String) -> HostFrame {
    HostFrame::Call(Box::new(CallFrame {
        streaming: false,
        invocation_id: InvocationId::mint(),
        correlation_id: correlation("c"),
        session_id: SessionId::mint(),
        call_id: CallId::parse("call-1").unwrap(),
        name: "add".into(),
        args,
        deadline_unix_ms: 9,
        trace: None,
    }))
}

#[tokio::test]
async fn an_announcement_is_answered_by_the_first_frame() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::open(&host).await;
    line.up.send(announce("rt")).await.unwrap();
    let Some(Out::Announced(answer)) = line.next().await else {
        panic!("no answer");
    };
    assert_eq!(answer.error, None);
    assert_eq!(answer.negotiated_level, 1);
    assert_eq!(answer.enabled_features, ["streaming"]);
    assert_eq!(answer.available_contracts, ["add"]);
    assert_eq!(answer.correlation_id, "c-a");
    assert_eq!((&*answer.mode, answer.heartbeat_interval_ms), ("strict", 10_000));
    for part in ["bearer=Some(\\\"tok\\\") loopback=true", "level: 2", "versions: [\"1.0\", \"1.1\"]"] {
        assert!(host.runtimes.notes.holds(part), "{part} {:?}", host.runtimes.notes.all());
    }
}

#[tokio::test]
async fn a_refused_announcement_is_answered_with_the_error_and_the_stream_ends() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::open(&host).await;
    line.up.send(announce("refused")).await.unwrap();
    let Some(Out::Announced(answer)) = line.next().await else {
        panic!("no answer");
    };
    assert_eq!(answer.correlation_id, "c-a");
    let error = answer.error.unwrap();
    assert_eq!(error.r#type, "PERMISSION_DENIED");
    assert!(!format!("{error:?}").contains("internal"));
    assert!(line.next().await.is_none());
}

#[tokio::test]
async fn a_first_frame_that_is_no_announcement_ends_the_stream() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::open(&host).await;
    line.send(In::Heartbeat(v1::Heartbeat::default())).await;
    let Some(Out::Announced(answer)) = line.next().await else {
        panic!("no answer");
    };
    let error = answer.error.unwrap();
    assert_eq!(error.r#type, "PROTOCOL_VIOLATION");
    assert!(error.message.contains("`announce`"));
    assert!(line.next().await.is_none());
    assert!(host.runtimes.notes.holds("unannounced"));
    assert!(!host.runtimes.notes.holds("detached"));
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_announces_nothing_is_let_go_in_time() {
    let host = Host::start(Settings::default()).await;
    let before = tokio::time::Instant::now();
    let mut line = Line::open(&host).await;
    let Some(Out::Announced(answer)) = line.next().await else {
        panic!("no answer");
    };
    assert_eq!(answer.error.unwrap().r#type, "NETWORK_TIMEOUT");
    assert!(line.next().await.is_none());
    let waited = before.elapsed();
    assert!(waited >= Duration::from_secs(5), "{waited:?}");
    assert!(waited < Duration::from_secs(6), "{waited:?}");
    assert!(host.runtimes.notes.holds("unannounced"));
}

#[tokio::test]
async fn a_stream_that_ends_before_it_announces_is_recorded() {
    let host = Host::start(Settings::default()).await;
    let line = Line::open(&host).await;
    drop(line);
    host.runtimes.notes.wait_for("unannounced").await;
    host.runtimes.notes.wait_for("CONNECTION_FAILED").await;
}

#[tokio::test]
async fn every_frame_of_a_runtime_reaches_the_port() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    let notes = &host.runtimes.notes;
    line.send(In::Fulfil(v1::FulfillTools { tool_names: vec!["math".to_owned()], ..v1::FulfillTools::default() }))
        .await;
    let function = adm::FunctionDeclaration { name: "mul".to_owned(), ..adm::FunctionDeclaration::default() };
    line.send(In::Register(v1::RegisterToolsRequest {
        tools: vec![adm::Tool { function_declarations: vec![function] }],
        ..v1::RegisterToolsRequest::default()
    }))
    .await;
    line.send(In::Drain(v1::Drain { reason: "tired".to_owned(), grace_ms: 0 })).await;
    line.send(In::Error(Box::new(v1::ProtocolError {
        error: Some(v1::EnhancedError {
            message: "what\nis this".to_owned(),
            r#type: "X".to_owned(),
            ..v1::EnhancedError::default()
        }),
        ..v1::ProtocolError::default()
    })))
    .await;
    line.send(In::Result(v1::ToolResult {
        invocation_id: "i-1".to_owned(),
        correlation_id: "c".to_owned(),
        result: Some(adm::ToolResult {
            call_id: "call-1".to_owned(),
            name: "add".to_owned(),
            status: adm::ToolResultStatus::Success.into(),
            content: Some("5".to_owned()),
            error: None,
        }),
    }))
    .await;
    line.send(In::Log(v1::RuntimeLog::default())).await;
    line.send(In::Heartbeat(v1::Heartbeat { sequence: 4, ..v1::Heartbeat::default() })).await;
    assert!(matches!(line.next().await, Some(Out::HeartbeatAck(ack)) if ack.sequence == 4));
    for part in [
        "names: [\"math\"]",
        "name: \"mul\"",
        "Drain { reason: \"tired\" }",
        "X: what\\\\nis this",
        "answer: Ok(Success(\"5\"))",
    ] {
        assert!(notes.holds(part), "{part} {:#?}", notes.all());
    }
    line.send(In::Bye(v1::Bye { reason: "done".to_owned() })).await;
    notes.wait_for("Bye { reason: \"done\" }").await;
}

#[tokio::test]
async fn what_a_runtime_asks_for_on_its_stream_goes_through_with_all_its_fields() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    line.send(In::ValidateFeatures(v1::ValidateFeatures { enabled_features: names(&["a", "b"]) })).await;
    let Some(Out::Validated(validated)) = line.next().await else { panic!("no answer") };
    let want = (names(&["a", "b"]), names(&["off"]), names(&["careful"]));
    assert_eq!((validated.confirmed_features, validated.disabled_features, validated.warnings), want);
    use v1::capability_update_response::Status;
    for (new, old, status) in
        [(&["a"][..], &[][..], Status::Accepted), (&["a"], &["b"], Status::Partial), (&[], &["b"], Status::Rejected)]
    {
        let update = v1::CapabilityUpdate {
            runtime_id: "rt".to_owned(),
            new_features: names(new),
            deprecated_features: names(old),
            reason: "because".to_owned(),
            effective_timestamp: 7,
        };
        line.send(In::CapabilityUpdate(update)).await;
        let Some(Out::CapabilityUpdated(updated)) = line.next().await else { panic!("no answer") };
        assert_eq!((updated.status.is_some(), updated.status()), (true, status));
        assert_eq!((updated.accepted_features, updated.rejected_features), (names(new), names(old)));
        assert_eq!(updated.errors.len(), old.len());
    }
    for part in [r#"runtime_id: "rt""#, r#"reason: "because""#, "from_ms: 7"] {
        assert!(host.runtimes.notes.holds(part), "{part}");
    }
    let call = v1::ToolCall {
        call: Some(adm::FunctionCall { call_id: "k".to_owned(), name: "add".to_owned(), args: "{}".to_owned() }),
        parent_invocation_id: "i-7".to_owned(),
        deadline_unix_ms: 9,
        ..v1::ToolCall::default()
    };
    line.send(In::Call(call)).await;
    let Some(Out::Answer(answer)) = line.next().await else { panic!("no answer") };
    assert_eq!((&*answer.call_id, &*answer.parent_invocation_id), ("k", "i-7"));
    let Some(v1::call_tool_response::Outcome::Error(error)) = answer.outcome else { panic!("no refusal") };
    assert_eq!(error.r#type, "PERMISSION_DENIED");
    // Without its call it is a call with empty fields, for the door to refuse.
    line.send(In::Call(v1::ToolCall { parent_invocation_id: "i-8".to_owned(), ..v1::ToolCall::default() })).await;
    let Some(Out::Answer(answer)) = line.next().await else { panic!("no answer") };
    assert_eq!((&*answer.call_id, &*answer.parent_invocation_id), ("", "i-8"));
    let cancel = v1::CancelToolCall {
        call_id: "k".to_owned(),
        parent_invocation_id: "i-7".to_owned(),
        reason: "enough".to_owned(),
        ..v1::CancelToolCall::default()
    };
    line.send(In::CancelCall(cancel)).await;
    line.send(In::Heartbeat(v1::Heartbeat::default())).await;
    assert!(matches!(line.next().await, Some(Out::HeartbeatAck(_))));
    for part in [r#"parent: "i-7""#, r#"reason: "enough""#] {
        assert!(host.runtimes.notes.holds(part), "{part}");
    }
}

#[tokio::test]
async fn a_frame_that_the_host_does_not_know_is_answered_and_the_stream_lives() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    line.up.send(v1::RuntimeFrame { frame: None }).await.unwrap();
    let Some(Out::Error(fault)) = line.next().await else { panic!("no error frame") };
    let message = fault.error.unwrap().message;
    assert!(message.contains("`unknown frame`"), "{message}");
    line.send(In::Heartbeat(v1::Heartbeat::default())).await;
    assert!(matches!(line.next().await, Some(Out::HeartbeatAck(_))));
}

#[tokio::test]
async fn every_frame_of_the_host_reaches_the_runtime() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    let send = host.runtimes.line();
    let batch = |accepted: &[&str], rejected: &[&str]| {
        let refusal = Refusal::new(Code::UnsupportedTool, Stage::Contract, "no such; check it");
        Box::new(BatchAnswer {
            accepted: accepted.iter().map(|&name| name.to_owned()).collect(),
            rejected: rejected.iter().map(|&name| (name.to_owned(), refusal.clone())).collect(),
            session_id: "s-1".to_owned(),
            correlation_id: correlation("c"),
        })
    };
    send.send(a_call("{\"a\":2}".to_owned())).await.unwrap();
    let Some(Out::Call(call)) = line.next().await else {
        panic!("no call");
    };
    assert!(call.invocation_id.starts_with("i-") && call.session_id.starts_with("s-"));
    assert_eq!((&*call.correlation_id, call.deadline_unix_ms), ("c", 9));
    let function = call.call.unwrap();
    assert_eq!((&*function.call_id, &*function.name, &*function.args), ("call-1", "add", "{\"a\":2}"));
    send.send(HostFrame::Fulfilled(batch(&["a"], &["b"]))).await.unwrap();
    let Some(Out::Fulfilled(answer)) = line.next().await else {
        panic!("no answer");
    };
    use v1::{fulfill_tools_response::Status as F, register_tools_response::Status as R};
    assert_eq!(answer.status, Some(F::PartialSuccess.into()));
    assert_eq!((answer.fulfilled_tools, answer.rejected_tools), (vec!["a".to_owned()], vec!["b".to_owned()]));
    assert_eq!(answer.errors[0].details["tool_name"], "b");
    for (accepted, rejected, want) in
        [(&["a"][..], &[][..], R::Success), (&[], &["b"], R::Failure), (&[], &[], R::Failure)]
    {
        send.send(HostFrame::Registered(batch(accepted, rejected))).await.unwrap();
        let Some(Out::Registered(answer)) = line.next().await else {
            panic!("no answer");
        };
        assert_eq!(answer.status, Some(want.into()));
    }
    let cancel = HostFrame::Cancel { invocation_id: InvocationId::mint(), reason: "late".to_owned() };
    send.send(cancel).await.unwrap();
    assert!(matches!(line.next().await, Some(Out::Cancel(cancel)) if cancel.reason == "late"));
    let drain = HostFrame::Drain { reason: "stop".to_owned(), grace_ms: 8 };
    send.send(drain).await.unwrap();
    assert!(matches!(line.next().await, Some(Out::Drain(drain)) if drain.grace_ms == 8));
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    let send = host.runtimes.line();
    for n in 0..1000 {
        send.try_send(a_call(n.to_string())).unwrap();
    }
    for n in 0..1000 {
        let Some(Out::Call(call)) = line.next().await else {
            panic!("no call");
        };
        assert_eq!(call.call.unwrap().args, n.to_string());
    }
}

#[tokio::test]
async fn a_call_that_no_message_can_hold_comes_back_and_the_stream_lives() {
    let settings = Settings { max_message: 4096, ..Settings::default() };
    let host = Host::start(settings).await;
    let mut line = Line::attached(&host).await;
    let send = host.runtimes.line();
    send.send(a_call("x".repeat(4096))).await.unwrap();
    send.send(a_call("y".repeat(3000))).await.unwrap();
    assert!(matches!(line.next().await, Some(Out::Call(call)) if call.call.clone().unwrap().args.starts_with('y')));
    host.runtimes.notes.wait_for("was not sent, because its frame is over the limit").await;
}

#[tokio::test]
async fn a_runtime_that_closes_its_stream_is_detached() {
    let host = Host::start(Settings::default()).await;
    let Line { up, mut down } = Line::attached(&host).await;
    drop(up);
    host.runtimes.notes.wait_for("the runtime closed its stream").await;
    assert!(down.message().await.unwrap().is_none());
}

#[tokio::test]
async fn a_runtime_that_vanishes_is_detached_once() {
    let host = Host::start(Settings::default()).await;
    let line = Line::attached(&host).await;
    drop(line);
    host.runtimes.notes.wait_for("detached").await;
    let detached = |note: &&String| note.contains("detached");
    assert_eq!(host.runtimes.notes.all().iter().filter(detached).count(), 1);
}

#[tokio::test]
async fn when_the_host_ends_an_attachment_the_last_frames_are_sent_and_the_stream_closes() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    let bye = HostFrame::Bye { reason: "moved".to_owned() };
    host.runtimes.line().send(bye).await.unwrap();
    host.runtimes.end.cancel();
    assert!(matches!(line.next().await, Some(Out::Bye(bye)) if bye.reason == "moved"));
    assert!(line.next().await.is_none());
    assert!(host.runtimes.notes.holds("the host ended the attachment"));
}

#[tokio::test]
async fn when_the_host_lets_go_of_the_line_the_stream_ends_and_the_port_is_given_back() {
    let host = Host::start(Settings::default()).await;
    let mut line = Line::attached(&host).await;
    line.send(In::Drain(v1::Drain { reason: "let go".to_owned(), grace_ms: 0 })).await;
    drop(host.runtimes.line.lock().unwrap().take());
    assert!(line.next().await.is_none());
    host.runtimes.notes.wait_for("detached").await;
}

//! What runtimes may do by mistake or on purpose. The caller gets an answer, the log has it, and the host goes on.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
};

use grid_proto::{
    adm,
    v1::{self, host_frame::Frame as Heard, runtime_frame::Frame as Said},
};
use prost::Message as _;
use tokio::task::JoinSet;

use crate::common::{
    Caller, Host, Peer, Setup, announcement, answer, answered, check_log, content, error_of, kind, refusal, serve,
    soon, text,
};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

/// A host whose breakers keep nobody away from a runtime that does wrong again and again.
async fn unguarded() -> Host {
    Setup::strict().set("breaker.enabled=false").start().await
}

/// A call on a task of its own, and the frame with which it reaches the runtime.
async fn begun(
    caller: &Caller,
    peer: &mut Peer,
    tool: &str,
    args: &str,
) -> (JoinSet<v1::CallToolResponse>, v1::ToolCall) {
    let mut waiting = JoinSet::new();
    let (caller, tool, args) = (caller.clone(), tool.to_owned(), args.to_owned());
    waiting.spawn(async move { caller.call(&tool, &args).await });
    let call = peer.called().await;
    (waiting, call)
}

async fn ended(mut waiting: JoinSet<v1::CallToolResponse>) -> v1::CallToolResponse {
    soon("the caller is answered", waiting.join_next()).await.unwrap().unwrap()
}

/// One good call through this runtime.
async fn still_serves(caller: &Caller, peer: &mut Peer) {
    let (waiting, call) = begun(caller, peer, "add", SUM).await;
    peer.say(Said::Result(answered(&call))).await;
    assert_eq!(content(&ended(waiting).await), "42");
}

#[tokio::test]
async fn a_second_runtime_with_the_same_id_is_refused_and_the_first_goes_on() {
    let host = Host::strict().await;
    let mut first = Peer::serving(&host, "calc", &["add"]).await;
    let mut second = Peer::open(&host, &host.runtime_token("calc")).await;
    let error = second.announce(announcement("calc")).await.error.unwrap();
    assert_eq!(error.r#type, "POLICY_VIOLATION");
    assert!(error.message.contains("calc/2"), "{}", error.message);
    second.end().await.unwrap();
    let caller = host.caller().await;
    still_serves(&caller, &mut first).await;
    let refused = host.records("refused");
    assert_eq!((text(&refused[0], "code"), text(&refused[0], "runtime")), ("POLICY_VIOLATION", "calc"));
    // Once the first has left, its id is free.
    drop(first);
    host.record("the first has left", |record| kind(record) == "runtime_detached").await;
    let mut third = Peer::serving(&host, "calc", &["add"]).await;
    still_serves(&caller, &mut third).await;
}

#[tokio::test]
async fn a_runtime_is_whom_its_token_names_and_nobody_else() {
    let host = Host::strict().await;
    let announces = [
        (host.runtime_token("calc"), "other", "PERMISSION_DENIED"),
        (host.runtime_token("calc"), "calculator", "PERMISSION_DENIED"),
        (host.runtime_token("calc"), "", "MALFORMED_REQUEST"),
        (host.token("alice", "acme", &["caller"]), "alice", "PERMISSION_DENIED"),
        (String::new(), "calc", "INVALID_CREDENTIALS"),
        ("garbage".to_owned(), "calc", "INVALID_CREDENTIALS"),
    ];
    for (token, id, code) in announces {
        let mut peer = Peer::open(&host, &token).await;
        let answer = peer.announce(announcement(id)).await;
        assert_eq!(answer.connection_id, "");
        assert_eq!(answer.error.unwrap().r#type, code, "`{id}`");
        peer.end().await.unwrap();
    }
    assert_eq!(host.metric("grid_runtimes").await, 0);
    let mut replica = Peer::serving(&host, "calc/2", &["add"]).await;
    still_serves(&host.caller().await, &mut replica).await;
}

#[tokio::test]
async fn a_provider_fulfils_only_contracts_that_name_it() {
    let mut manifest = crate::common::manifest();
    manifest["contracts"][1]["providers"] = serde_json::json!(["bank"]);
    let host = Setup::strict().manifest(Some(manifest)).start().await;
    let mut peer = Peer::announced(&host, "calc").await;
    let answer = peer.fulfil(&["add", "open_vault", "no_such_tool"]).await;
    assert_eq!(answer.status(), v1::fulfill_tools_response::Status::PartialSuccess);
    assert_eq!(answer.fulfilled_tools, ["add"]);
    assert_eq!(answer.rejected_tools, ["open_vault", "no_such_tool"]);
    let codes: Vec<&str> = answer.errors.iter().map(|error| error.r#type.as_str()).collect();
    assert_eq!(codes, ["POLICY_VIOLATION", "UNSUPPORTED_TOOL"]);
    let nothing = peer.fulfil(&["no_such_tool"]).await;
    assert_eq!(nothing.status, Some(v1::fulfill_tools_response::Status::Failure.into()));
    let none = peer.fulfil(&[]).await;
    assert_eq!(none.status, Some(v1::fulfill_tools_response::Status::Failure.into()), "nothing is no success");
    peer.lives().await;
    assert_eq!(host.records("fulfilled").len(), 3);
    // A contract by its name is all of its functions.
    let all = peer.fulfil(&["calculator"]).await;
    assert_eq!(all.fulfilled_tools.len(), 7, "{all:?}");
}

#[tokio::test]
async fn results_that_nobody_asked_for_are_told_recorded_and_delivered_to_nobody() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["hang"]).await;
    let mut thief = Peer::serving(&host, "thief", &["add"]).await;
    let (waiting, call) = begun(&caller, &mut peer, "hang", "{}").await;
    // For a call of another runtime, for one that never was, for no id at all.
    let foreign = answer(&call, "\"stolen\"");
    let mut unknown = foreign.clone();
    unknown.invocation_id = format!("i-{}", "a".repeat(32));
    let mut nameless = foreign.clone();
    nameless.invocation_id = "nothing".to_owned();
    for result in [foreign, unknown, nameless, v1::ToolResult::default()] {
        thief.say(Said::Result(result)).await;
        assert_eq!(error_of(&thief.told().await).r#type, "PROTOCOL_VIOLATION");
    }
    thief.lives().await;
    peer.say(Said::Result(answer(&call, "\"mine\""))).await;
    assert_eq!(content(&ended(waiting).await), "\"mine\"");
    let violations = host.records("violation");
    assert_eq!(violations.len(), 4);
    assert!(violations.iter().all(|record| text(record, "runtime") == "thief"));
    still_serves(&caller, &mut thief).await;
    // The same answer again comes too late, and that is no fault.
    peer.say(Said::Result(answer(&call, "\"again\""))).await;
    peer.lives().await;
    host.record("the late result", |record| kind(record) == "late_result").await;
    check_log(&host.audit());
}

#[tokio::test]
async fn a_result_that_is_not_the_calls_own_is_a_violation_for_both_sides() {
    type Spoil = fn(&mut v1::ToolResult);
    let spoils: [(&str, Spoil); 9] = [
        ("another call_id", |result| result.result.as_mut().unwrap().call_id = "call-x".to_owned()),
        ("another name", |result| result.result.as_mut().unwrap().name = "echo".to_owned()),
        ("no result", |result| result.result = None),
        ("neither content nor error", |result| result.result.as_mut().unwrap().content = None),
        ("both", |result| {
            let error = adm::ErrorObject { message: "m".to_owned(), r#type: "T".to_owned() };
            result.result.as_mut().unwrap().error = Some(error);
        }),
        ("no status", |result| result.result.as_mut().unwrap().status = 0),
        ("a status of nobody", |result| result.result.as_mut().unwrap().status = 99),
        ("an error without a word", |result| {
            let result = result.result.as_mut().unwrap();
            result.status = adm::ToolResultStatus::Error.into();
            result.error = None;
        }),
        ("an error with content", |result| {
            result.result.as_mut().unwrap().status = adm::ToolResultStatus::Error.into();
        }),
    ];
    let host = unguarded().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    for (what, spoil) in spoils {
        let (waiting, call) = begun(&caller, &mut peer, "add", SUM).await;
        let mut result = answered(&call);
        spoil(&mut result);
        peer.say(Said::Result(result)).await;
        let told = peer.told().await;
        assert_eq!(error_of(&told).r#type, "PROTOCOL_VIOLATION", "{what}");
        assert_eq!(told.invocation_id, call.invocation_id, "{what}");
        assert_eq!(refusal(&ended(waiting).await).r#type, "PROTOCOL_VIOLATION", "{what}");
        still_serves(&caller, &mut peer).await;
    }
    assert_eq!(host.records("violation").len(), spoils.len());
    check_log(&host.audit());
}

#[tokio::test]
async fn content_that_is_not_strict_json_never_reaches_a_caller() {
    let host = unguarded().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let deep = "[".repeat(65) + &"]".repeat(65);
    for bad in ["", "42 43", "{", "NaN", r#"{"a": 1, "a": 2}"#, r#""\ud800""#, "1e400", &deep] {
        let (waiting, call) = begun(&caller, &mut peer, "add", SUM).await;
        peer.say(Said::Result(answer(&call, bad))).await;
        assert_eq!(refusal(&ended(waiting).await).r#type, "PROTOCOL_VIOLATION", "{bad}");
    }
    still_serves(&caller, &mut peer).await;
}

#[tokio::test]
async fn an_answer_at_the_limit_passes_and_a_larger_one_is_refused_with_its_ids() {
    let host = Setup::strict().set("server.max_message=64KiB").start().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let (waiting, call) = begun(&caller, &mut peer, "add", SUM).await;
    peer.say(Said::Result(answer(&call, &format!("\"{}\"", "x".repeat(65_000))))).await;
    assert_eq!(content(&ended(waiting).await).len(), 65_002);
    // Small enough for the runtime's frame, too large for the caller's answer, which has more ids in it.
    let (waiting, call) = begun(&caller, &mut peer, "add", SUM).await;
    let filled = |size: usize| said(Said::Result(answer(&call, &format!("\"{}\"", "x".repeat(size)))));
    let around = filled(65_000).encoded_len() - 65_000;
    let largest = filled((64 << 10) - around);
    assert_eq!(largest.encoded_len(), 64 << 10);
    peer.say_raw(largest).await;
    let answer = ended(waiting).await;
    assert_eq!(refusal(&answer).r#type, "MESSAGE_TOO_LARGE");
    assert_eq!(answer.invocation_id, call.invocation_id);
    let concluded = host.records("concluded");
    assert_eq!(text(concluded.last().unwrap(), "outcome"), "success", "it ran, and the log says so");
    still_serves(&caller, &mut peer).await;
    check_log(&host.audit());
}

#[tokio::test]
async fn a_frame_over_the_limit_ends_its_call_and_the_runtimes_other_calls_go_on() {
    let host = Setup::strict().set("server.max_message=64KiB").start().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    for size in [70_000, 10 << 20] {
        let (beside, other) = begun(&caller, &mut peer, "add", SUM).await;
        let (waiting, call) = begun(&caller, &mut peer, "add", SUM).await;
        peer.say(Said::Result(answer(&call, &format!("\"{}\"", "x".repeat(size))))).await;
        let refused = ended(waiting).await;
        assert_eq!(refusal(&refused).r#type, "MESSAGE_TOO_LARGE");
        assert!(refusal(&refused).message.contains("65536"), "{}", refusal(&refused).message);
        let told = peer.told().await;
        assert_eq!((error_of(&told).r#type.as_str(), &told.invocation_id), ("MESSAGE_TOO_LARGE", &call.invocation_id));
        peer.lives().await;
        peer.say(Said::Result(answered(&other))).await;
        content(&ended(beside).await);
        still_serves(&caller, &mut peer).await;
    }
    // Nobody's: said, and no more.
    let log = v1::RuntimeLog { message: "x".repeat(70_000), ..Default::default() };
    peer.say(Said::Log(log)).await;
    assert_eq!(error_of(&peer.told().await).r#type, "MESSAGE_TOO_LARGE");
    still_serves(&caller, &mut peer).await;
    assert!(host.records("runtime_detached").is_empty());
    let refused = host.records("concluded").into_iter().filter(|record| record["code"] == "MESSAGE_TOO_LARGE");
    assert_eq!(refused.count(), 2);
    check_log(&host.audit());
}

#[tokio::test]
async fn a_runtime_that_never_answers_is_told_to_stop_and_its_late_result_goes_to_nobody() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["brief", "add"]).await;
    let (waiting, call) = begun(&caller, &mut peer, "brief", "{}").await;
    let answer = ended(waiting).await;
    let error = refusal(&answer);
    assert_eq!(error.r#type, "TIMEOUT");
    assert_eq!(error.details["timeout_ms"], "300");
    assert!(!error.retry_allowed, "it may have changed the world");
    match peer.hear().await {
        Some(Heard::Cancel(cancel)) => assert_eq!(cancel.invocation_id, call.invocation_id),
        other => panic!("expected a cancellation, heard {other:?}"),
    }
    peer.say(Said::Result(crate::common::answer(&call, "{}"))).await;
    let late = host.record("the late result", |record| kind(record) == "late_result").await;
    assert_eq!(text(&late, "invocation"), call.invocation_id);
    still_serves(&caller, &mut peer).await;
    let concluded = host.records("concluded");
    assert_eq!(
        (text(&concluded[0], "code"), text(&concluded[0], "invocation")),
        ("TIMEOUT", call.invocation_id.as_str())
    );
    check_log(&host.audit());
}

#[tokio::test]
async fn a_caller_can_only_shorten_the_time_of_a_contract() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["hang", "brief"]).await;
    let mut deadline = async |tool: &str, ms_from_call: u64| {
        let mut waiting = JoinSet::new();
        let mut message = caller.message(&format!("{tool}-{ms_from_call}"), tool, "{}");
        let unix = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
        message.deadline_unix_ms = u64::try_from(unix).unwrap() + ms_from_call;
        let caller = caller.clone();
        waiting.spawn(async move { caller.send(message).await.unwrap() });
        peer.called().await;
        let answer = ended(waiting).await;
        peer.hear().await;
        refusal(&answer).details["timeout_ms"].parse::<u64>().unwrap()
    };
    assert!(deadline("hang", 200).await <= 200);
    assert_eq!(deadline("brief", 3_600_000).await, 300);
}

#[tokio::test]
async fn a_runtime_process_that_is_killed_in_the_middle_ends_its_calls_as_crashed() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let token = host.token_file("calc", "*", &["grid_runtime"]);
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "bad_runtimes::a_runtime_as_a_process", "--nocapture"])
        .env("GRID_E2E_ENDPOINT", host.endpoint())
        .env("GRID_E2E_TOKEN_FILE", token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let said = BufReader::new(process.stdout.take().unwrap()).lines();
    host.serves("hang").await;
    let mut waiting = JoinSet::new();
    for _ in 0..3 {
        let caller = caller.clone();
        waiting.spawn(async move { caller.call("hang", "{}").await });
    }
    let with_the_runtime = tokio::task::spawn_blocking(|| {
        said.map_while(Result::ok).filter(|line| line.contains("hang was called")).take(3).count()
    });
    assert_eq!(soon("the calls are with the runtime", with_the_runtime).await.unwrap(), 3);
    process.kill().unwrap();
    process.wait().unwrap();
    for answer in soon("the callers are answered", waiting.join_all()).await {
        assert_eq!(refusal(&answer).r#type, "RUNTIME_CRASH");
        assert!(!refusal(&answer).retry_allowed, "it may have changed the world");
    }
    let concluded = host.records("concluded");
    assert_eq!(concluded.len(), 3);
    assert!(concluded.iter().all(|record| text(record, "code") == "RUNTIME_CRASH"));
    host.record("it was detached", |record| kind(record) == "runtime_detached").await;
    check_log(&host.audit());
    let _next = serve(&host, "calc").await;
    caller.still_served().await;
}

/// No test of its own: what the test above starts as a process. By itself it does nothing.
#[tokio::test]
async fn a_runtime_as_a_process() {
    let (Ok(endpoint), Ok(token)) = (std::env::var("GRID_E2E_ENDPOINT"), std::env::var("GRID_E2E_TOKEN_FILE")) else {
        return;
    };
    let builder = grid_sdk::Runtime::builder().endpoint(endpoint).token_file(token).runtime_id("calc");
    builder.tool(crate::common::hang).build().unwrap().run().await.unwrap();
}

/// Heartbeats that are missed after two seconds: long enough for a machine that has much else to do.
fn with_short_heartbeats(setup: Setup) -> Setup {
    setup.set("runtime.heartbeat=100ms").set("runtime.missed_heartbeats=20")
}

// More than one thread: reading the log blocks one, and the SDK must not fall silent meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_falls_silent_is_detached_and_its_id_is_free_again() {
    let host = with_short_heartbeats(Setup::strict()).start().await;
    let caller = host.caller().await;
    let mut silent = Peer::serving(&host, "calc", &["hang"]).await;
    let (waiting, _) = begun(&caller, &mut silent, "hang", "{}").await;
    assert_eq!(refusal(&ended(waiting).await).r#type, "RUNTIME_CRASH");
    host.record("it was detached", |record| kind(record) == "runtime_detached").await;
    silent.end().await.unwrap();
    // One that beats stays, while one that does not is seen to go; the SDK beats by itself.
    let runtime = serve(&host, "calc").await;
    let connection = runtime.status.borrow().connection_id.clone();
    Peer::announced(&host, "quiet").await.end().await.unwrap();
    caller.still_served().await;
    assert_eq!(runtime.status.borrow().connection_id, connection);
}

/// Offers a runtime more than it reads, until the host has no room for another frame to it. The calls go on.
async fn fill(caller: &Caller) -> JoinSet<()> {
    let text = format!(r#"{{"text": "{}"}}"#, "x".repeat(300_000));
    let mut waiting = JoinSet::new();
    for at in 0..40 {
        let message = caller.message(&format!("fill-{at}"), "echo", &text);
        let caller = caller.clone();
        waiting.spawn(async move {
            match caller.send(message).await {
                Ok(answer) if refusal(&answer).r#type == "RESOURCE_EXHAUSTED" => {}
                _ => std::future::pending().await,
            }
        });
    }
    soon("the queue is full", waiting.join_next()).await.unwrap().unwrap();
    waiting
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_talks_and_never_reads_is_detached() {
    let host = with_short_heartbeats(Setup::strict()).set("runtime.queue=4").start().await;
    let caller = host.caller().await;
    let deaf = Peer::serving(&host, "deaf", &["echo"]).await;
    let _waiting = fill(&caller).await;
    // Each heartbeat asks for an acknowledgement, for which there is no room.
    let mut beats = JoinSet::new();
    beats.spawn(async move {
        for sequence in 1.. {
            if !deaf.tries_to_say(Said::Heartbeat(v1::Heartbeat { sequence, ..Default::default() })).await {
                return;
            }
        }
    });
    host.record("it was detached", |record| kind(record) == "runtime_detached").await;
    let _next = serve(&host, "calc").await;
    caller.still_served().await;
}

#[tokio::test]
async fn a_runtime_that_never_reads_does_not_hold_up_the_stop() {
    let mut host = Setup::strict().set("runtime.queue=4").set("server.drain_grace=200ms").start().await;
    let caller = host.caller().await;
    let _deaf = Peer::serving(&host, "deaf", &["echo"]).await;
    let _waiting = fill(&caller).await;
    assert_eq!(host.stop().await, Some(0));
    host.start().await;
    check_log(&host.audit());
}

#[tokio::test]
async fn frames_that_the_host_cannot_use_are_told_and_the_stream_lives() {
    let host = Host::strict().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let frames = [
        (v1::RuntimeFrame { frame: None }, "FEATURE_UNAVAILABLE"),
        (said(Said::Announce(Box::new(announcement("calc")))), "PROTOCOL_VIOLATION"),
        (said(Said::Chunk(Box::default())), "PROTOCOL_VIOLATION"),
        (said(Said::Progress(v1::Progress::default())), "PROTOCOL_VIOLATION"),
    ];
    for (frame, code) in frames {
        peer.say_raw(frame).await;
        assert_eq!(error_of(&peer.told().await).r#type, code);
        peer.lives().await;
    }
    // These ask for no answer, and nobody waits for the last one.
    peer.say(Said::Error(Box::default())).await;
    peer.say(Said::Log(v1::RuntimeLog { message: "hello".to_owned(), ..Default::default() })).await;
    peer.say(Said::Lifecycle(v1::LifecycleReport::default())).await;
    peer.lives().await;
    still_serves(&host.caller().await, &mut peer).await;
    assert_eq!(host.records("runtime_attached").len(), 1);
}

fn said(frame: Said) -> v1::RuntimeFrame {
    v1::RuntimeFrame { frame: Some(frame) }
}

#[tokio::test]
async fn in_strict_a_registration_fails_by_name_and_the_stream_lives() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let declaration = adm::FunctionDeclaration {
        name: "smuggled".to_owned(),
        description: "Does something.".to_owned(),
        parameters: r#"{"type": "OBJECT", "properties": {}}"#.to_owned(),
    };
    let answer = peer.register(&caller.session, vec![declaration]).await;
    assert_eq!(answer.status, Some(v1::register_tools_response::Status::Failure.into()));
    assert_eq!(
        (answer.accepted_tools.len(), answer.rejected_tools.as_slice()),
        (0, ["smuggled".to_owned()].as_slice())
    );
    assert_eq!(answer.errors[0].r#type, "FEATURE_UNAVAILABLE");
    peer.lives().await;
    assert_eq!(refusal(&caller.call("smuggled", "{}").await).r#type, "UNSUPPORTED_TOOL");
    let attempts = host.records("registered");
    assert!(attempts[0].to_string().contains("smuggled"), "{attempts:?}");
    still_serves(&caller, &mut peer).await;
}

#[tokio::test]
async fn a_stream_that_does_not_begin_with_an_announcement_in_time_is_refused() {
    let host = Setup::strict().set("server.first_frame_timeout=100ms").start().await;
    let token = host.runtime_token("calc");
    let mut wrong = Peer::open(&host, &token).await;
    wrong.say(Said::Heartbeat(v1::Heartbeat::default())).await;
    match wrong.hear().await {
        Some(Heard::Announced(answer)) => assert_eq!(answer.error.unwrap().r#type, "PROTOCOL_VIOLATION"),
        other => panic!("expected a refusal, heard {other:?}"),
    }
    wrong.end().await.unwrap();
    let mut mute = Peer::open(&host, &token).await;
    match mute.hear().await {
        Some(Heard::Announced(answer)) => assert_eq!(answer.error.unwrap().r#type, "NETWORK_TIMEOUT"),
        other => panic!("expected a refusal, heard {other:?}"),
    }
    mute.end().await.unwrap();
    let codes: Vec<String> = host.records("refused").iter().map(|record| text(record, "code").to_owned()).collect();
    assert_eq!(codes, ["PROTOCOL_VIOLATION", "NETWORK_TIMEOUT"]);
    let mut good = Peer::serving(&host, "calc", &["add"]).await;
    still_serves(&host.caller().await, &mut good).await;
}

#[tokio::test]
async fn a_runtime_without_a_common_version_is_told_which_there_is() {
    let host = Host::strict().await;
    let mut future = Peer::open(&host, &host.runtime_token("calc")).await;
    let announce = v1::AnnounceRuntime {
        protocol_version: "2.0".to_owned(),
        supported_versions: vec!["2.0".to_owned(), "3.0".to_owned()],
        ..announcement("calc")
    };
    let error = future.announce(announce).await.error.unwrap();
    assert_eq!(error.r#type, "VERSION_MISMATCH");
    assert!(error.message.contains("1.0"), "{}", error.message);
    future.end().await.unwrap();
    let mut both = Peer::open(&host, &host.runtime_token("calc")).await;
    let announce = v1::AnnounceRuntime {
        supported_versions: vec!["1.0".to_owned()],
        protocol_version: "2.0".to_owned(),
        ..announcement("calc")
    };
    let answer = both.announce(announce).await;
    assert_eq!((answer.error, answer.negotiated_version.as_str()), (None, "1.0"));
}

#[tokio::test]
async fn a_runtime_of_level_1_serves_and_gets_plain_errors() {
    let host = Host::strict().await;
    let mut peer = Peer::open(&host, &host.runtime_token("calc")).await;
    let answer = peer.announce(v1::AnnounceRuntime { runtime_id: "calc".to_owned(), ..Default::default() }).await;
    assert_eq!((answer.error, answer.negotiated_level), (None, v1::ComplianceLevel::Level1Core.into()));
    assert!(answer.enabled_features.is_empty() && answer.heartbeat_interval_ms > 0);
    let answer = peer.fulfil(&["add", "no_such_tool"]).await;
    assert_eq!(answer.fulfilled_tools, ["add"]);
    let error = &answer.errors[0];
    let plain =
        v1::EnhancedError { message: error.message.clone(), r#type: error.r#type.clone(), ..Default::default() };
    assert_eq!(*error, plain);
    still_serves(&host.caller().await, &mut peer).await;
    // One from the future is served at the level that this host has.
    let mut future = Peer::open(&host, &host.runtime_token("future")).await;
    let answer = future.announce(v1::AnnounceRuntime { compliance_level: 7, ..announcement("future") }).await;
    assert_eq!((answer.error, answer.negotiated_level), (None, v1::ComplianceLevel::Level2Enhanced.into()));
}

#[tokio::test]
async fn a_runtime_that_drains_gets_no_new_calls_and_finishes_the_old_ones() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let (waiting, call) = begun(&caller, &mut peer, "add", SUM).await;
    peer.say(Said::Drain(v1::Drain::default())).await;
    peer.lives().await;
    assert_eq!(refusal(&caller.call("add", SUM).await).r#type, "SERVICE_UNAVAILABLE");
    peer.say(Said::Result(answered(&call))).await;
    assert_eq!(content(&ended(waiting).await), "42");
}

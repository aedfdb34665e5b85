//! The runtime against a host that a test plays by hand, frame by frame.

#[cfg(test)]
mod support;
#[cfg(test)]
#[path = "support/tools.rs"]
mod tools;

use std::time::Duration;

use grid_proto::v1::host_frame::Frame as Says;
use grid_proto::v1::runtime_frame::Frame as Heard;
use grid_proto::{adm, v1};
use grid_sdk::{Code, Error, Mode, Phase, Runtime, State};
use support::{Host, refusal, soon};
use tools::{GATE, add, builder, start};

#[tokio::test]
async fn a_runtime_announces_itself_and_fulfils_its_tools() {
    let mut host = Host::start().await;
    let _running = start(builder(&host).session("s1"));
    let mut peer = host.attached().await;
    assert_eq!(peer.token, "Bearer abc.def");
    let announce = peer.welcome().await;
    assert_eq!(announce.runtime_id, "r1");
    assert_eq!(announce.language, "rust");
    assert_eq!(announce.protocol_version, "1.0");
    assert_eq!(announce.supported_versions, ["1.0"]);
    assert_eq!(announce.compliance_level(), v1::ComplianceLevel::Level2Enhanced);
    assert!(announce.correlation_id.starts_with("runtime-"));
    let fulfil = peer.hear_fulfil().await;
    assert_eq!(fulfil.session_id, "s1");
    assert_eq!(fulfil.tool_names.len(), 6);
    assert_eq!(fulfil.tool_names[0], "add");
}

#[tokio::test]
async fn a_call_is_answered_with_its_own_ids() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call(1, "add", r#"{"a":1,"b":2}"#).await;
    let answer = peer.hear_result().await;
    assert_eq!(answer.invocation_id, "i1");
    assert_eq!(answer.correlation_id, "client-1-00000001");
    let result = answer.result.unwrap();
    assert_eq!((result.call_id.as_str(), result.name.as_str()), ("call-1", "add"));
    assert_eq!(result.status(), adm::ToolResultStatus::Success);
    assert_eq!(result.content.as_deref(), Some("3"));
    assert_eq!(result.error, None);
}

#[tokio::test]
async fn a_tools_error_keeps_its_type_and_message() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call(1, "fail", "{}").await;
    let fault = peer.hear_fault().await;
    assert_eq!(fault.r#type, "RESOURCE_NOT_FOUND");
    assert_eq!(fault.message, "there is no such thing; name another");
}

#[tokio::test]
async fn a_panic_is_an_error_result_without_what_it_said() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    for name in ["panic_softly", "panic_hard"] {
        peer.call(1, name, "{}").await;
        let fault = peer.hear_fault().await;
        assert_eq!(fault.r#type, "TOOL_EXECUTION_FAILED");
        assert!(!fault.message.contains("secret") && !fault.message.contains('/'), "{fault:?}");
    }
    peer.call(2, "add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i2");
}

#[tokio::test]
async fn unknown_tools_and_wrong_arguments_are_refused() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call(1, "subtract", "{}").await;
    assert_eq!(peer.hear_fault().await.r#type, "UNSUPPORTED_TOOL");
    for args in [r#"{"a":1}"#, r#"{"a":1,"b":"2"}"#, r#"{"a":1,"b":2,"c":3}"#, "[]", "{", ""] {
        peer.call(2, "add", args).await;
        assert_eq!(peer.hear_fault().await.r#type, "PARAMETER_VALIDATION_FAILED", "{args}");
    }
}

#[tokio::test]
async fn only_accepted_tools_are_served_and_rejected_ones_not_offered_again() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.attached().await;
    peer.welcome().await;
    peer.hear_fulfil().await;
    peer.say(Says::Fulfilled(Box::new(v1::FulfillToolsResponse {
        status: Some(v1::fulfill_tools_response::Status::PartialSuccess.into()),
        fulfilled_tools: vec!["add".into(), "never-offered".into()],
        rejected_tools: vec!["fail".into()],
        errors: vec![refusal("UNSUPPORTED_TOOL", true)],
        ..Default::default()
    })))
    .await;
    peer.call(1, "fail", "{}").await;
    // The very next frame answers the call: nothing was offered in between.
    assert_eq!(peer.hear_fault().await.r#type, "UNSUPPORTED_TOOL");
    peer.call(2, "add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(peer.hear_result().await.result.unwrap().content.as_deref(), Some("3"));
}

#[tokio::test]
async fn a_runtime_without_any_accepted_tool_ends_with_the_reason() {
    let mut host = Host::start().await;
    let mut running = start(builder(&host));
    let mut peer = host.attached().await;
    peer.welcome().await;
    peer.hear_fulfil().await;
    peer.say(Says::Fulfilled(Box::new(v1::FulfillToolsResponse {
        status: Some(v1::fulfill_tools_response::Status::Failure.into()),
        rejected_tools: vec!["add".into()],
        errors: vec![refusal("UNSUPPORTED_TOOL", false)],
        ..Default::default()
    })))
    .await;
    let error = running.ended().await.unwrap_err();
    assert_eq!(*error.code(), Code::UNSUPPORTED_TOOL);
}

#[tokio::test]
async fn tools_can_be_registered_with_their_declarations() {
    let mut host = Host::start().await;
    let _running = start(builder(&host).mode(Mode::Register));
    let mut peer = host.attached().await;
    peer.welcome().await;
    let Some(Heard::Register(request)) = peer.hear().await else {
        panic!("a registration");
    };
    let declaration = &request.tools[0].function_declarations[0];
    assert_eq!((declaration.name.as_str(), declaration.description.as_str()), ("add", "Adds two numbers."));
    assert!(declaration.parameters.contains("INTEGER"));
    peer.say(Says::Registered(Box::new(v1::RegisterToolsResponse {
        status: Some(v1::register_tools_response::Status::Success.into()),
        accepted_tools: vec!["add".into()],
        session_id: "s9".into(),
        ..Default::default()
    })))
    .await;
    peer.call(1, "add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i1");
}

#[tokio::test]
async fn a_cancelled_call_gets_no_answer_and_frees_its_place() {
    let mut host = Host::start().await;
    let _running = start(builder(&host).concurrency(1));
    let mut peer = host.serving().await;
    peer.call(1, "hang", "{}").await;
    peer.call(2, "add", r#"{"a":1,"b":2}"#).await;
    peer.cancel(1).await;
    peer.cancel(77).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i2");
}

#[tokio::test]
async fn more_calls_than_run_and_wait_are_refused() {
    let mut host = Host::start().await;
    let _running = start(builder(&host).concurrency(1));
    let mut peer = host.serving().await;
    for n in 1..=3 {
        peer.call(n, "hang", "{}").await;
    }
    let refused = peer.hear_result().await;
    assert_eq!(refused.invocation_id, "i3");
    assert_eq!(refused.result.unwrap().error.unwrap().r#type, "RESOURCE_EXHAUSTED");
}

#[tokio::test]
async fn a_deadline_ends_a_call_that_runs_and_keeps_a_late_one_from_running() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call_until(1, "add", r#"{"a":1,"b":2}"#, 1).await;
    assert_eq!(peer.hear_fault().await.r#type, "TIMEOUT");
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let soon = u64::try_from(now).unwrap() + 30;
    peer.call_until(2, "hang", "{}", soon).await;
    assert_eq!(peer.hear_fault().await.r#type, "TIMEOUT");
}

#[tokio::test]
async fn a_lost_stream_is_followed_by_a_new_announcement() {
    let mut host = Host::start().await;
    let mut running = start(builder(&host));
    drop(host.serving().await);
    let mut peer = host.serving().await;
    peer.call(1, "add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i1");
    running.serving().await;
    assert_eq!(running.status.borrow().tools.len(), 6);
}

#[tokio::test]
async fn a_runtime_may_start_before_its_host_and_stop_while_it_waits() {
    let runtime = Runtime::builder().endpoint("http://127.0.0.1:1").runtime_id("r1").tool(add);
    let runtime = runtime.build().unwrap();
    let mut status = runtime.status();
    let stop = async move {
        let waits = status.wait_for(|status| status.state == State::Backoff);
        waits.await.unwrap();
    };
    soon(runtime.run_until(stop)).await.unwrap();
}

#[tokio::test]
async fn a_refused_announcement_ends_with_what_the_host_said() {
    let mut host = Host::start().await;
    let mut running = start(builder(&host));
    let mut peer = host.attached().await;
    peer.hear().await;
    peer.say(Says::Announced(Box::new(v1::AnnounceRuntimeResponse {
        error: Some(refusal("INVALID_CREDENTIALS", false)),
        ..Default::default()
    })))
    .await;
    let error = running.ended().await.unwrap_err();
    assert_eq!(*error.code(), Code::INVALID_CREDENTIALS);
    assert!(error.to_string().contains("change the test"), "{error}");
}

#[tokio::test]
async fn a_refusal_that_allows_a_retry_is_followed_by_another_try() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.attached().await;
    peer.hear().await;
    peer.say(Says::Announced(Box::new(v1::AnnounceRuntimeResponse {
        error: Some(refusal("SERVICE_UNAVAILABLE", true)),
        ..Default::default()
    })))
    .await;
    host.serving().await;
}

#[tokio::test]
async fn an_announcement_that_is_neither_accepted_nor_refused_is_no_welcome() {
    let mut host = Host::start().await;
    let mut running = start(builder(&host));
    let mut peer = host.attached().await;
    peer.hear().await;
    peer.say(Says::Announced(Box::default())).await;
    let error = running.ended().await.unwrap_err();
    assert!(matches!(error, Error::BadAnswer(_)), "{error:?}");
}

#[tokio::test]
async fn a_frame_of_no_known_kind_is_answered_and_the_stream_lives() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.say_raw(v1::HostFrame { frame: None }).await;
    let Some(Heard::Error(error)) = peer.hear().await else {
        panic!("an error frame");
    };
    assert_eq!(error.error.unwrap().r#type, "PROTOCOL_VIOLATION");
    peer.say(Says::Call(v1::ToolCall::default())).await;
    assert!(matches!(peer.hear().await, Some(Heard::Error(_))));
    // An error frame is never answered with another.
    peer.say(Says::Error(Box::default())).await;
    peer.call(1, "add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i1");
}

#[tokio::test]
async fn an_invocation_id_in_flight_is_not_begun_again() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call(1, "hang", "{}").await;
    peer.call(1, "add", r#"{"a":1,"b":2}"#).await;
    let Some(Heard::Error(error)) = peer.hear().await else {
        panic!("an error frame");
    };
    assert_eq!(error.invocation_id, "i1");
}

#[tokio::test]
async fn heartbeats_tell_the_load_and_three_unanswered_ones_end_the_attachment() {
    let mut host = Host::start().await;
    let _running = start(builder(&host).concurrency(4));
    let mut peer = host.attached().await;
    peer.welcome_with(20).await;
    peer.accept_all().await;
    // Before the first call the host knows how many there is room for.
    let beat = peer.hear_beat().await;
    assert_eq!((beat.sequence, beat.in_flight, beat.free_slots, beat.load_percent), (1, 0, 8, 0));
    peer.call(1, "hang", "{}").await;
    let beat = loop {
        let beat = peer.hear_beat().await;
        if beat.in_flight > 0 {
            break beat;
        }
    };
    assert!(beat.sequence > 1, "{beat:?}");
    assert_eq!((beat.in_flight, beat.free_slots), (1, 7));
    assert_eq!(beat.load_percent, 25);
    // The host stays silent, so the runtime comes back on a new stream.
    host.serving().await;
}

#[tokio::test]
async fn a_stopped_runtime_drains_answers_what_is_in_flight_and_says_bye() {
    let mut host = Host::start().await;
    let mut running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call(1, "wait_for_gate", "{}").await;
    running.serving().await;
    running.stop.cancel();
    let Some(Heard::Drain(drain)) = peer.hear().await else {
        panic!("a drain");
    };
    assert_eq!(drain.grace_ms, 30_000);
    // Sent before the host had read the drain: answered all the same.
    peer.call(2, "add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i2");
    GATE.add_permits(1);
    assert_eq!(peer.hear_result().await.invocation_id, "i1");
    assert!(matches!(peer.hear().await, Some(Heard::Bye(_))));
    assert!(peer.hear().await.is_none(), "the stream ends after bye");
    drop(peer);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_call_that_outlives_the_grace_gets_an_error_before_bye() {
    let mut host = Host::start().await;
    let mut running = start(builder(&host).grace(Duration::from_millis(30)));
    let mut peer = host.serving().await;
    peer.call(1, "hang", "{}").await;
    running.serving().await;
    running.stop.cancel();
    assert!(matches!(peer.hear().await, Some(Heard::Drain(_))));
    assert_eq!(peer.hear_fault().await.r#type, "SERVICE_UNAVAILABLE");
    assert!(matches!(peer.hear().await, Some(Heard::Bye(_))));
    drop(peer);
    running.ended().await.unwrap();
}

#[tokio::test]
async fn a_host_that_drains_gets_the_results_a_bye_and_the_runtime_back() {
    let mut host = Host::start().await;
    let _running = start(builder(&host));
    let mut peer = host.serving().await;
    peer.call(1, "add", r#"{"a":1,"b":2}"#).await;
    peer.say(Says::Drain(v1::Drain { reason: "restart".into(), grace_ms: 5_000 })).await;
    assert_eq!(peer.hear_result().await.invocation_id, "i1");
    assert!(matches!(peer.hear().await, Some(Heard::Bye(_))));
    drop(peer);
    host.serving().await;
}

#[tokio::test]
async fn an_answer_larger_than_a_message_is_an_error_result() {
    let mut host = Host::start().await;
    let _running = start(builder(&host).message_limit(1_030));
    let mut peer = host.serving().await;
    peer.call(1, "wait_for_gate", "{}").await;
    GATE.add_permits(1);
    assert_eq!(peer.hear_fault().await.r#type, "MESSAGE_TOO_LARGE");
}

#[tokio::test]
async fn what_the_host_asks_around_a_swap_is_done_by_the_tools_handlers() {
    let mut host = Host::start().await;
    let sick = || async { Err("no disk".to_owned()) };
    let lost = || async { panic!("a handler that panics") };
    let _running = start(builder(&host).on("add", Phase::Health, sick).on("add", Phase::Cleanup, lost));
    let mut peer = host.serving().await;
    let mut ask = async |sequence, phase: v1::lifecycle::Phase, tool: &str| {
        let (phase, tool, correlation_id) = (phase.into(), tool.to_owned(), "swap".to_owned());
        peer.say(Says::Lifecycle(v1::Lifecycle { sequence, phase, tool, correlation_id })).await;
        match peer.hear().await {
            Some(Heard::Lifecycle(report)) => (report.sequence, report.ok, report.message),
            other => panic!("expected a report, heard {other:?}"),
        }
    };
    use v1::lifecycle::Phase as Asked;
    assert_eq!(ask(1, Asked::Init, "add").await, (1, true, String::new()), "no handler says yes");
    assert_eq!(ask(2, Asked::Health, "add").await, (2, false, "no disk".to_owned()));
    assert_eq!(ask(3, Asked::Health, "hang").await, (3, true, String::new()), "it is the handler of one tool");
    let (sequence, ok, message) = ask(4, Asked::Cleanup, "add").await;
    assert_eq!((sequence, ok), (4, false), "{message}");
    assert!(!ask(5, Asked::Unspecified, "add").await.1);
}

#[tokio::test]
async fn a_handler_for_a_tool_that_is_not_there_is_a_mistake() {
    let host = Host::start().await;
    let error = builder(&host).on("ad", Phase::Init, || async { Ok(()) }).build().unwrap_err();
    assert!(error.to_string().contains("a handler for `ad`"), "{error}");
}

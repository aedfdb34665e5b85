//! A call that is as it should be, seen from every side.

use grid_sdk::{CallOptions, Client, SessionOptions};
use tokio::task::JoinSet;

use crate::common::{Host, Peer, Setup, check_log, content, kind, refusal, serve, soon, text};

#[tokio::test]
async fn a_governed_call_is_answered_recorded_counted_and_joined_by_one_id() {
    let host = Setup::strict().set("log.format=json").set("log.level=debug").start().await;
    let runtime = serve(&host, "calc").await;
    let token = host.token("alice", "acme", &["caller"]);
    let client = Client::builder().endpoint(host.endpoint()).token(token).connect().await.unwrap();
    let session = client.open_session(SessionOptions::default()).await.unwrap();
    let options = CallOptions { correlation_id: Some("workflow-17".to_owned()), ..CallOptions::default() };
    let answer = session.call_with("add", serde_json::json!({ "a": 2, "b": 40 }), options).await.unwrap();
    assert_eq!(answer.json::<i64>().unwrap(), 42);
    assert_eq!((answer.correlation_id.as_str(), answer.repeated), ("workflow-17", false));

    let records = host.audit();
    let of = |name: &str| records.iter().position(|record| kind(record) == name).unwrap();
    let (admitted, concluded) = (of("admitted"), of("concluded"));
    assert!(of("runtime_attached") < of("fulfilled") && of("session_opened") < admitted && admitted < concluded);
    for record in [&records[admitted], &records[concluded]] {
        assert_eq!(text(record, "correlation"), "workflow-17");
        assert_eq!(text(record, "invocation"), answer.invocation_id);
    }
    assert_eq!(text(&records[admitted], "principal"), "alice");
    assert_eq!(text(&records[admitted], "tenant"), "acme");
    assert_eq!(text(&records[admitted], "session"), session.id());
    assert_eq!(text(&records[admitted], "runtime"), "calc");
    assert_eq!(text(&records[admitted], "tool"), "add");
    assert_eq!(text(&records[concluded], "outcome"), "success");
    assert_eq!(host.metric(r#"grid_calls_total{outcome="success"}"#).await, 1);
    assert_eq!(host.metric("grid_calls_in_flight").await, 0);
    runtime.stop().await.unwrap();
    host.record("the runtime has left", |record| kind(record) == "runtime_detached").await;
    check_log(&host.audit());
}

#[tokio::test]
async fn a_refused_call_has_the_same_id_in_answer_record_and_log_line() {
    let host = Host::strict().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    let mut message = caller.message("c-1", "add", r#"{"a": "two"}"#);
    message.correlation_id = "workflow-18".to_owned();
    let answer = caller.send(message).await.unwrap();
    assert_eq!(refusal(&answer).r#type, "INVALID_TOOL_ARGS");
    assert_eq!(
        (answer.correlation_id.as_str(), refusal(&answer).correlation_id.as_str()),
        ("workflow-18", "workflow-18")
    );
    assert_eq!(answer.invocation_id, "", "nothing was admitted");
    let records = host.records("refused");
    assert_eq!(text(&records[0], "correlation"), "workflow-18");
    assert_eq!(text(&records[0], "code"), "INVALID_TOOL_ARGS");
    assert!(host.said().contains("workflow-18"), "{}", host.said());
    assert_eq!(host.metric(r#"grid_calls_total{outcome="INVALID_TOOL_ARGS"}"#).await, 1);
    caller.still_served().await;
}

#[tokio::test]
async fn rights_are_decided_before_arguments_are_looked_at_and_roles_are_needed() {
    let host = Host::strict().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    let answer = caller.call("open_vault", "no JSON at all").await;
    assert_eq!(refusal(&answer).r#type, "PERMISSION_DENIED");
    assert_eq!(refusal(&caller.call("no_such_tool", "{}").await).r#type, "UNSUPPORTED_TOOL");
    let listed: Vec<String> =
        caller.tools().await.into_iter().map(|tool| tool.declaration.unwrap_or_default().name).collect();
    assert!(listed.contains(&"add".to_owned()) && !listed.contains(&"open_vault".to_owned()), "{listed:?}");
    caller.still_served().await;
}

#[tokio::test]
async fn a_contract_that_nobody_serves_is_unavailable_and_named_by_readiness() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let answer = caller.call("add", r#"{"a": 1, "b": 2}"#).await;
    assert_eq!(refusal(&answer).r#type, "SERVICE_UNAVAILABLE");
    assert!(refusal(&answer).retry_allowed);
    assert!(host.get("/readyz").await.contains("\"add\""));
    let _runtime = serve(&host, "calc").await;
    host.serves("add").await;
    caller.still_served().await;
}

#[tokio::test]
async fn a_tools_own_failure_is_its_answer_and_no_refusal() {
    let host = Host::strict().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    let answer = caller.call("fail", "{}").await;
    let error = crate::common::failure(&answer);
    assert_eq!(error.r#type, "RESOURCE_NOT_FOUND");
    assert_eq!(error.message, "there is no such thing; name another");
    let concluded = host.records("concluded");
    assert_eq!(text(&concluded[0], "outcome"), "tool_error");
    assert_eq!(host.metric(r#"grid_calls_total{outcome="tool_error"}"#).await, 1);
}

#[tokio::test]
async fn two_replicas_share_two_hundred_calls_and_each_ends_once() {
    let host = Host::strict().await;
    let mut runtimes = JoinSet::new();
    for id in ["calc/1", "calc/2"] {
        Peer::serving(&host, id, &["add"]).await.answering(&mut runtimes);
    }
    let caller = host.caller().await;
    let mut calls = JoinSet::new();
    for number in 0..200 {
        let caller = caller.clone();
        calls.spawn(async move {
            let answer = caller.call("add", &format!(r#"{{"a": {number}, "b": 1}}"#)).await;
            assert_eq!(content(&answer), (number + 1).to_string());
            answer.invocation_id
        });
    }
    let mut answered = soon("all calls are answered", calls.join_all()).await;
    answered.sort();
    answered.dedup();
    assert_eq!(answered.len(), 200);
    let records = host.audit();
    assert_eq!(check_log(&records), 200);
    for id in ["calc/1", "calc/2"] {
        let share = records.iter().filter(|record| kind(record) == "admitted" && text(record, "runtime") == id).count();
        assert!(share >= 50, "`{id}` had {share} of 200 calls");
    }
    assert_eq!(host.metric(r#"grid_calls_total{outcome="success"}"#).await, 200);
}

//! The client against a host that a test scripts: refusals become typed errors, nothing but a proven success is a
//! success, and only what may be repeated is repeated.

#[cfg(test)]
mod support;

use std::time::Duration;

use grid_proto::{adm, v1};
use grid_sdk::{Backoff, CallOptions, Client, Code, Error, Outcome, Retries, Session, SessionOptions};
use serde_json::json;
use support::{Host, outcome, refusal, refused_call, soon, success};
use tonic::Status;

const CALL_ID: &str = "call-1";

fn quick() -> Retries {
    Retries { backoff: Backoff::new(Duration::from_millis(1), Duration::from_millis(2)), ..Retries::default() }
}

async fn session(host: &Host) -> Result<Session, Error> {
    let builder = Client::builder().endpoint(&host.endpoint).token("abc.def");
    let client = builder.retries(quick()).connect().await?;
    soon(client.open_session(SessionOptions::default())).await
}

/// The outcome of one call that the host answers so.
async fn call(host: &Host) -> Result<Outcome, Error> {
    let options = CallOptions { call_id: Some(CALL_ID.into()), ..CallOptions::default() };
    let session = session(host).await?;
    soon(session.call_outcome("add", json!({"a": 1}), options)).await
}

async fn answered(answer: v1::CallToolResponse) -> Result<Outcome, Error> {
    let host = Host::start().await;
    host.answers(Ok(answer));
    call(&host).await
}

#[tokio::test]
async fn a_session_is_opened_with_the_token_and_at_level_2() {
    let host = Host::start().await;
    let client = Client::builder().endpoint(&host.endpoint).token("abc.def");
    let client = client.connect().await.unwrap();
    let options = SessionOptions {
        ttl: Some(Duration::from_secs(60)),
        label: Some("demo".into()),
        metadata: [("team".to_owned(), "a".to_owned())].into(),
        features: vec!["batch-authorization".into()],
    };
    let session = soon(client.open_session(options)).await.unwrap();
    assert_eq!(session.id(), "s1");
    host.said(|said| {
        assert_eq!(said.tokens, ["Bearer abc.def"]);
        let sent = &said.sessions[0];
        assert_eq!(sent.compliance_level(), v1::ComplianceLevel::Level2Enhanced);
        assert_eq!((sent.ttl_seconds, sent.suggested_session_id.as_str()), (60, "demo"));
        assert_eq!(sent.metadata["team"], "a");
        assert_eq!(sent.optional_features, ["batch-authorization"]);
        assert!(sent.correlation_id.starts_with("client-"));
    });
}

#[tokio::test]
async fn tools_are_listed_called_and_cancelled_and_the_session_closed() {
    let host = Host::start().await;
    let session = session(&host).await.unwrap();
    let tools = session.list_tools().await.unwrap();
    assert_eq!(tools[0].name, "add");
    assert_eq!(tools[0].timeout, Duration::from_secs(2));
    assert!(session.cancel("in-flight").await.unwrap());
    assert!(!session.cancel("unknown").await.unwrap());
    assert_eq!(session.close(true).await.unwrap(), 2);
    let unclear = session.close(false).await.unwrap_err();
    assert!(matches!(unclear, Error::BadAnswer(_)), "{unclear:?}");
}

#[tokio::test]
async fn a_success_carries_content_and_ids() {
    let Outcome::Succeeded(answer) = answered(success(CALL_ID, "add", "{\"sum\":3}")).await.unwrap() else {
        panic!("a success");
    };
    assert_eq!(answer.json::<serde_json::Value>().unwrap()["sum"], 3);
    assert_eq!(answer.invocation_id, "i1");
    let (component, rest) = answer.correlation_id.split_once('-').unwrap();
    let (seconds, random) = rest.split_once('-').unwrap();
    assert_eq!((component, random.len()), ("client", 8));
    assert!(seconds.parse::<u64>().is_ok());
    let mistyped = answer.json::<Vec<u8>>().unwrap_err();
    assert!(matches!(mistyped, Error::Setting(_)), "{mistyped:?}");
}

#[tokio::test]
async fn a_tools_own_error_is_a_value_or_an_error_as_asked() {
    let failed = outcome(adm::ToolResult {
        call_id: CALL_ID.into(),
        name: "add".into(),
        status: adm::ToolResultStatus::Error.into(),
        content: None,
        error: Some(adm::ErrorObject { message: "no".into(), r#type: "RESOURCE_NOT_FOUND".into() }),
    });
    let outcome = answered(failed).await.unwrap();
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.code == "RESOURCE_NOT_FOUND"));
    let error = outcome.into_result().unwrap_err();
    assert!(matches!(error, Error::ToolFailed(_)), "{error:?}");
    assert_eq!(error.code().as_str(), "RESOURCE_NOT_FOUND");
}

#[tokio::test]
async fn a_refusal_becomes_a_typed_error_with_the_requests_correlation_id() {
    let host = Host::start().await;
    host.answers(Ok(refused_call(refusal("PERMISSION_DENIED", false))));
    let error = call(&host).await.unwrap_err();
    assert_eq!(*error.code(), Code::PERMISSION_DENIED);
    let sent = host.said(|said| said.calls[0].correlation_id.clone());
    assert_eq!(error.correlation_id(), Some(sent.as_str()));
}

#[tokio::test]
async fn nothing_but_a_proven_success_is_a_success() {
    let result = |change: fn(&mut adm::ToolResult)| {
        let mut result = adm::ToolResult {
            call_id: CALL_ID.into(),
            name: "add".into(),
            status: adm::ToolResultStatus::Success.into(),
            content: Some("1".into()),
            error: None,
        };
        change(&mut result);
        outcome(result)
    };
    let hollow = v1::CallToolResponse {
        outcome: Some(v1::call_tool_response::Outcome::Result(v1::ToolResult::default())),
        ..Default::default()
    };
    let answers = [
        v1::CallToolResponse::default(),
        hollow,
        result(|result| result.call_id = "call-2".into()),
        result(|result| result.name = "subtract".into()),
        result(|result| result.status = 0),
        result(|result| result.status = 77),
        result(|result| result.content = None),
        result(|result| result.content = Some("not json".into())),
        result(|result| result.content = Some(String::new())),
        result(|result| result.error = Some(adm::ErrorObject::default())),
        result(|result| result.status = adm::ToolResultStatus::Error.into()),
    ];
    for answer in answers {
        let error = answered(answer.clone()).await.unwrap_err();
        assert!(matches!(error, Error::BadAnswer(_)), "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_refusal_that_forbids_a_retry_is_sent_once() {
    let host = Host::start().await;
    host.answers(Ok(refused_call(refusal("TIMEOUT", false))));
    call(&host).await.unwrap_err();
    assert_eq!(host.said(|said| said.calls.len()), 1);
}

#[tokio::test]
async fn a_refusal_that_allows_a_retry_is_repeated_with_the_same_call_id() {
    let host = Host::start().await;
    host.answers(Ok(refused_call(refusal("SERVICE_UNAVAILABLE", true))));
    host.answers(Err(Status::unavailable("broken")));
    host.answers(Ok(success(CALL_ID, "add", "1")));
    call(&host).await.unwrap();
    host.said(|said| {
        assert_eq!(said.calls.len(), 3);
        for call in &said.calls {
            assert_eq!(call.call, said.calls[0].call);
            assert_eq!(call.correlation_id, said.calls[0].correlation_id);
        }
    });
}

#[tokio::test]
async fn retries_are_bounded() {
    let host = Host::start().await;
    host.answers(Ok(refused_call(refusal("SERVICE_UNAVAILABLE", true))));
    call(&host).await.unwrap_err();
    assert_eq!(host.said(|said| said.calls.len()), 4);
}

#[tokio::test]
async fn opening_a_session_is_not_repeated_once_it_was_sent() {
    let host = Host::start().await;
    host.opens(Err(Status::unavailable("broken")));
    let error = session(&host).await.unwrap_err();
    assert_eq!(*error.code(), Code::CONNECTION_FAILED);
    assert_eq!(host.said(|said| said.sessions.len()), 1);
}

#[tokio::test]
async fn a_session_without_an_id_is_a_bad_answer() {
    let host = Host::start().await;
    host.opens(Ok(v1::CreateSessionResponse::default()));
    let error = session(&host).await.unwrap_err();
    assert!(matches!(error, Error::BadAnswer(_)), "{error:?}");
}

#[tokio::test]
async fn a_refused_token_file_is_read_again_and_only_a_new_token_is_sent() {
    let host = Host::start().await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join("rotated.jwt");
    std::fs::write(&path, "first.token\n").unwrap();
    let client = Client::builder().endpoint(&host.endpoint).token_file(&path);
    let client = client.connect().await.unwrap();
    let refused =
        || v1::CreateSessionResponse { error: Some(refusal("INVALID_CREDENTIALS", false)), ..Default::default() };
    host.opens(Ok(refused()));
    soon(client.open_session(SessionOptions::default())).await.unwrap_err();
    std::fs::write(&path, "second.token\n").unwrap();
    host.opens(Ok(refused()));
    soon(client.open_session(SessionOptions::default())).await.unwrap();
    host.said(|said| {
        assert_eq!(said.tokens, ["Bearer first.token", "Bearer first.token", "Bearer second.token"]);
    });
}

#[tokio::test]
async fn a_host_that_is_not_there_is_a_connection_failure_before_sending() {
    let client = Client::builder().endpoint("http://127.0.0.1:1").retries(Retries::none());
    let Error::Transport(fault) = soon(client.connect()).await.unwrap_err() else {
        panic!("a transport fault");
    };
    assert_eq!(fault.code, Code::CONNECTION_FAILED);
    assert!(fault.before_send && fault.transient);
}

#[tokio::test]
async fn an_answer_larger_than_the_limit_is_named_as_such() {
    let host = Host::start().await;
    host.answers(Ok(success(CALL_ID, "add", &format!("\"{}\"", "x".repeat(5_000)))));
    let client = Client::builder().endpoint(&host.endpoint).message_limit(4_096);
    let session = client.connect().await.unwrap();
    let session = session.open_session(SessionOptions::default()).await.unwrap();
    let error = soon(session.call("add", ())).await.unwrap_err();
    assert_eq!(*error.code(), Code::MESSAGE_TOO_LARGE);
    assert_eq!(host.said(|said| said.calls.len()), 1);
}

#[tokio::test]
async fn arguments_that_are_no_object_are_not_sent() {
    let host = Host::start().await;
    let session = session(&host).await.unwrap();
    for args in [json!([1]), json!("text"), json!(1)] {
        let error = session.call("add", args).await.unwrap_err();
        assert_eq!(*error.code(), Code::INVALID_TOOL_ARGS);
    }
    assert_eq!(host.said(|said| said.calls.len()), 0);
}

#[tokio::test]
async fn a_deadline_travels_with_the_call_and_bounds_the_wait() {
    let host = Host::start().await;
    let mut patient = refusal("SERVICE_UNAVAILABLE", true);
    patient.retry_after_ms = 20_000;
    host.answers(Ok(refused_call(patient)));
    let session = session(&host).await.unwrap();
    let options = CallOptions { deadline: Some(Duration::from_secs(5)), ..CallOptions::default() };
    let call = session.call_with("add", (), options);
    soon(call).await.unwrap_err();
    host.said(|said| {
        assert_eq!(said.calls.len(), 1);
        assert!(said.calls[0].deadline_unix_ms > 0);
    });
}

#[tokio::test]
async fn the_token_is_in_no_debug_output() {
    let host = Host::start().await;
    let builder = Client::builder().endpoint(&host.endpoint).token("secret-token");
    assert!(!format!("{builder:?}").contains("secret-token"));
    let client = builder.connect().await.unwrap();
    assert!(!format!("{client:?}").contains("secret-token"));
    let session = client.open_session(SessionOptions::default()).await.unwrap();
    assert!(!format!("{session:?}").contains("secret-token"));
}

#[tokio::test]
async fn calls_may_run_on_tasks_of_their_own() {
    let host = Host::start().await;
    host.answers(Ok(success(CALL_ID, "add", "1")));
    let session = session(&host).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let session = session.clone();
        let options = CallOptions { call_id: Some(CALL_ID.into()), ..CallOptions::default() };
        calls.spawn(async move { session.call_with("add", json!({}), options).await });
    }
    for ended in calls.join_all().await {
        ended.unwrap();
    }
}

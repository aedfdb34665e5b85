//! Every method of GridService, there and back.

use grid_core::Code;
use grid_grpc::Settings;
use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome},
};
use tonic::{Request, metadata::MetadataValue};

use crate::doors::Host;

pub fn call(name: &str, args: &str) -> v1::ToolCall {
    v1::ToolCall {
        correlation_id: "cor-1".to_owned(),
        session_id: "s-1".to_owned(),
        call: Some(adm::FunctionCall { call_id: "call-1".to_owned(), name: name.to_owned(), args: args.to_owned() }),
        ..v1::ToolCall::default()
    }
}

pub fn error(response: v1::CallToolResponse) -> v1::EnhancedError {
    match response.outcome {
        Some(Outcome::Error(error)) => *error,
        other => panic!("no error: {other:?}"),
    }
}

pub fn result(response: &v1::CallToolResponse) -> adm::ToolResult {
    match &response.outcome {
        Some(Outcome::Result(result)) => result.result.clone().unwrap(),
        other => panic!("no result: {other:?}"),
    }
}

#[tokio::test]
async fn a_call_goes_through_with_all_its_fields() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let mut request = call("echo:again", "{\"a\":1}");
    request.trace_context = Some(v1::TraceContext {
        trace_id: "ab".repeat(16),
        span_id: "cd".repeat(8),
        trace_flags: 1,
        ..v1::TraceContext::default()
    });
    request.deadline_unix_ms = 99;
    request.streaming = true;
    request.parent_invocation_id = "i-up".to_owned();
    let response = client.call_tool(request).await.unwrap().into_inner();
    let result = result(&response);
    assert_eq!(result.call_id, "call-1");
    assert_eq!(result.name, "echo:again");
    assert_eq!(result.content.as_deref(), Some("{\"a\":1}"));
    assert_eq!(result.status(), adm::ToolResultStatus::Success);
    assert_eq!(result.error, None);
    assert_eq!(response.correlation_id, "cor-1");
    assert!(response.invocation_id.starts_with("i-"));
    assert!(response.repeated);
    let notes = host.front.notes.all();
    for part in [
        "session_id: \"s-1\"",
        "deadline_unix_ms: Some(99)",
        "streaming: true",
        "parent_invocation_id: \"i-up\"",
        "span_id: \"cdcdcdcdcdcdcdcd\"",
        "flags: 1",
    ] {
        assert!(notes[0].contains(part), "{part} is not in {}", notes[0]);
    }
}

#[tokio::test]
async fn a_tools_own_error_is_a_result() {
    let host = Host::start(Settings::default()).await;
    let response = host.client().await.call_tool(call("fail", "{}")).await;
    let result = result(&response.unwrap().into_inner());
    assert_eq!(result.status(), adm::ToolResultStatus::Error);
    assert_eq!(result.content, None);
    assert_eq!(result.error.unwrap().r#type, "NOPE");
}

#[tokio::test]
async fn every_code_travels_in_the_answer_and_no_internal_word_does() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    for code in Code::ALL {
        let name = format!("refuse:{}", code.as_str());
        let response = client.call_tool(call(&name, "{}")).await.unwrap();
        let raw = format!("{response:?}");
        assert!(!raw.contains("internal"), "{raw}");
        assert!(!raw.contains("epoch"), "{raw}");
        let error = error(response.into_inner());
        assert_eq!(error.r#type, code.as_str());
        assert_eq!(error.message, "you may not; ask your operator");
        assert_eq!(error.details["missing"], "[\"admin\"]");
        assert_eq!(error.correlation_id, "cor-1");
        assert_eq!(error.timestamp, 1234);
        assert_eq!(error.retry_allowed, code.retry_allowed(true));
        assert_eq!(error.component, "host");
        assert_eq!(error.session_id, "s-1");
        assert_eq!(error.runtime_id, "rt");
        assert_eq!(error.tool_name, "tool");
        assert_eq!(error.tags, ["authorize"]);
        assert_eq!(error.trace_id, "ab".repeat(16));
        assert_eq!(error.documentation_url, code.documentation());
        let facts = code.facts();
        assert_eq!(error.remediation_steps, facts.remediation);
        assert_eq!(error.severity, i32::from(facts.severity.number()));
        assert_eq!(error.category, i32::from(facts.category.number()));
    }
}

#[tokio::test]
async fn a_level_1_peer_gets_message_and_type_and_nothing_else() {
    let host = Host::start(Settings::default()).await;
    let response = host.client().await.call_tool(call("plain", "{}")).await;
    let plain = v1::EnhancedError {
        message: "you may not; ask your operator".to_owned(),
        r#type: "POLICY_VIOLATION".to_owned(),
        ..v1::EnhancedError::default()
    };
    assert_eq!(error(response.unwrap().into_inner()), plain);
}

#[tokio::test]
async fn a_call_message_without_call_is_refused_by_the_name_of_the_field() {
    let host = Host::start(Settings::default()).await;
    let request = v1::ToolCall { correlation_id: "cor-7".to_owned(), ..v1::ToolCall::default() };
    let response = host.client().await.call_tool(request).await.unwrap();
    let error = error(response.into_inner());
    assert_eq!(error.r#type, "MALFORMED_REQUEST");
    assert!(error.message.contains("`call`"), "{}", error.message);
    assert_eq!(error.correlation_id, "cor-7");
    assert!(error.timestamp > 0);
    assert!(host.front.notes.holds("turned away"), "the door was not told");
}

#[tokio::test]
async fn a_session_is_opened_and_closed() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let request = v1::CreateSession {
        suggested_session_id: "mine".to_owned(),
        ttl_seconds: 60,
        compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
        security_context: Some(v1::SecurityContext { principal_id: "p".to_owned(), ..v1::SecurityContext::default() }),
        metadata: [("k".to_owned(), "v".to_owned())].into(),
        correlation_id: "c".to_owned(),
        optional_features: vec!["batch-authorization".to_owned()],
        supported_versions: vec!["1.0".to_owned(), "1.1".to_owned()],
    };
    let opened = client.create_session(request).await.unwrap().into_inner();
    assert_eq!((&*opened.session_id, opened.expires_at_ms), ("s-9", 77));
    assert_eq!(opened.correlation_id, "c");
    assert_eq!(opened.error, None);
    assert_eq!(opened.negotiated_level(), v1::ComplianceLevel::Level2Enhanced);
    assert_eq!(opened.negotiated_version, "1.0");
    assert!(host.front.notes.holds(r#"versions: ["1.0", "1.1"]"#));
    for part in ["label: \"mine\"", "ttl: Some(60s)", "level: 2", "principal: \"p\"", "\"k\": \"v\""] {
        assert!(host.front.notes.holds(part), "{part}");
    }
    let request = v1::DestroySession { session_id: "s-9".to_owned(), force: true, correlation_id: "d".to_owned() };
    let closed = client.destroy_session(request).await.unwrap().into_inner();
    assert!(closed.destroyed);
    assert_eq!(closed.cancelled_invocations, 3);
    assert!(host.front.notes.holds("force: true"));
}

#[tokio::test]
async fn tools_are_listed_and_a_call_is_cancelled() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let request = v1::ListTools { session_id: "s-1".to_owned(), correlation_id: "c".to_owned() };
    let listed = client.list_tools(request).await.unwrap().into_inner();
    let tool = &listed.tools[0];
    assert_eq!(tool.declaration.as_ref().unwrap().name, "add");
    assert_eq!((&*tool.effect, &*tool.contract), ("pure", "math"));
    assert!(tool.available && tool.dynamic && tool.denied && tool.needs_approval);
    let request = v1::CancelToolCall {
        session_id: "s-1".to_owned(),
        call_id: "call-1".to_owned(),
        reason: "enough".to_owned(),
        correlation_id: "c".to_owned(),
        ..v1::CancelToolCall::default()
    };
    let cancelled = client.cancel_tool_call(request).await.unwrap().into_inner();
    assert!(cancelled.cancelled);
    assert!(host.front.notes.holds("reason: \"enough\""));
}

#[tokio::test]
async fn refusals_of_the_other_methods_travel_in_their_answers() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let refuse = || "refuse".to_owned();
    let opened = client
        .create_session(v1::CreateSession { suggested_session_id: refuse(), ..v1::CreateSession::default() })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(opened.session_id, "");
    assert_eq!(opened.error.unwrap().r#type, "INVALID_CREDENTIALS");
    let closed = client
        .destroy_session(v1::DestroySession { session_id: refuse(), ..v1::DestroySession::default() })
        .await
        .unwrap()
        .into_inner();
    assert!(!closed.destroyed);
    assert_eq!(closed.error.unwrap().r#type, "INVALID_SESSION");
    let listed = client
        .list_tools(v1::ListTools { session_id: refuse(), ..v1::ListTools::default() })
        .await
        .unwrap()
        .into_inner();
    assert!(listed.tools.is_empty());
    assert_eq!(listed.error.unwrap().r#type, "SESSION_EXPIRED");
    let cancelled = client
        .cancel_tool_call(v1::CancelToolCall { session_id: refuse(), ..v1::CancelToolCall::default() })
        .await
        .unwrap()
        .into_inner();
    assert!(!cancelled.cancelled);
    assert_eq!(cancelled.error.unwrap().r#type, "PERMISSION_DENIED");
}

#[tokio::test]
async fn a_bearer_token_is_found_whatever_its_case_and_a_broken_one_is_not_none() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let cases: [(&[&str], Option<&str>); 6] = [
        (&[], None),
        (&["Bearer abc"], Some("abc")),
        (&["bEaReR  abc "], Some("abc")),
        (&["Basic abc"], Some("")),
        (&["abc"], Some("")),
        (&["Bearer a", "Bearer b"], Some("")),
    ];
    for (values, want) in cases {
        let mut request = Request::new(call("echo", "{}"));
        for value in values {
            let value = MetadataValue::try_from(*value).unwrap();
            request.metadata_mut().append("authorization", value);
        }
        client.call_tool(request).await.unwrap();
        let seen = host.front.tokens.lock().unwrap().pop().unwrap();
        assert_eq!(seen.as_deref(), want, "{values:?}");
    }
}

#[tokio::test]
async fn the_transports_deadline_shortens_the_messages() {
    let host = Host::start(Settings::default()).await;
    let mut client = host.client().await;
    let mut message = call("echo", "{}");
    message.deadline_unix_ms = u64::MAX;
    let mut request = Request::new(message);
    request.set_timeout(std::time::Duration::from_secs(3));
    client.call_tool(request).await.unwrap();
    let note = host.front.notes.all().remove(0);
    let digits = note.split("deadline_unix_ms: Some(").nth(1).unwrap();
    let deadline: u64 = digits.split(')').next().unwrap().parse().unwrap();
    assert!(deadline < 4_000_000_000_000, "{deadline}");
}

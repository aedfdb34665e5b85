//! Tools that their callers run: the grant before, the report after, and what the log says when either is missing.

use std::collections::HashSet;

use grid_proto::{adm, v1};
use serde_json::Value;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use crate::common::{Caller, Grant, Host, Setup, check_log, content, kind, serve, soon, text};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

/// The end of this execution in the log.
fn end_of(host: &Host, grant: &Grant) -> Option<Value> {
    host.records("concluded").into_iter().find(|record| text(record, "invocation") == grant.invocation)
}

/// An auditor's own check of the whole log.
fn verified(host: &Host) {
    let ended = host.grid(&["audit", "verify"]);
    assert_eq!(ended.code, 0, "{ended:?}");
}

async fn alice(host: &Host) -> Caller {
    host.stranger(&host.token("alice", "acme", &["caller"])).await
}

#[tokio::test]
async fn a_tool_runs_at_its_caller_under_a_grant_that_anybody_can_check() {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let grant = caller.grant("k", "add", SUM).await;
    grant.check(host.folder());
    assert_eq!((text(&grant.record, "principal"), text(&grant.record, "tenant")), ("alice", "acme"));
    assert_eq!((text(&grant.record, "tool"), &grant.record["local"]), ("add", &Value::Bool(true)));
    assert_eq!(host.metric("grid_local_grants_open").await, 1);
    for _ in 0..2 {
        assert_eq!(caller.log(grant.report("42")).await, None);
    }
    assert_eq!(caller.log(grant.report("43")).await.unwrap().details["signal"], "reused");
    assert_eq!(host.metric("grid_local_grants_open").await, 0);
    assert_eq!(host.metric("grid_local_results_total{status=\"success\"}").await, 1);
    assert_eq!(host.metric("grid_local_results_total{status=\"rejected\"}").await, 1);
    let end = end_of(&host, &grant).unwrap();
    assert_eq!((text(&end, "outcome"), &end["claimed"]), ("success", &Value::Bool(true)));
    assert_eq!(host.stop().await, Some(0));
    assert_eq!(check_log(&host.audit()), 1);
    assert_eq!(text(&host.records("rejected_result")[0], "signal"), "reused");
    verified(&host);
}

#[tokio::test]
async fn a_denied_call_gets_no_grant_and_a_returned_one_may_go_to_a_runtime() {
    let host = Host::strict().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    let vault = adm::FunctionCall { call_id: "v".to_owned(), name: "open_vault".to_owned(), args: "{}".to_owned() };
    let denied = caller.ask_for(vault).await;
    assert!(denied.grant.is_none() && denied.invocation_id.is_empty());
    assert_eq!(denied.error.unwrap().r#type, "PERMISSION_DENIED");
    let grant = caller.grant("k", "add", SUM).await;
    assert!(caller.give_back(&grant).await.cancelled);
    assert_eq!(content(&caller.call_as("k", "add", SUM).await), "42");
    assert_eq!(caller.log(grant.report("42")).await.unwrap().r#type, "CANCELLED");
    assert_eq!(check_log(&host.audit()), 2);
}

#[tokio::test]
async fn a_host_killed_between_decision_and_report_takes_the_report_when_it_is_back() {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let (first, second) = (caller.grant("a", "write", "{}").await, caller.grant("b", "write", "{}").await);
    host.kill();
    host.start().await;
    let caller = alice(&host).await;
    let report = v1::LogToolResultRequest { execution_time_ms: 5, ..first.report("1") };
    assert_eq!(caller.log(report.clone()).await, None);
    host.kill();
    host.start().await;
    let caller = alice(&host).await;
    assert_eq!(caller.log(report).await, None, "the log remembers what was logged");
    assert_eq!(caller.log(first.report("2")).await.unwrap().details["signal"], "reused");
    assert_eq!(caller.log(second.report("3")).await, None);
    assert_eq!(check_log(&host.audit()), 2);
    assert_eq!(host.stop().await, Some(0));
    verified(&host);
}

#[tokio::test]
async fn what_nobody_reports_surfaces_in_the_log_soon_after_its_time() {
    let mut host = Setup::strict().set("local.ttl=2s").start().await;
    let caller = host.caller().await;
    let grant = caller.grant("a", "write", "{}").await;
    let end = host.record("the end of the grant", |record| {
        kind(record) == "concluded" && text(record, "invocation") == grant.invocation
    });
    let end = end.await;
    assert_eq!(text(&end, "outcome"), "unreported");
    let number = |record: &Value, field: &str| record[field].as_u64().unwrap();
    let late = number(&end, "at_ms") - number(&grant.record, "expires_ms");
    assert!(late <= 5000, "{late} ms after its time");
    let refused = caller.log(grant.report("1")).await.unwrap();
    assert_eq!((refused.r#type.as_str(), refused.retry_allowed), ("TIMEOUT", false));
    assert_eq!(text(&host.records("late_result")[0], "outcome"), "success", "the late report is kept");
    // One whose time passes while the host is down ends at its next start.
    let grant = caller.grant("b", "write", "{}").await;
    host.kill();
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    host.start().await;
    assert_eq!(text(&end_of(&host, &grant).unwrap(), "outcome"), "unreported");
    let refused = alice(&host).await.log(grant.report("1")).await.unwrap();
    assert_eq!(refused.details["signal"], "expired");
    assert_eq!(host.stop().await, Some(0));
    verified(&host);
}

#[tokio::test]
async fn an_invalidation_kills_open_grants_and_tells_those_who_watch() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let grant = caller.grant("a", "add", SUM).await;
    let watch = v1::WatchGrantsRequest { session_id: caller.session.clone(), ..Default::default() };
    let mut epochs = caller.service().watch_grants(caller.request(watch)).await.unwrap().into_inner();
    let now = soon("the epoch", epochs.message()).await.unwrap().unwrap();
    assert_eq!(Some(now.epoch), grant.record["epoch"].as_u64());
    let operator = host.admin().await;
    operator.invalidate_authorizations("role taken away").await.unwrap();
    let next = soon("the next epoch", epochs.message()).await.unwrap().unwrap();
    assert_eq!((next.epoch, next.reason.as_str()), (now.epoch + 1, "role taken away"));
    assert_eq!(text(&end_of(&host, &grant).unwrap(), "outcome"), "revoked", "before the operator has the answer");
    assert_eq!(caller.log(grant.report("42")).await.unwrap().details["signal"], "revoked");
}

#[tokio::test]
async fn a_host_that_stops_leaves_its_grants_to_the_next_one() {
    // It waits for them as long as for calls.
    let mut host = Setup::strict().set("server.drain_grace=200ms").start().await;
    let caller = host.caller().await;
    let grant = caller.grant("a", "add", SUM).await;
    assert_eq!(host.stop().await, Some(0));
    assert!(end_of(&host, &grant).is_none());
    host.start().await;
    assert_eq!(alice(&host).await.log(grant.report("42")).await, None);
    assert_eq!(check_log(&host.audit()), 1);
}

#[tokio::test]
async fn a_stranger_to_a_grant_learns_nothing_of_it() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let grant = caller.grant("a", "add", SUM).await;
    let thief = host.stranger(&host.token("mallory", "acme", &["caller"])).await;
    let other = host.stranger(&host.token("alice", "other", &["caller"])).await;
    let mut made_up = grant.report("42");
    made_up.invocation_id = format!("i-{}", "0".repeat(32));
    let unknown = caller.log(made_up).await.unwrap();
    for who in [thief, other] {
        let refused = who.log(grant.report("42")).await.unwrap();
        assert_eq!((&refused.r#type, &refused.message), (&unknown.r#type, &unknown.message));
        assert_eq!(refused.details, unknown.details);
    }
    let signals: Vec<_> =
        host.records("rejected_result").iter().map(|event| text(event, "signal").to_owned()).collect();
    // Within the tenant the record tells whose it was not; to another tenant it does not exist.
    assert_eq!(signals, ["unknown_grant", "foreign_principal", "unknown_grant"]);
    assert_eq!(caller.log(grant.report("42")).await, None);
}

#[tokio::test]
async fn the_same_grant_is_redeemed_once_by_many_at_once() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    let grant = caller.grant("a", "write", "{}").await;
    let mut reporting = JoinSet::new();
    for number in 0..100 {
        let (caller, report) = (caller.clone(), grant.report(&format!("{}", number % 2)));
        reporting.spawn(async move { (number % 2, caller.log(report).await) });
    }
    let answers = soon("all are answered", reporting.join_all()).await;
    let logged: HashSet<_> = answers.iter().filter(|(_, error)| error.is_none()).map(|(told, _)| told).collect();
    assert_eq!(logged.len(), 1, "one of the two stories was logged, to all who told it");
    assert_eq!(answers.iter().filter(|(_, error)| error.is_none()).count(), 50);
    assert_eq!(check_log(&host.audit()), 1);
}

#[tokio::test]
async fn batches_of_decisions_and_streams_of_reports() {
    let host = Host::strict().await;
    let mut caller = alice(&host).await;
    let wish = v1::CreateSession {
        optional_features: vec!["batch-authorization".to_owned()],
        compliance_level: 1,
        ..Default::default()
    };
    let opened = caller.open_with(wish).await;
    assert_eq!(opened.enabled_features, ["batch-authorization"]);
    caller.session = opened.session_id;
    let call = |number: usize| adm::FunctionCall {
        call_id: format!("k{number}"),
        name: if number == 7 { "open_vault" } else { "write" }.to_owned(),
        args: "{}".to_owned(),
    };
    let item = |number| v1::AuthorizeToolCallRequest { call: Some(call(number)), ..Default::default() };
    let batch = v1::AuthorizeToolCallsRequest {
        session_id: caller.session.clone(),
        items: (0..200).map(item).collect(),
        ..Default::default()
    };
    let answer = caller.service().authorize_tool_calls(caller.request(batch)).await.unwrap().into_inner();
    assert_eq!((answer.items.len(), answer.error), (200, None));
    let (reports, receiver) = mpsc::channel(256);
    for (number, answer) in answer.items.into_iter().enumerate() {
        if number == 7 {
            assert_eq!(answer.error.unwrap().r#type, "PERMISSION_DENIED");
            continue;
        }
        let grant = Grant::of(&caller.session, call(number), answer);
        reports.send(grant.report(&number.to_string())).await.unwrap();
    }
    drop(reports);
    let stream = caller.request(ReceiverStream::new(receiver));
    let mut answers = caller.service().log_tool_results(stream).await.unwrap().into_inner();
    let mut logged = 0;
    while let Some(answer) = soon("an answer", answers.message()).await.unwrap() {
        assert_eq!(answer.error, None);
        logged += 1;
    }
    assert_eq!((logged, check_log(&host.audit())), (199, 199));
}

#[tokio::test]
async fn a_log_that_nobody_waits_for_still_proves_its_grants() {
    let host = Setup::development().set("audit.durability=relaxed").start().await;
    let caller = host.caller().await;
    let grant = caller.grant("a", "add", SUM).await;
    grant.check(host.folder());
    assert_eq!(caller.log(grant.report("42")).await, None);
}

#[tokio::test]
async fn a_host_can_be_without_local_dispatch() {
    let host = Setup::strict().set("local.enabled=false").start().await;
    let caller = host.caller().await;
    let call = adm::FunctionCall { call_id: "k".to_owned(), name: "add".to_owned(), args: SUM.to_owned() };
    let denied = caller.ask_for(call).await;
    assert_eq!(denied.error.unwrap().r#type, "FEATURE_UNAVAILABLE");
    assert_eq!(denied.correlation_id, "w-ask");
}

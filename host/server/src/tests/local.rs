//! The path to a grant: the decision that a call would meet, written down, and nothing routed (R-097 to R-104).

use std::time::Duration;

use grid_adm::{Digest, json};
use grid_audit::Record;
use grid_contract::Strict;
use grid_core::{
    Code, Refusal, Stage,
    clock::Clock as _,
    envelope::{Credentials, Envelope, OpenSession},
    local::{Authorized, BATCH, Batch, GiveBack, Granted, Report, UnseenArgs},
    outcome::ToolAnswer,
    port::{FrontDoor as _, LocalDoor as _},
    principal::SecurityClaim,
};
use grid_tlog::{Hash, Proof};

use super::desk::{Desk, SUM, ask, strict, strict_with, success};

/// `crunch` may be authorized by a digest of its arguments, `ring` by nobody.
const LAB: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"calc","required_roles":["caller"],"function_declarations":[
        {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT","properties":{}}}]},
    {"name":"lab","effect":"pure","required_roles":["caller"],"local":{"args_digest_only":true},"function_declarations":[
        {"name":"crunch","description":"Takes much.","parameters":{"type":"OBJECT","properties":{}}}]},
    {"name":"hall","effect":"read","required_roles":["caller"],"local":false,"function_declarations":[
        {"name":"ring","description":"Only here.","parameters":{"type":"OBJECT","properties":{}}}]}]}"#;

pub(super) async fn authorize(desk: &Desk<Strict>, who: &Credentials, call: Envelope) -> Result<Granted, Refusal> {
    match desk.door.authorize(who.clone(), call).await? {
        Authorized::Granted(granted) => Ok(*granted),
        Authorized::Waiting(waits) => Err(waits.refusal),
    }
}

/// The report of `call` under its grant.
pub(super) fn report(of: &Granted, call: &Envelope, content: &str) -> Report {
    let args = json::parse(&call.args).unwrap();
    Report {
        correlation_id: "w-report".to_owned(),
        session_id: call.session_id.clone(),
        invocation_id: of.invocation_id.to_string(),
        grant: of.receipt.leaf.to_vec(),
        args_digest: grid_adm::digest(&args).as_bytes().to_vec(),
        call_id: call.call_id.clone(),
        name: call.name.clone(),
        answer: Ok(ToolAnswer::Success(content.to_owned())),
        took: Duration::ZERO,
        ended_at_ms: 0,
    }
}

pub(super) fn back(of: &Granted, session: &str) -> GiveBack {
    GiveBack {
        correlation_id: "w-back".to_owned(),
        session_id: session.to_owned(),
        invocation_id: of.invocation_id.to_string(),
        grant: of.receipt.leaf.to_vec(),
        reason: "it runs elsewhere".to_owned(),
    }
}

#[tokio::test]
async fn a_grant_is_decided_on_the_path_of_a_call_and_routes_nothing() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let granted = authorize(&desk, &agent, ask(&session, "k", "sum", SUM)).await.unwrap();
    assert_eq!((granted.correlation_id.as_str(), granted.ttl), ("w-k", Duration::from_secs(60)));
    assert_eq!(granted.args, None);
    assert!(runtime.calls().is_empty(), "no runtime hears of it");
    let kinds: Vec<_> = desk.log.records().iter().map(|record| record.kind().to_owned()).collect();
    assert_eq!(kinds, ["session_opened", "admitted"]);
    let record = Record::decode(1, &granted.record).unwrap();
    assert_eq!((record.principal(), record.tenant(), record.proof()), (Some("agent"), Some("demo"), Some("token")));
    assert_eq!((record.rule(), record.number("epoch")), (Some("roles:caller"), Some(1)));
    assert_eq!((record.call_id(), record.runtime()), (Some("k"), None));
    assert_eq!(record.number("expires_ms"), Some(desk.clock.unix_ms() + 60_000));
}

#[tokio::test]
async fn a_grant_needs_no_runtime_at_all() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    assert!(authorize(&desk, &agent, ask(&session, "k", "look", "{}")).await.is_ok());
}

#[tokio::test]
async fn a_grant_can_be_checked_with_the_logs_key_alone() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let Granted { record, receipt, .. } = authorize(&desk, &agent, ask(&session, "k", "sum", SUM)).await.unwrap();
    assert_eq!(*Hash::leaf(&record).as_bytes(), receipt.leaf);
    let hash = |bytes: &[u8; 32]| Hash::from_bytes(*bytes);
    let inclusion = receipt.inclusion.iter().map(hash).collect();
    let proof = Proof::new(receipt.index, hash(&receipt.leaf), inclusion, receipt.checkpoint);
    assert_eq!(proof.verify(desk.log.key()).unwrap().size, 2);
}

#[tokio::test]
async fn every_approval_has_an_invocation_of_its_own() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let one = authorize(&desk, &agent, ask(&session, "k", "sum", SUM)).await.unwrap();
    let other = authorize(&desk, &agent, ask(&session, "l", "sum", SUM)).await.unwrap();
    assert_ne!(one.invocation_id, other.invocation_id);
    assert_ne!(one.receipt.leaf, other.receipt.leaf);
}

#[tokio::test]
async fn a_denial_is_that_of_a_call_and_is_recorded() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let guest = desk.token("guest", "demo", &[]);
    let guests = desk.session(&guest).await;
    let cases = [
        (&guest, ask(&guests, "a", "sum", SUM), Code::PermissionDenied, Stage::Authorize),
        (&agent, ask(&session, "b", "sum", "{}"), Code::InvalidToolArgs, Stage::Validate),
        (&agent, ask(&session, "c", "none", "{}"), Code::UnsupportedTool, Stage::Contract),
        (&agent, ask(&guests, "d", "sum", SUM), Code::InvalidSession, Stage::Session),
        (&agent, ask(&session, "", "sum", SUM), Code::MalformedRequest, Stage::Transport),
    ];
    for (who, call, code, stage) in cases {
        let refusal = authorize(&desk, who, call).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (code, stage));
        let record = desk.log.of("refused").pop().unwrap();
        assert_eq!((record.code(), record.stage()), (Some(code.as_str()), Some(stage.as_str())));
        assert_eq!(record.correlation(), refusal.context().correlation_id.as_ref().map(|id| id.as_str()));
    }
    assert_eq!((desk.log.of("admitted").len(), desk.host().grants.count()), (0, 0));
    let stranger = Credentials { bearer: None, loopback: true, ..Credentials::default() };
    let refusal = authorize(&desk, &stranger, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidCredentials);
}

#[tokio::test]
async fn what_a_request_says_of_its_sender_is_compared() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let claim = |principal: &str| Some(SecurityClaim { principal: principal.to_owned(), ..SecurityClaim::default() });
    let forged = Envelope { claim: claim("root"), ..ask(&session, "k", "sum", SUM) };
    assert_eq!(authorize(&desk, &agent, forged).await.unwrap_err().code(), Code::PermissionDenied);
    let true_one = Envelope { claim: claim("agent"), ..ask(&session, "k", "sum", SUM) };
    assert!(authorize(&desk, &agent, true_one).await.is_ok());
}

#[tokio::test]
async fn a_digest_stands_for_arguments_where_the_contract_permits_it() {
    let desk = strict_with(LAB);
    let (agent, session) = desk.agent().await;
    let digest = *Digest::of_bytes(b"{}").as_bytes();
    let unseen = Some(UnseenArgs { digest, bytes: 2 });
    let checked = Envelope { unseen, ..ask(&session, "k", "sum", "") };
    assert_eq!(authorize(&desk, &agent, checked).await.unwrap_err().code(), Code::InvalidToolArgs);
    let call = Envelope { unseen, ..ask(&session, "l", "crunch", "") };
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    let with_args = Envelope { args: "{}".to_owned(), ..call };
    desk.door.log_result(agent, report(&granted, &with_args, "1")).await.unwrap();
}

#[tokio::test]
async fn a_contract_can_keep_its_calls_to_runtimes() {
    let desk = strict_with(LAB);
    let (agent, session) = desk.agent().await;
    let refusal = authorize(&desk, &agent, ask(&session, "k", "ring", "{}")).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::FeatureUnavailable, Stage::Local));
    assert_eq!(desk.log.of("refused").len(), 1);
}

#[tokio::test]
async fn arguments_that_the_contract_rewrites_come_back_with_the_grant() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let granted = authorize(&desk, &agent, ask(&session, "k", "sum", r#"{"a":1.0,"b":2}"#)).await.unwrap();
    assert_eq!(granted.args.as_deref(), Some(SUM));
}

#[tokio::test]
async fn a_call_id_is_used_once_whoever_runs_it() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum", "send"]);
    let call = ask(&session, "k", "send", "{}");
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    assert_eq!(authorize(&desk, &agent, call.clone()).await.unwrap_err().code(), Code::MalformedRequest);
    desk.door.log_result(agent.clone(), report(&granted, &call, "1")).await.unwrap();
    let refusal = desk.call(&agent, call.clone()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedRequest, "it ran at its caller");
    assert!(runtime.calls().is_empty());
    desk.ended(&agent, ask(&session, "l", "sum", SUM), &runtime, success("3")).await.unwrap();
    let ran = authorize(&desk, &agent, ask(&session, "l", "sum", SUM)).await.unwrap_err();
    assert_eq!(ran.code(), Code::MalformedRequest, "it ran at a runtime");
}

#[tokio::test]
async fn a_call_goes_to_a_runtime_after_its_grant_was_given_back() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    let call = ask(&session, "k", "send", "{}");
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    let given = desk.door.cancel_grant(agent.clone(), back(&granted, &session)).await.unwrap();
    assert!(given.cancelled);
    desk.ended(&agent, call.clone(), &runtime, success("1")).await.unwrap();
    assert_eq!(runtime.calls().len(), 1);
    let late = desk.door.log_result(agent, report(&granted, &call, "1")).await.unwrap_err();
    assert_eq!(late.code(), Code::Cancelled);
}

#[tokio::test]
async fn too_many_open_grants_are_refused_with_a_time_to_ask_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    for number in 0..1000 {
        authorize(&desk, &agent, ask(&session, &format!("k{number}"), "sum", SUM)).await.unwrap();
    }
    let refusal = authorize(&desk, &agent, ask(&session, "more", "sum", SUM)).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_after_ms()), (Code::RateLimitExceeded, 1000));
    desk.clock.advance(Duration::from_secs(60));
    desk.host().settle_grants().await;
    assert!(authorize(&desk, &agent, ask(&session, "more", "sum", SUM)).await.is_ok());
}

#[tokio::test]
async fn nothing_is_granted_without_a_log() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    desk.log.disk.set_full(true);
    let refusal = authorize(&desk, &agent, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    assert_eq!(desk.host().grants.count(), 0);
    desk.log.disk.set_full(false);
    assert!(authorize(&desk, &agent, ask(&session, "k", "sum", SUM)).await.is_ok(), "the call_id was given back");
}

#[tokio::test]
async fn a_host_that_stops_grants_nothing_more() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    desk.host().stopping.cancel();
    let refusal = authorize(&desk, &agent, ask(&session, "l", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
    desk.door.log_result(agent, report(&granted, &call, "3")).await.unwrap();
}

async fn batching(desk: &Desk<Strict>, agent: &Credentials) -> String {
    let features = vec![BATCH.to_owned(), "other".to_owned()];
    let opened = desk
        .door
        .open_session(agent.clone(), OpenSession { features, level: 2, ..OpenSession::default() })
        .await
        .unwrap();
    assert_eq!(opened.features, [BATCH]);
    opened.session_id
}

#[tokio::test]
async fn a_batch_has_an_answer_for_each_of_its_items() {
    let desk = strict();
    let agent = desk.token("agent", "demo", &["caller"]);
    let session = batching(&desk, &agent).await;
    let fault = Refusal::new(Code::MalformedRequest, Stage::Transport, "no call");
    let items = vec![
        Ok(ask("", "a", "sum", SUM)),
        Ok(ask("", "b", "open", "{}")),
        Err(fault),
        Ok(ask("s-other", "c", "look", "{}")),
    ];
    let batch = Batch { session_id: session.clone(), correlation_id: "w-batch".to_owned(), items, ..Batch::default() };
    let all = desk.door.authorize_all(agent, batch).await.unwrap();
    assert_eq!(all.correlation_id.as_str(), "w-batch");
    let codes: Vec<_> = all.items.iter().map(|item| item.as_ref().err().map(Refusal::code)).collect();
    assert_eq!(codes, [None, Some(Code::PermissionDenied), Some(Code::MalformedRequest), None]);
    let admitted = desk.log.of("admitted");
    assert!(admitted.iter().all(|record| record.correlation() == Some("w-batch")));
    assert_eq!(admitted.len(), 2);
    assert_eq!(desk.log.of("refused").len(), 2);
}

#[tokio::test]
async fn the_items_of_a_batch_share_a_batch_of_the_log() {
    let desk = strict();
    let agent = desk.token("agent", "demo", &["caller"]);
    let session = batching(&desk, &agent).await;
    desk.log.disk.hold();
    let items = (0..256).map(|number| Ok(ask("", &format!("k{number}"), "sum", SUM))).collect();
    let batch = Batch { session_id: session, items, ..Batch::default() };
    let (door, before) = (desk.door.clone(), desk.log.disk.syncs());
    let all = desk.host().tasks.spawn(async move { door.authorize_all(agent, batch).await });
    grid_testkit::until("the first is being written", || desk.log.disk.is_waiting()).await;
    // All others are in the writer's queue before it goes on.
    for _ in 0..2000 {
        tokio::task::yield_now().await;
    }
    desk.log.disk.release();
    let all = all.await.unwrap().unwrap();
    assert_eq!(all.items.iter().filter(|item| item.is_ok()).count(), 256);
    let syncs = desk.log.disk.syncs() - before;
    assert!(syncs <= 4, "{syncs} syncs for 256 admissions");
}

#[tokio::test]
async fn a_batch_needs_its_feature_and_has_an_end() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let batch = |session: &str, count: usize| Batch {
        session_id: session.to_owned(),
        items: (0..count).map(|_| Ok(ask("", "k", "sum", SUM))).collect(),
        ..Batch::default()
    };
    let refusal = desk.door.authorize_all(agent.clone(), batch(&session, 1)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::FeatureUnavailable);
    let session = batching(&desk, &agent).await;
    let refusal = desk.door.authorize_all(agent.clone(), batch(&session, 257)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedRequest);
    let all = desk.door.authorize_all(agent, batch(&session, 2)).await.unwrap();
    assert_eq!(all.items.iter().filter(|item| item.is_ok()).count(), 1, "the same call_id twice is one grant");
}

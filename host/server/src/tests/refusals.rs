//! Refusals: their order, their code, and the one record that each leaves.

use std::time::Duration;

use grid_core::{
    Code, Refusal, Stage,
    clock::Clock as _,
    envelope::{Credentials, Envelope, OpenSession},
    id::SessionId,
    port::FrontDoor as _,
    principal::SecurityClaim,
};
use grid_testkit::until;

use super::desk::{Desk, SUM, ask, strict, success};

/// Sends a call that is refused, and looks at what that leaves.
async fn refused(desk: &Desk<grid_contract::Strict>, who: &Credentials, envelope: Envelope) -> (Code, Stage) {
    let correlation = envelope.correlation_id.clone();
    let admitted = desk.log.of("admitted").len();
    let refusal = desk.call(who, envelope).await.unwrap_err();
    let records: Vec<_> =
        desk.log.records().into_iter().filter(|record| record.correlation() == Some(&correlation)).collect();
    let [record] = &records[..] else { panic!("one record for {refusal:?}, there are {records:?}") };
    assert_eq!(record.kind(), "refused");
    assert_eq!(record.code(), Some(refusal.code().as_str()));
    assert_eq!(record.stage(), Some(refusal.stage().as_str()));
    assert_eq!(record.principal(), Some("agent"));
    assert_eq!(refusal.context().correlation_id.as_ref().map(ToString::to_string), Some(correlation));
    assert_eq!(desk.log.of("admitted").len(), admitted, "nothing was admitted");
    (refusal.code(), refusal.stage())
}

#[tokio::test]
async fn each_refusal_leaves_exactly_one_record_with_its_correlation_id() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let plain = desk.token("agent", "demo", &[]);
    let weak = desk.session(&plain).await;
    let runtime = desk.seated("calc", &["sum"]);
    let past = desk.clock.unix_ms();
    let unknown = SessionId::mint().to_string();
    let call = |id: &str, name: &str, args: &str| ask(&session, id, name, args);
    let cases = [
        (&agent, ask(&unknown, "r1", "sum", SUM), (Code::InvalidSession, Stage::Session)),
        (&agent, ask("", "r2", "sum", SUM), (Code::InvalidSession, Stage::Session)),
        (&agent, call("r3", "nothing", SUM), (Code::UnsupportedTool, Stage::Contract)),
        (&agent, call("r4", "", SUM), (Code::UnsupportedTool, Stage::Contract)),
        (&plain, ask(&weak, "r5", "sum", SUM), (Code::PermissionDenied, Stage::Authorize)),
        (&agent, call("r6", "open", "{}"), (Code::PermissionDenied, Stage::Authorize)),
        (&agent, call("r7", "shut", "{}"), (Code::PermissionDenied, Stage::Authorize)),
        (&agent, call("r8", "sum", "{}"), (Code::InvalidToolArgs, Stage::Validate)),
        (&agent, call("r9", "sum", "{"), (Code::MalformedRequest, Stage::Validate)),
        (&agent, call("r10", "send", "{}"), (Code::ServiceUnavailable, Stage::Resolve)),
        (&agent, Envelope { deadline_unix_ms: Some(past), ..call("r11", "sum", SUM) }, (Code::Timeout, Stage::Resolve)),
        (&agent, Envelope { streaming: true, ..call("r12", "sum", SUM) }, (Code::FeatureUnavailable, Stage::Transport)),
        (
            &agent,
            Envelope { parent_invocation_id: "i-1".to_owned(), ..call("r13", "sum", SUM) },
            (Code::FeatureUnavailable, Stage::Transport),
        ),
        (
            &agent,
            Envelope { call_id: " ".to_owned(), ..call("r14", "sum", SUM) },
            (Code::MalformedRequest, Stage::Transport),
        ),
    ];
    for (who, envelope, expected) in cases {
        let what = envelope.correlation_id.clone();
        assert_eq!(refused(&desk, who, envelope).await, expected, "{what}");
    }
    assert!(runtime.calls().is_empty(), "a runtime saw a refused call");
}

#[tokio::test]
async fn a_full_runtime_a_used_call_id_and_an_expired_session_leave_their_record_too() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let calls: Vec<_> = (0..4).map(|at| desk.begin(&agent, ask(&session, &format!("k{at}"), "sum", SUM))).collect();
    until("all are with the runtime", || runtime.waiting() == 4).await;
    let full = ask(&session, "r1", "sum", SUM);
    assert_eq!(refused(&desk, &agent, full).await, (Code::ResourceExhausted, Stage::Resolve));
    let other = Envelope { correlation_id: "w-r2".to_owned(), ..ask(&session, "k0", "sum", r#"{"a":2,"b":2}"#) };
    assert_eq!(refused(&desk, &agent, other).await, (Code::MalformedRequest, Stage::Repeat));
    for _ in 0..4 {
        runtime.end(success("3"));
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
    desk.clock.advance(Duration::from_secs(3600));
    let late = ask(&session, "r3", "sum", SUM);
    assert_eq!(refused(&desk, &agent, late).await, (Code::SessionExpired, Stage::Session));
}

#[tokio::test]
async fn requests_without_usable_proof_are_counted_and_recorded_together() {
    let desk = strict();
    let (_, session) = desk.agent().await;
    let before = desk.log.records().len();
    let nobody = Credentials { bearer: None, loopback: true, ..Credentials::default() };
    let forged = Credentials { bearer: Some("a.b.c".to_owned()), loopback: true, ..Credentials::default() };
    for who in [&nobody, &forged, &nobody] {
        let refusal = desk.call(who, ask(&session, "k", "sum", SUM)).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::InvalidCredentials, Stage::Identity));
    }
    assert_eq!(desk.log.records().len(), before, "strangers cannot fill the disk");
    desk.host().sweep().await;
    until("they are recorded", || desk.log.of("refused").len() == 1).await;
    let record = &desk.log.of("refused")[0];
    assert_eq!(record.code(), Some("INVALID_CREDENTIALS"));
    assert_eq!(record.detail(), Some("3 requests since the last such record"));
    assert_eq!(record.principal(), None);
    desk.host().sweep().await;
    desk.session(&desk.token("agent", "demo", &[])).await;
    assert_eq!(desk.log.of("refused").len(), 1, "none since then");
}

fn all_told(refusal: &Refusal) -> String {
    format!("{} {:?}", refusal.message(), refusal.details())
}

#[tokio::test]
async fn a_caller_without_the_role_learns_nothing_of_the_schema() {
    let desk = strict();
    let plain = desk.token("agent", "demo", &[]);
    let session = desk.session(&plain).await;
    let mut told = Vec::new();
    for (at, args) in [SUM, "{}", "[]", "{", r#"{"a":"x"}"#, r#"{"zz":1}"#].into_iter().enumerate() {
        let refusal = desk.call(&plain, ask(&session, &format!("k{at}"), "sum", args)).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Authorize), "{args}");
        told.push(all_told(&refusal));
    }
    told.dedup();
    assert_eq!(told.len(), 1, "good and bad arguments look the same: {told:?}");
    assert!(told[0].ends_with(" []"), "without details: {told:?}");
}

#[tokio::test]
async fn arguments_are_checked_also_where_the_decision_is_kept_and_nobody_serves() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    for call_id in ["k1", "k2", "k3"] {
        let refusal = desk.call(&agent, ask(&session, call_id, "sum", "{}")).await.unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidToolArgs);
    }
    assert_eq!(desk.host().authorize.hits_and_misses(), (2, 1));
}

#[tokio::test]
async fn a_foreign_session_looks_like_one_that_does_not_exist() {
    let desk = strict();
    let (_, session) = desk.agent().await;
    let unknown = SessionId::mint().to_string();
    let thief = desk.token("thief", "demo", &["caller"]);
    let elsewhere = desk.token("agent", "other", &["caller"]);
    for who in [&thief, &elsewhere] {
        let foreign = desk.call(who, ask(&session, "k", "sum", SUM)).await.unwrap_err();
        let missing = desk.call(who, ask(&unknown, "k", "sum", SUM)).await.unwrap_err();
        assert_eq!((foreign.code(), all_told(&foreign)), (missing.code(), all_told(&missing)));
        assert!(desk.close(who, &session, true).await.is_err());
        assert!(desk.door.list_tools(who.clone(), session.clone(), String::new()).await.is_err());
    }
    let owner = desk.log.of("refused");
    assert!(owner.iter().all(|record| record.principal() != Some("agent") || record.tenant() == Some("other")));
}

#[tokio::test]
async fn a_refusal_that_cannot_be_recorded_stays_a_refusal() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum", "open"]);
    desk.log.disk.break_down();
    for (id, name, code) in [
        ("k1", "open", Code::PermissionDenied),
        ("k2", "nothing", Code::UnsupportedTool),
        ("k3", "shut", Code::PermissionDenied),
    ] {
        assert_eq!(desk.call(&agent, ask(&session, id, name, "{}")).await.unwrap_err().code(), code);
    }
    assert!(runtime.calls().is_empty());
}

#[tokio::test]
async fn a_message_that_claims_to_be_somebody_else_opens_no_session() {
    let desk = strict();
    let agent = desk.token("agent", "demo", &["caller"]);
    for (principal, tenant) in [("root", ""), ("", "other"), ("agent", "other")] {
        let claim =
            SecurityClaim { principal: principal.to_owned(), tenant: tenant.to_owned(), ..SecurityClaim::default() };
        let request = OpenSession { correlation_id: "w-open".to_owned(), claim: Some(claim), ..OpenSession::default() };
        let refusal = desk.door.open_session(agent.clone(), request).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Identity));
    }
    let refused = desk.log.of("refused");
    assert_eq!(refused.len(), 3);
    assert!(refused.iter().all(|record| record.principal() == Some("agent") && record.correlation() == Some("w-open")));
    assert_eq!(desk.host().sessions.open(), 0);
}

//! Nothing runs that is not on record, and no outcome leaves before its own record.

use grid_core::{
    Code, Stage,
    envelope::OpenSession,
    outcome::ToolAnswer,
    port::FrontDoor as _,
    runtime::{Ending, Runtime as _},
};
use grid_testkit::until;

use super::desk::{SUM, ask, failure, strict, success};

#[tokio::test]
async fn the_admission_is_durable_before_the_runtime_has_the_frame() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.log.disk.hold();
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the admission is being written", || desk.log.disk.is_waiting()).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(runtime.calls().is_empty(), "the runtime has a call whose admission is not durable");
    desk.log.disk.release();
    until("the runtime has the call", || runtime.waiting() > 0).await;
    assert_eq!(desk.log.of("admitted").len(), 1);
    assert!(runtime.end(success("3")));
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn the_conclusion_is_durable_before_the_caller_has_the_answer() {
    for ending in [success("3"), failure("no"), Ending::Crashed("gone".to_owned())] {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let runtime = desk.seated("calc", &["sum"]);
        let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
        until("the runtime has the call", || runtime.waiting() > 0).await;
        desk.log.disk.hold();
        assert!(runtime.end(ending));
        until("the conclusion is being written", || desk.log.disk.is_waiting()).await;
        for _ in 0..1000 {
            tokio::task::yield_now().await;
        }
        assert!(!call.is_finished(), "the caller has an outcome whose conclusion is not durable");
        assert_eq!(runtime.card().load.in_flight(), 1, "its place is not free yet");
        desk.log.disk.release();
        drop(call.await.unwrap());
        assert_eq!(desk.log.of("concluded").len(), 1);
    }
}

#[tokio::test]
async fn where_the_admission_cannot_be_stored_nothing_runs() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    desk.log.disk.break_down();
    for id in ["k1", "k2"] {
        let refusal = desk.call(&agent, ask(&session, id, "send", "{}")).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::AuditUnavailable, Stage::Audit));
        assert!(!refusal.message().contains("told to fail"), "that is the operator's: {refusal}");
        assert!(refusal.internal().is_some_and(|internal| !internal.is_empty()));
    }
    assert!(runtime.calls().is_empty(), "the runtime saw a call without an admission");
    assert_eq!(runtime.card().load.in_flight(), 0, "its place is given back");
}

#[tokio::test]
async fn a_full_disk_admits_nothing_and_still_takes_conclusions() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    let call = desk.begin(&agent, ask(&session, "k", "send", "{}"));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    desk.log.disk.set_full(true);
    let refusal = desk.call(&agent, ask(&session, "k2", "send", "{}")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    assert!(runtime.end(success("null")));
    assert!(call.await.unwrap().is_ok(), "its conclusion has room");
    desk.log.disk.set_full(false);
    assert!(desk.ended(&agent, ask(&session, "k2", "send", "{}"), &runtime, success("1")).await.is_ok());
    assert_eq!(runtime.calls().len(), 2);
}

#[tokio::test]
async fn an_outcome_that_cannot_be_stored_is_no_success() {
    for ending in [success(r#""hunter2""#), failure("hunter2"), Ending::Crashed("hunter2".to_owned())] {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let runtime = desk.seated("mail", &["send"]);
        let call = desk.begin(&agent, ask(&session, "k", "send", "{}"));
        until("the runtime has the call", || runtime.waiting() > 0).await;
        desk.log.disk.break_down();
        assert!(runtime.end(ending));
        let refusal = call.await.unwrap().unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::OutcomeUnaudited, Stage::Audit));
        assert!(!refusal.retry_allowed(), "it may have run");
        assert!(refusal.context().invocation_id.is_some(), "an operator can look for it");
        assert!(!format!("{refusal:?} {:?}", refusal.details()).contains("hunter2"), "the outcome is withheld");
        let again = desk.call(&agent, ask(&session, "k", "send", "{}")).await;
        assert!(again.is_err(), "a repeat gets no success either: {again:?}");
        assert_eq!(runtime.calls().len(), 1, "and does not run it again");
    }
}

#[tokio::test]
async fn no_session_is_open_without_its_record() {
    let desk = strict();
    let agent = desk.token("agent", "demo", &["caller"]);
    desk.log.disk.set_full(true);
    let refusal = desk.door.open_session(agent.clone(), OpenSession::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    assert_eq!(desk.host().sessions.open(), 0);
    desk.log.disk.set_full(false);
    for _ in 0..100 {
        desk.session(&agent).await;
    }
    assert_eq!(desk.host().sessions.open(), 100, "the refused one does not count against its owner");
}

#[tokio::test]
async fn a_repeat_that_cannot_be_recorded_is_not_answered() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    desk.log.disk.set_full(true);
    let refusal = desk.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    desk.log.disk.set_full(false);
    let answer = desk.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap();
    assert_eq!((answer.answer, answer.repeated), (ToolAnswer::Success("3".to_owned()), true));
}

/// AUD-5: whatever becomes of the calls, each admission has one conclusion, and a runtime saw no other call.
#[tokio::test]
async fn every_admission_has_exactly_one_conclusion() {
    // Half of the calls fail, so breakers would keep the rest away.
    let desk = strict().unguarded();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send", "sum"]);
    let mut dice = grid_testkit::Dice::seeded(23);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..200 {
        let id = format!("k{round}");
        let name = if dice.coin() { "sum" } else { "send" };
        let args = if name == "sum" { SUM } else { "{}" };
        let call = desk.begin(&agent, ask(&session, &id, name, args));
        until("the runtime has the call", || runtime.waiting() > 0).await;
        match dice.below(6) {
            0 => assert!(runtime.end(success("1"))),
            1 => assert!(runtime.end(failure("no"))),
            2 => assert!(runtime.end(success("{"))),
            3 => assert!(runtime.end(Ending::Crashed("gone".to_owned()))),
            4 => assert!(desk.cancel(&agent, &session, &id).await.unwrap()),
            // Nothing is going on now but the waiting for the deadline: it comes at once.
            _ => tokio::time::pause(),
        }
        let ended = call.await.unwrap();
        if ended.as_ref().is_err_and(|refusal| refusal.code() == Code::Timeout) {
            tokio::time::resume();
        }
        seen.insert(ended.map_or_else(|refusal| refusal.code().as_str(), |_| "answered"));
    }
    let named = |kind: &str| {
        let mut named: Vec<_> = desk.log.of(kind).iter().map(|one| one.invocation().unwrap().to_owned()).collect();
        named.sort();
        named
    };
    let mut ran: Vec<_> = runtime.calls().iter().map(|call| call.invocation_id.to_string()).collect();
    ran.sort();
    assert_eq!(ran.len(), 200);
    assert_eq!(named("admitted"), ran);
    assert_eq!(named("concluded"), ran);
    let all = ["CANCELLED", "PROTOCOL_VIOLATION", "RUNTIME_CRASH", "TIMEOUT", "answered"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), all);
}

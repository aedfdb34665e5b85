//! The end of rights, by what it names.

use std::time::Duration;

use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, OpenSession},
    event::Kind,
    local::{Granted, Watched},
    outcome::CallAnswer,
    port::{AdminDoor as _, FrontDoor as _, LocalDoor as _},
    revocation::{Cause, Invalidate, Invalidated, Restore},
};
use grid_testkit::until;
use tokio::{join, task::JoinHandle};

use super::{
    desk::{Desk, SUM, ask, strict, success},
    local::{authorize, back, report},
};

/// Names whose rights end.
pub(super) fn of(tenant: &str, principal: &str) -> Invalidate {
    Invalidate {
        tenant: tenant.to_owned(),
        principal: principal.to_owned(),
        reason: "left".to_owned(),
        ..Invalidate::default()
    }
}

async fn revoke(desk: &Desk<grid_contract::Strict>, request: Invalidate) -> Invalidated {
    desk.door.invalidate(desk.token("root", "ops", &["operator"]), request).await.unwrap()
}

struct Holder {
    who: Credentials,
    session: String,
    granted: Granted,
}

async fn holder(desk: &Desk<grid_contract::Strict>, name: &str, tenant: &str, tool: &str) -> Holder {
    let who = desk.token(name, tenant, &["caller"]);
    let session = desk.session(&who).await;
    let granted =
        authorize(desk, &who, ask(&session, "k", tool, if tool == "sum" { SUM } else { "{}" })).await.unwrap();
    Holder { who, session, granted }
}

/// Whether the grant is still good: its report is taken.
async fn lives(desk: &Desk<grid_contract::Strict>, holder: &Holder, tool: &str) -> bool {
    let call = ask(&holder.session, "k", tool, if tool == "sum" { SUM } else { "{}" });
    match desk.door.log_result(holder.who.clone(), report(&holder.granted, &call, "3")).await {
        Ok(_) => true,
        Err(refusal) => {
            assert_eq!((refusal.code(), &refusal.details()[0].1[..]), (Code::PermissionDenied, "revoked"));
            false
        }
    }
}

#[tokio::test]
async fn grants_end_that_fit_every_name_and_others_are_decided_anew() {
    let desk = strict();
    let alice = holder(&desk, "alice", "acme", "sum").await;
    let bob = holder(&desk, "bob", "acme", "sum").await;
    let alice_elsewhere = holder(&desk, "alice", "other", "sum").await;
    let done = revoke(&desk, of("acme", "alice")).await;
    assert_eq!((done.epoch, done.ended_grants, done.cancelled_calls, done.repeated), (2, 1, 0, false));
    assert!(!lives(&desk, &alice, "sum").await);
    assert!(lives(&desk, &bob, "sum").await && lives(&desk, &alice_elsewhere, "sum").await);
    let kinds: Vec<_> = desk.log.records().iter().map(|record| record.kind().to_owned()).collect();
    let at = |kind: &str| kinds.iter().position(|other| other == kind).unwrap();
    assert!(at(Kind::Invalidated.as_str()) < at(Kind::Concluded.as_str()), "{kinds:?}");
}

#[tokio::test]
async fn tools_and_sessions_are_names_too() {
    let desk = strict();
    let (one, two) = (holder(&desk, "alice", "acme", "sum").await, holder(&desk, "alice", "acme", "send").await);
    let tool = Invalidate { tool: "se*".to_owned(), ..Invalidate::default() };
    assert_eq!(revoke(&desk, tool).await.ended_grants, 1);
    assert!(lives(&desk, &one, "sum").await && !lives(&desk, &two, "send").await);
    let (one, two) = (holder(&desk, "alice", "acme", "sum").await, holder(&desk, "alice", "acme", "sum").await);
    let session = Invalidate { session: two.session.clone(), ..Invalidate::default() };
    assert_eq!(revoke(&desk, session).await.ended_grants, 1);
    assert!(lives(&desk, &one, "sum").await && !lives(&desk, &two, "sum").await);
}

#[tokio::test]
async fn a_grant_that_is_not_meant_outlives_several_invalidations_and_not_its_session() {
    let desk = strict();
    let bob = holder(&desk, "bob", "acme", "sum").await;
    for _ in 0..3 {
        assert_eq!(revoke(&desk, of("acme", "alice")).await.ended_grants, 0);
    }
    assert_eq!(desk.host().grants.count(), 1);
    // Nobody knows any more what the session was opened with, so nothing can be decided anew.
    desk.clock.advance(Duration::from_secs(3600));
    revoke(&desk, of("acme", "alice")).await;
    assert_eq!(desk.host().grants.count(), 0);
    assert!(
        desk.door
            .log_result(bob.who.clone(), report(&bob.granted, &ask(&bob.session, "k", "sum", SUM), "3"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_restart_ends_what_only_the_process_before_could_decide_anew() {
    let desk = strict();
    let bob = holder(&desk, "bob", "acme", "sum").await;
    revoke(&desk, of("acme", "alice")).await;
    let desk = desk.killed(Duration::from_secs(1));
    desk.host().settle_grants().await;
    assert!(!lives(&desk, &bob, "sum").await);
}

#[tokio::test]
async fn a_record_says_what_was_asked_for_and_what_ended() {
    let desk = strict();
    holder(&desk, "alice", "acme", "sum").await;
    let request = Invalidate {
        cause: Some(Cause::RoleChange),
        event_id: "siem-1".to_owned(),
        cancel_running: true,
        ..of("acme", "al*")
    };
    revoke(&desk, request).await;
    let [record] = &desk.log.of("invalidated")[..] else { panic!("one record") };
    assert_eq!((record.principal(), record.tenant(), record.detail()), (Some("root"), Some("ops"), Some("left")));
    assert_eq!((record.text("event"), record.text("event_id")), (Some("user_role_change"), Some("siem-1")));
    let scope = serde_json::json!(["principal=al*", "tenant=acme", "cancel_running"]);
    assert_eq!(record.fields().get("scope"), Some(&scope));
    let number = |name| record.number(name);
    assert_eq!((number("epoch"), number("ended_grants"), number("cancelled_calls")), (Some(2), Some(1), Some(0)));
}

#[tokio::test]
async fn running_calls_that_fit_are_cancelled_within_the_request_and_say_why() {
    let desk = strict();
    let (alice, bob) = (desk.token("alice", "acme", &["caller"]), desk.token("bob", "acme", &["caller"]));
    let runtime = desk.seated_for("calc", "acme", &["sum", "look"]);
    let (of_alice, of_bob) = (desk.session(&alice).await, desk.session(&bob).await);
    let one = desk.begin(&alice, ask(&of_alice, "k", "sum", SUM));
    let other_tool = desk.begin(&alice, ask(&of_alice, "l", "look", "{}"));
    let other = desk.begin(&bob, ask(&of_bob, "k", "sum", SUM));
    until("all run", || runtime.waiting() == 3).await;
    let granted = authorize(&desk, &alice, ask(&of_alice, "g", "sum", SUM)).await.unwrap();
    let done = revoke(&desk, Invalidate { tool: "sum".to_owned(), cancel_running: true, ..of("acme", "alice") }).await;
    assert_eq!((done.ended_grants, done.cancelled_calls), (1, 1), "a grant is no running call");
    let refusal = one.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::Cancelled);
    assert!(!refusal.message().contains("left"), "the reason is the operator's");
    let cancelled = runtime.cancelled();
    assert_eq!((cancelled.len(), cancelled[0].1.as_str()), (1, "revoked: left"));
    let concluded = desk.log.of("concluded");
    let of = |call: &str| concluded.iter().find(|record| record.text("call_id") == Some(call)).unwrap();
    assert_eq!((of("k").code(), of("k").detail()), (Some("CANCELLED"), Some("revoked: left")));
    assert_eq!(
        (of("g").outcome(), of("g").invocation()),
        (Some("revoked"), Some(&granted.invocation_id.to_string()[..]))
    );
    assert!(!other_tool.is_finished() && !other.is_finished());
    for _ in 0..2 {
        assert!(runtime.end(success("3")));
    }
    assert!(other_tool.await.unwrap().is_ok() && other.await.unwrap().is_ok());
}

#[tokio::test]
async fn what_runs_goes_on_where_nobody_wishes_otherwise() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("it runs", || runtime.waiting() == 1).await;
    assert_eq!(revoke(&desk, Invalidate::everything("x")).await.cancelled_calls, 0);
    runtime.end(success("3"));
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn the_same_event_has_one_effect_and_one_record() {
    let desk = strict();
    let event = Invalidate { event_id: "siem-1".to_owned(), ..of("acme", "alice") };
    holder(&desk, "alice", "acme", "sum").await;
    let first = revoke(&desk, event.clone()).await;
    let (one, two) =
        join!(revoke(&desk, event.clone()), revoke(&desk, Invalidate { reason: "again".to_owned(), ..event.clone() }));
    assert_eq!(one, Invalidated { repeated: true, ..first });
    assert_eq!((one, first.ended_grants), (two, 1));
    assert_eq!((desk.log.of("invalidated").len(), desk.host().authorize.epoch()), (1, 2));
    desk.clock.advance(Duration::from_secs(86_400));
    assert_eq!(revoke(&desk, event).await.epoch, 3, "a day later it is another event");
}

#[tokio::test]
async fn an_event_whose_first_sending_is_still_written_is_answered_with_that_one() {
    let desk = strict();
    let event = Invalidate { event_id: "siem-1".to_owned(), ..of("acme", "alice") };
    desk.log.disk.hold();
    let operator = desk.token("root", "ops", &["operator"]);
    let send = || {
        let (door, who, event) = (desk.door.clone(), operator.clone(), event.clone());
        desk.host().tasks.spawn(async move { door.invalidate(who, event).await })
    };
    let first = send();
    until("its record is being written", || desk.log.disk.is_waiting()).await;
    let second = send();
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished(), "it is not answered before the effect is on record");
    desk.log.disk.release();
    assert!(!first.await.unwrap().unwrap().repeated);
    assert!(second.await.unwrap().unwrap().repeated);
    assert_eq!(desk.host().authorize.epoch(), 2);
}

#[tokio::test]
async fn a_name_of_an_event_is_not_another_events() {
    let desk = strict();
    revoke(&desk, Invalidate { event_id: "siem-1".to_owned(), ..of("acme", "alice") }).await;
    let operator = desk.token("root", "ops", &["operator"]);
    for other in [of("acme", "bob"), Invalidate { cancel_running: true, ..of("acme", "alice") }] {
        let other = Invalidate { event_id: "siem-1".to_owned(), ..other };
        let refusal = desk.door.invalidate(operator.clone(), other).await.unwrap_err();
        assert_eq!(refusal.code(), Code::MalformedRequest);
    }
    assert_eq!((desk.host().authorize.epoch(), desk.log.of("refused").len()), (2, 2));
}

#[tokio::test]
async fn what_cannot_be_meant_ends_nothing_and_is_recorded() {
    let desk = strict();
    let operator = desk.token("root", "ops", &["operator"]);
    let bad = [
        of("acme", "*alice"),
        of("a*b", ""),
        Invalidate { tool: "\u{200b}".to_owned(), ..Invalidate::default() },
        Invalidate { event_id: "a b".to_owned(), ..Invalidate::default() },
        Invalidate { event_id: "x".repeat(129), ..Invalidate::default() },
        Invalidate { revoke_proofs: true, ..of("", "alice") },
        Invalidate { revoke_proofs: true, ..of("acme", "") },
        Invalidate { revoke_proofs: true, ..of("acme", "al*") },
    ];
    for (at, request) in bad.into_iter().enumerate() {
        let refusal = desk.door.invalidate(operator.clone(), request).await.unwrap_err();
        assert_eq!(refusal.code(), Code::MalformedRequest, "{at}");
        assert_eq!(desk.log.of("refused").len(), at + 1);
    }
    assert_eq!(desk.host().authorize.epoch(), 1);
}

#[tokio::test]
async fn those_who_watch_hear_of_every_epoch_and_of_reasons_that_are_about_them() {
    let desk = strict();
    let (alice, bob) = (holder(&desk, "alice", "acme", "sum").await, holder(&desk, "bob", "other", "sum").await);
    let watch = |holder: &Holder| desk.door.watch_grants(holder.who.clone(), holder.session.clone(), String::new());
    let (mut of_alice, mut of_bob) = (watch(&alice).await.unwrap(), watch(&bob).await.unwrap());
    for watcher in [&mut of_alice, &mut of_bob] {
        assert!(matches!(watcher.recv().await, Some(Watched::Epoch { epoch: 1, .. })));
    }
    revoke(&desk, of("acme", "")).await;
    let Some(Watched::Epoch { epoch: 2, reason }) = of_alice.recv().await else { panic!("an epoch") };
    assert_eq!(reason, "left");
    let Some(Watched::Epoch { epoch: 2, reason }) = of_bob.recv().await else { panic!("an epoch") };
    assert_eq!(reason, "", "what happens in another tenant is not told");
}

/// A call of `sum` whose admission waits behind another record when rights end.
async fn call_while_rights_end(
    desk: &Desk<grid_contract::Strict>,
    (agent, session): (&Credentials, &str),
    request: Invalidate,
) -> (JoinHandle<Result<CallAnswer, Refusal>>, Invalidated) {
    desk.log.disk.hold();
    let other = desk.token("other", "demo", &["caller"]);
    let (door, opening) = (desk.door.clone(), OpenSession::default());
    let busy = desk.host().tasks.spawn(async move { door.open_session(other, opening).await });
    until("the writer is busy", || desk.log.disk.is_waiting()).await;
    let call = desk.begin(agent, ask(session, "k", "sum", SUM));
    until("the admission waits", || desk.log.ledger.status().queued > 0).await;
    let (door, root) = (desk.door.clone(), desk.token("root", "ops", &["operator"]));
    let revoking = desk.host().tasks.spawn(async move { door.invalidate(root, request).await });
    until("its record waits too", || desk.log.ledger.status().queued > 1).await;
    desk.log.disk.release();
    busy.await.unwrap().unwrap();
    (call, revoking.await.unwrap().unwrap())
}

#[tokio::test]
async fn a_call_whose_rights_end_before_it_is_admitted_is_admitted_under_those_of_then() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let (call, revoked) = call_while_rights_end(&desk, (&agent, &session), Invalidate::everything("x")).await;
    assert_eq!(revoked.epoch, 2);
    until("the runtime has the call", || runtime.waiting() > 0).await;
    assert!(runtime.end(success("3")));
    assert!(call.await.unwrap().is_ok());
    let records = desk.log.records();
    let at = |kind: &str| records.iter().position(|record| record.kind() == kind).unwrap();
    assert!(at("invalidated") < at("admitted"), "the writer refused the admission that was decided before");
    let [admitted] = &desk.log.of("admitted")[..] else { panic!("one admission") };
    assert_eq!(admitted.number("epoch"), Some(2));
}

#[tokio::test]
async fn a_call_of_somebody_whose_proofs_end_before_it_is_admitted_is_not_admitted() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let request = Invalidate { revoke_proofs: true, ..of("demo", "agent") };
    let (call, _) = call_while_rights_end(&desk, (&agent, &session), request).await;
    let refusal = call.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::InvalidCredentials, Stage::Identity));
    assert!(desk.log.of("admitted").is_empty(), "the log has no call that nobody was proved to have asked for");
    assert!(runtime.calls().is_empty());
}

#[tokio::test]
async fn a_grant_that_was_given_back_is_no_grant_that_ended() {
    let desk = strict();
    let alice = holder(&desk, "alice", "acme", "sum").await;
    desk.door.cancel_grant(alice.who.clone(), back(&alice.granted, &alice.session)).await.unwrap();
    assert_eq!(revoke(&desk, Invalidate::everything("x")).await.ended_grants, 0);
}

#[tokio::test]
async fn what_proved_somebody_is_void_until_they_prove_themselves_anew() {
    let desk = strict();
    let alice = holder(&desk, "alice", "acme", "sum").await;
    let namesake = holder(&desk, "alice", "other", "sum").await;
    let proofs = Invalidate { tool: "look".to_owned(), revoke_proofs: true, ..of("acme", "alice") };
    assert_eq!(revoke(&desk, proofs).await.ended_grants, 1, "whatever the tool: nobody is proved who could hold it");
    let refusal = desk.call(&alice.who, ask(&alice.session, "n", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidCredentials);
    assert!(lives(&desk, &namesake, "sum").await);
    let [record] = &desk.log.of("principal_revoked")[..] else { panic!("one record") };
    assert_eq!((record.principal(), record.detail()), (Some("root"), Some("left")));
    desk.clock.advance(Duration::from_secs(31));
    let anew = desk.token("alice", "acme", &["caller"]);
    desk.session(&anew).await;
}

#[tokio::test]
async fn a_call_of_somebody_whose_proofs_end_while_it_is_written_down_is_not_sent() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.log.disk.hold();
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the admission is being written", || desk.log.disk.is_waiting()).await;
    let (door, root) = (desk.door.clone(), desk.token("root", "ops", &["operator"]));
    let request = Invalidate { revoke_proofs: true, ..of("demo", "agent") };
    let revoking = desk.host().tasks.spawn(async move { door.invalidate(root, request).await });
    until("the proofs are void", || desk.host().authorize.epoch() == 2).await;
    desk.log.disk.release();
    let refusal = call.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Dispatch));
    assert!(runtime.calls().is_empty(), "the roles permit it still, but nobody is proved who has them");
    revoking.await.unwrap().unwrap();
    assert_eq!(desk.log.of("concluded").len(), 1);
}

#[tokio::test]
async fn a_revocation_is_listed_and_taken_back_and_both_are_recorded() {
    let desk = strict();
    let root = desk.token("root", "ops", &["operator"]);
    let alice = holder(&desk, "alice", "acme", "sum").await;
    revoke(&desk, Invalidate { revoke_proofs: true, ..of("acme", "alice") }).await;
    let [row] = &desk.door.revocations(root.clone()).await.unwrap()[..] else { panic!("one row") };
    assert_eq!((&*row.tenant, &*row.principal, &*row.reason), ("acme", "alice", "left"));
    let back =
        |tenant: &str| Restore { tenant: tenant.to_owned(), principal: "alice".to_owned(), reason: "back".to_owned() };
    assert!(!desk.door.restore(root.clone(), back("other")).await.unwrap(), "nobody of that name is revoked there");
    assert!(desk.door.restore(root.clone(), back("acme")).await.unwrap());
    assert!(desk.door.revocations(root.clone()).await.unwrap().is_empty());
    desk.session(&alice.who).await;
    let [record] = &desk.log.of("principal_restored")[..] else { panic!("one record") };
    assert_eq!(record.fields().get("scope"), Some(&serde_json::json!(["principal=alice", "tenant=acme"])));
    let refusal = desk.door.restore(root, back("ac*")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedRequest);
}

#[tokio::test]
async fn streams_and_runtimes_of_somebody_whose_proofs_are_void_end() {
    let desk = strict();
    let alice = holder(&desk, "alice", "demo", "sum").await;
    let mut watching = desk.door.watch_grants(alice.who.clone(), alice.session.clone(), String::new()).await.unwrap();
    assert!(matches!(watching.recv().await, Some(Watched::Epoch { epoch: 1, .. })));
    let attached = desk.attach("calc").await;
    revoke(&desk, Invalidate { revoke_proofs: true, ..of("demo", "alice") }).await;
    let end = async {
        loop {
            match watching.recv().await {
                Some(Watched::Epoch { .. }) => {}
                Some(Watched::End(refusal)) => return refusal,
                None => panic!("the host says why"),
            }
        }
    };
    assert_eq!(end.await.code(), Code::InvalidCredentials);
    assert!(!desk.host().hub.list()[0].ended().is_cancelled());
    revoke(&desk, Invalidate { revoke_proofs: true, ..of("demo", "calc") }).await;
    assert!(desk.host().hub.list().iter().all(|wire| wire.ended().is_cancelled()));
    drop(attached);
}

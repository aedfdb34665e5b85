//! What is reported under a grant, and how grants end without that.

use std::time::Duration;

use grid_audit::Record;
use grid_core::{
    Code,
    local::{Report, Watched},
    outcome::ToolAnswer,
    port::{AdminDoor as _, LocalDoor as _},
    revocation::Invalidate,
};
use grid_testkit::until;

use super::{
    desk::{SUM, ask, strict},
    local::{authorize, back, report},
};

fn kinds(records: &[Record]) -> Vec<(&str, Option<&str>)> {
    records.iter().map(|record| (record.kind(), record.outcome())).collect()
}

#[tokio::test]
async fn a_report_is_logged_once_and_its_repeat_changes_nothing() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    for _ in 0..3 {
        let logged = desk.door.log_result(agent.clone(), report(&granted, &call, "3")).await.unwrap();
        assert_eq!((logged.invocation_id, logged.correlation_id.as_str()), (granted.invocation_id, "w-report"));
    }
    let records = desk.log.records();
    assert_eq!(kinds(&records[1..]), [("admitted", None), ("concluded", Some("success"))]);
    assert_eq!(records[2].fields().get("claimed"), Some(&true.into()), "it is the caller's word");
    assert_eq!(records[2].correlation(), Some("w-k"), "of the call, as every record of it");
}

#[tokio::test]
async fn a_conclusion_is_durable_before_its_report_is_answered() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    desk.log.disk.hold();
    let (door, who, told) = (desk.door.clone(), agent.clone(), report(&granted, &call, "3"));
    let logging = desk.host().tasks.spawn(async move { door.log_result(who, told).await });
    grid_testkit::until("the conclusion is being written", || desk.log.disk.is_waiting()).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!logging.is_finished());
    desk.log.disk.release();
    assert!(logging.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_report_that_does_not_fit_is_a_security_event_and_nothing_else() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    let right = || report(&granted, &call, "3");
    let other = desk.session(&agent).await;
    let thief = desk.token("thief", "demo", &["caller"]);
    let cases = [
        (&agent, Report { grant: vec![0; 32], ..right() }, "unknown_grant", "unknown_grant"),
        (&agent, Report { session_id: other, ..right() }, "foreign_session", "unknown_grant"),
        (&thief, right(), "foreign_principal", "unknown_grant"),
        (&agent, Report { args_digest: vec![0; 32], ..right() }, "args_mismatch", "args_mismatch"),
        (&agent, Report { call_id: "x".to_owned(), ..right() }, "call_mismatch", "call_mismatch"),
        (&agent, Report { took: Duration::from_secs(9), ..right() }, "impossible_time", "impossible_time"),
    ];
    for (who, told, recorded, answered) in cases {
        let refusal = desk.door.log_result(who.clone(), told).await.unwrap_err();
        assert_eq!(refusal.code(), Code::SecurityViolation);
        assert_eq!(refusal.details(), [("signal", answered.to_owned())]);
        assert!(!refusal.retry_allowed());
        let event = desk.log.of("rejected_result").pop().unwrap();
        assert_eq!((event.text("signal"), event.correlation()), (Some(recorded), Some("w-report")));
        assert_eq!(event.invocation(), Some(granted.invocation_id.to_string().as_str()));
        let name = if std::ptr::eq(who, &raw const thief) { "thief" } else { "agent" };
        assert_eq!(event.principal(), Some(name));
    }
    assert_eq!(desk.host().grants.count(), 1, "the grant is as good as before");
    desk.door.log_result(agent.clone(), right()).await.unwrap();
    let reused = desk.door.log_result(agent, report(&granted, &call, "4")).await.unwrap_err();
    assert_eq!(reused.details(), [("signal", "reused".to_owned())]);
    assert_eq!(desk.log.of("concluded").len(), 1);
}

#[tokio::test]
async fn a_result_that_is_none_is_refused_and_may_be_sent_right() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    for answer in [Ok(ToolAnswer::Success("{".to_owned())), Err("`result` is missing".to_owned())] {
        let told = Report { answer, ..report(&granted, &call, "") };
        assert_eq!(desk.door.log_result(agent.clone(), told).await.unwrap_err().code(), Code::MalformedRequest);
    }
    assert!(desk.log.of("rejected_result").is_empty());
    desk.door.log_result(agent, report(&granted, &call, "3")).await.unwrap();
}

#[tokio::test]
async fn what_is_not_reported_in_time_is_found_and_a_late_report_is_kept() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "send", "{}");
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    desk.clock.advance(Duration::from_secs(60));
    desk.host().settle_grants().await;
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one record") };
    assert_eq!((concluded.outcome(), concluded.tool()), (Some("unreported"), Some("send")));
    let refusal = desk.door.log_result(agent, report(&granted, &call, "3")).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.details()), (Code::Timeout, &[("signal", "expired".to_owned())][..]));
    assert!(!refusal.retry_allowed());
    let [late] = &desk.log.of("late_result")[..] else { panic!("one record") };
    assert_eq!((late.outcome(), late.text("signal")), (Some("success"), Some("expired")));
    assert!(late.text("result_digest").is_some() && late.fields().contains_key("claimed"));
}

#[tokio::test]
async fn an_invalidation_kills_open_grants_before_it_returns() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let operator = desk.token("root", "demo", &["operator"]);
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    assert_eq!(desk.door.invalidate(operator, Invalidate::everything("role revoked")).await.unwrap().epoch, 2);
    assert_eq!(
        kinds(&desk.log.records()[1..]),
        [("admitted", None), ("invalidated", None), ("concluded", Some("revoked")),]
    );
    let refusal = desk.door.log_result(agent.clone(), report(&granted, &call, "3")).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.details()), (Code::PermissionDenied, &[("signal", "revoked".to_owned())][..]));
    let again = authorize(&desk, &agent, ask(&session, "l", "sum", SUM)).await.unwrap();
    assert_eq!(Record::decode(0, &again.record).unwrap().number("epoch"), Some(2));
}

#[tokio::test]
async fn who_watches_hears_the_epoch_at_once_and_each_later_one() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let operator = desk.token("root", "demo", &["operator"]);
    let mut steps = desk.door.watch_grants(agent.clone(), session.clone(), String::new()).await.unwrap();
    let Some(Watched::Epoch { epoch: 1, .. }) = steps.recv().await else { panic!("the epoch now") };
    desk.door.invalidate(operator, Invalidate::everything("role revoked")).await.unwrap();
    let Some(Watched::Epoch { epoch: 2, reason }) = steps.recv().await else { panic!("the next epoch") };
    assert_eq!(reason, "role revoked");
    desk.close(&agent, &session, true).await.unwrap();
    let Some(Watched::End(refusal)) = steps.recv().await else { panic!("the session ended") };
    assert_eq!(refusal.code(), Code::InvalidSession);
    assert!(steps.recv().await.is_none());
    let foreign = desk.token("other", "demo", &["caller"]);
    let session = desk.session(&agent).await;
    let refused = desk.door.watch_grants(foreign, session, String::new()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidSession);
}

#[tokio::test]
async fn the_host_that_stops_tells_those_who_watch() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut steps = desk.door.watch_grants(agent.clone(), session.clone(), String::new()).await.unwrap();
    assert!(matches!(steps.recv().await, Some(Watched::Epoch { .. })));
    desk.host().stopping.cancel();
    let Some(Watched::End(refusal)) = steps.recv().await else { panic!("it stops") };
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
}

#[tokio::test]
async fn the_end_of_a_session_concludes_its_grants_as_cancelled() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    let busy = desk.close(&agent, &session, false).await.unwrap_err();
    assert_eq!(busy.code(), Code::InvalidSession, "a grant is a call in flight");
    assert_eq!(desk.close(&agent, &session, true).await.unwrap(), 1);
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one record") };
    assert_eq!((concluded.outcome(), concluded.code()), (Some("failed"), Some("CANCELLED")));
    let refusal = desk.door.log_result(agent, report(&granted, &call, "3")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Cancelled);
}

#[tokio::test]
async fn a_cancelled_call_is_a_cancelled_grant() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    assert!(desk.cancel(&agent, &session, "k").await.unwrap());
    let refusal = desk.door.log_result(agent, report(&granted, &call, "3")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::Cancelled);
}

#[tokio::test]
async fn giving_back_says_whether_the_call_can_still_have_run() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    let thief = desk.token("thief", "demo", &["caller"]);
    let refusal = desk.door.cancel_grant(thief, back(&granted, &session)).await.unwrap_err();
    assert_eq!(refusal.details(), [("signal", "unknown_grant".to_owned())]);
    assert_eq!(desk.log.of("rejected_result")[0].text("signal"), Some("foreign_principal"));
    desk.door.log_result(agent.clone(), report(&granted, &call, "3")).await.unwrap();
    let given = desk.door.cancel_grant(agent.clone(), back(&granted, &session)).await.unwrap();
    assert!(!given.cancelled, "it was reported");
    let other = authorize(&desk, &agent, ask(&session, "l", "sum", SUM)).await.unwrap();
    for _ in 0..2 {
        assert!(desk.door.cancel_grant(agent.clone(), back(&other, &session)).await.unwrap().cancelled);
    }
    assert_eq!(desk.log.of("concluded").len(), 2);
    let cancelled = desk.log.of("concluded").pop().unwrap();
    assert_eq!((cancelled.code(), cancelled.detail()), (Some("CANCELLED"), Some("it runs elsewhere")));
}

#[tokio::test]
async fn a_killed_hosts_grants_are_the_next_ones() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let (kept, lost) = (ask(&session, "k", "sum", SUM), ask(&session, "l", "send", "{}"));
    let granted = authorize(&desk, &agent, kept.clone()).await.unwrap();
    let desk = desk.killed(Duration::from_secs(30));
    // Its session is gone with the process; the grant names it all the same.
    let told = Report { took: Duration::from_secs(30), ..report(&granted, &kept, "3") };
    desk.door.log_result(agent.clone(), told.clone()).await.unwrap();
    desk.door.log_result(agent.clone(), told).await.unwrap();
    let session = desk.session(&agent).await;
    let granted = authorize(&desk, &agent, ask(&session, "l", "send", "{}")).await.unwrap();
    let desk = desk.killed(Duration::from_secs(60));
    let outcomes: Vec<_> = desk.log.of("concluded").iter().map(|r| r.outcome().unwrap().to_owned()).collect();
    assert_eq!(outcomes, ["success", "unreported"]);
    let refusal = desk.door.log_result(agent, report(&granted, &lost, "3")).await.unwrap_err();
    assert_eq!(refusal.details(), [("signal", "unknown_grant".to_owned())], "without an index nobody remembers it");
}

#[tokio::test]
async fn an_invalidation_survives_the_host_that_made_it() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let operator = desk.token("root", "demo", &["operator"]);
    desk.door.invalidate(operator.clone(), Invalidate::default()).await.unwrap();
    let call = ask(&session, "k", "sum", SUM);
    let granted = authorize(&desk, &agent, call.clone()).await.unwrap();
    let desk = desk.killed(Duration::from_secs(1));
    assert_eq!(desk.host().authorize.epoch(), 2, "epochs go on");
    desk.door.invalidate(operator, Invalidate::default()).await.unwrap();
    let refusal = desk.door.log_result(agent, report(&granted, &call, "3")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
}

#[tokio::test]
async fn one_tenant_cannot_take_all_places_of_those_who_watch() {
    let desk = strict();
    let mut watching = Vec::new();
    for tenant in ["demo", "other"] {
        let who = desk.token("agent", tenant, &["caller"]);
        let session = desk.session(&who).await;
        for _ in 0..4 {
            watching.push(desk.door.watch_grants(who.clone(), session.clone(), String::new()).await.unwrap());
        }
        let refusal = desk.door.watch_grants(who.clone(), session, String::new()).await.unwrap_err();
        assert_eq!(refusal.code(), Code::ResourceExhausted, "a quarter of sixteen");
    }
    drop(watching);
    until("all have ended", || desk.host().tasks.is_empty()).await;
    let (agent, session) = desk.agent().await;
    desk.door.watch_grants(agent, session, String::new()).await.unwrap();
}

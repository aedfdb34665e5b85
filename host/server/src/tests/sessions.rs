//! Sessions: opened, closed, run out; and what goes with them.

use std::time::Duration;

use grid_core::{Code, Stage, envelope::OpenSession, id::SessionId, port::FrontDoor as _, runtime::Runtime as _};
use grid_resolve::Scope;
use grid_testkit::{FakeRuntime, until};

use super::desk::{SUM, ask, strict, success};

#[tokio::test]
async fn a_session_id_is_the_hosts_own_whatever_was_suggested() {
    let desk = strict();
    let agent = desk.token("agent", "demo", &["caller"]);
    let request = OpenSession {
        correlation_id: "w-open".to_owned(),
        label: "s-00000000000000000000000000000000".to_owned(),
        ttl: Some(Duration::from_secs(60)),
        ..OpenSession::default()
    };
    let opened = desk.door.open_session(agent.clone(), request.clone()).await.unwrap();
    assert_ne!(opened.session_id, request.label);
    assert!(opened.session_id.parse::<SessionId>().is_ok());
    assert_eq!((opened.correlation_id.as_str(), opened.expires_at_ms), ("w-open", 1_700_000_060_000));
    let [record] = &desk.log.of("session_opened")[..] else { panic!("one record") };
    assert_eq!((record.session(), record.correlation()), (Some(opened.session_id.as_str()), Some("w-open")));
    assert_eq!(record.number("deadline_ms"), Some(opened.expires_at_ms));
}

#[tokio::test]
async fn a_session_with_calls_in_flight_is_closed_by_force_only() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let calls = ["k1", "k2"].map(|id| desk.begin(&agent, ask(&session, id, "sum", SUM)));
    until("both are with the runtime", || runtime.waiting() == 2).await;
    let busy = desk.close(&agent, &session, false).await.unwrap_err();
    assert_eq!((busy.code(), busy.stage()), (Code::InvalidSession, Stage::Session));
    assert!(busy.details().contains(&("state", "busy".to_owned())), "{:?}", busy.details());
    assert!(runtime.cancelled().is_empty(), "a refused closing stops nothing");
    assert_eq!(desk.close(&agent, &session, true).await.unwrap(), 2);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    }
    assert_eq!(runtime.cancelled().len(), 2);
    assert_eq!(desk.log.of("concluded").len(), 2, "what was admitted is concluded all the same");
    let [closed] = &desk.log.of("session_closed")[..] else { panic!("one record") };
    assert_eq!((closed.correlation(), closed.detail()), (Some("w-close"), Some("2 calls were asked to stop")));
    assert_eq!(desk.call(&agent, ask(&session, "k3", "sum", SUM)).await.unwrap_err().code(), Code::InvalidSession);
    assert_eq!(desk.host().sessions.open(), 0);
}

#[tokio::test]
async fn a_closed_session_remembers_no_outcome() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    assert_eq!(desk.close(&agent, &session, false).await.unwrap(), 0);
    assert_eq!(desk.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap_err().code(), Code::InvalidSession);
}

#[tokio::test]
async fn a_session_that_runs_out_is_swept_with_its_calls_and_seats() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let own = FakeRuntime::new("own", "demo", 1);
    let seated: std::sync::Arc<dyn grid_core::runtime::Runtime> = own.clone();
    desk.host().roster.seat(&std::sync::Arc::from("look"), &seated, Scope::Only(session.parse().unwrap()));
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    desk.clock.advance(Duration::from_millis(3_599_999));
    desk.host().sweep().await;
    assert!(!call.is_finished() && desk.host().sessions.open() == 1, "not yet");
    desk.clock.advance(Duration::from_millis(1));
    desk.host().sweep().await;
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    until("it is recorded", || desk.log.of("session_expired").len() == 1).await;
    let record = &desk.log.of("session_expired")[0];
    assert_eq!((record.session(), record.principal()), (Some(session.as_str()), Some("agent")));
    assert!(desk.host().roster.served_by(own.card().connection).is_empty());
    assert_eq!(desk.host().sessions.open(), 0);
    desk.host().sweep().await;
    desk.session(&agent).await;
    assert_eq!(desk.log.of("session_expired").len(), 1, "once");
    assert_eq!(desk.call(&agent, ask(&session, "k2", "sum", SUM)).await.unwrap_err().code(), Code::SessionExpired);
}

#[tokio::test]
async fn a_runtime_of_another_tenant_serves_nobody_here() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let foreign = FakeRuntime::new("calc", "other", 4);
    let seated: std::sync::Arc<dyn grid_core::runtime::Runtime> = foreign.clone();
    desk.host().roster.seat(&std::sync::Arc::from("sum"), &seated, Scope::Every);
    let refusal = desk.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
    let elsewhere = desk.token("agent", "other", &["caller"]);
    let session = desk.session(&elsewhere).await;
    assert!(desk.ended(&elsewhere, ask(&session, "k", "sum", SUM), &foreign, success("3")).await.is_ok());
}

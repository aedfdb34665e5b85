use std::collections::HashSet;

use grid_core::id::CallId;
use grid_core::id::CorrelationId;
use grid_testkit::{FakeClock, caller, principal};

use super::*;

const LIMITS: Limits = Limits {
    ttl: Duration::from_secs(3600),
    max_ttl: Duration::from_secs(86400),
    per_principal: 3,
    idempotency_window: Duration::from_secs(300),
};

fn open(sessions: &Sessions, name: &str, ttl: Option<u64>) -> Arc<Session> {
    let opening = Opening { ttl: ttl.map(Duration::from_secs), ..Opening::default() };
    let session = sessions.prepare(&principal(name, "demo", &[]), opening).unwrap();
    sessions.publish(&session);
    session
}

fn code(result: Result<Arc<Session>, Refusal>) -> Code {
    result.unwrap_err().code()
}

fn request() -> SessionRequest {
    SessionRequest {
        correlation: CorrelationId::mint(0),
        call_id: CallId::parse("c1").unwrap(),
        name: "sum".to_owned(),
        args: "{}".to_owned(),
        deadline_unix_ms: None,
        provider: None,
        unseen: None,
        trace: None,
        parent: None,
    }
}

#[test]
fn a_session_is_entered_by_its_owner_only() {
    let sessions = Sessions::new(LIMITS, FakeClock::default().shared());
    let id = open(&sessions, "agent", None).id().to_string();
    assert!(sessions.enter(caller("agent", "demo", &[]), &id, request()).is_ok());
    let foreign = sessions.find(&caller("other", "demo", &[]), &id).unwrap_err();
    let elsewhere = sessions.find(&caller("agent", "elsewhere", &[]), &id).unwrap_err();
    let unknown = sessions.find(&caller("agent", "demo", &[]), &SessionId::mint().to_string()).unwrap_err();
    for refusal in [&foreign, &elsewhere] {
        assert_eq!(refusal.code(), Code::InvalidSession);
        assert_eq!(refusal.message(), unknown.message(), "a foreign session must look like an unknown one");
    }
}

#[test]
fn garbage_is_no_session() {
    let sessions = Sessions::new(LIMITS, FakeClock::default().shared());
    for id in ["", "s-", "../../etc", &"s".repeat(10_000)] {
        assert_eq!(code(sessions.find(&caller("agent", "demo", &[]), id)), Code::InvalidSession);
    }
}

#[test]
fn of_those_who_end_a_session_at_once_one_does() {
    let sessions = Sessions::new(LIMITS, FakeClock::default().shared());
    for round in 0..300 {
        let id = open(&sessions, "agent", None).id().to_string();
        let barrier = std::sync::Barrier::new(2);
        let end = || {
            let agent = caller("agent", "demo", &[]);
            barrier.wait();
            sessions.close(&agent, &id, true).map_err(|refusal| refusal.code())
        };
        let ends = std::thread::scope(|scope| [scope.spawn(end), scope.spawn(end)].map(|ended| ended.join().unwrap()));
        assert_eq!(ends.iter().filter(|end| end.is_ok()).count(), 1, "round {round}");
        assert!(ends.iter().any(|end| matches!(end, Err(Code::InvalidSession))), "round {round}");
        assert_eq!(sessions.open(), 0);
    }
}

#[test]
fn a_session_expires_by_its_time_to_live_and_is_known_as_expired_for_a_while() {
    let clock = FakeClock::default();
    let sessions = Sessions::new(LIMITS, clock.shared());
    let session = open(&sessions, "agent", Some(60));
    let (agent, id) = (caller("agent", "demo", &[]), session.id().to_string());
    clock.advance(Duration::from_secs(59));
    assert!(sessions.find(&agent, &id).is_ok());
    clock.advance(Duration::from_secs(1));
    assert_eq!(code(sessions.find(&agent, &id)), Code::SessionExpired, "before the sweep");
    assert_eq!(sessions.sweep().len(), 1);
    assert!(sessions.sweep().is_empty(), "swept once");
    assert_eq!(code(sessions.find(&agent, &id)), Code::SessionExpired, "after the sweep");
    assert_eq!(code(sessions.find(&caller("other", "demo", &[]), &id)), Code::InvalidSession);
    assert_eq!(sessions.open(), 0);
    clock.advance(REMEMBERED);
    drop(sessions.sweep());
    assert_eq!(code(sessions.find(&agent, &id)), Code::InvalidSession, "forgotten");
}

#[test]
fn sweeping_stops_the_calls_of_a_session_that_ran_out() {
    let clock = FakeClock::default();
    let sessions = Sessions::new(LIMITS, clock.shared());
    let session = open(&sessions, "agent", Some(60));
    let claim = session.claim(&CallId::parse("c1").unwrap(), &Arc::from("sum"), [0; 32], Duration::ZERO);
    let crate::Claim::First(ticket) = claim else { panic!("not first") };
    clock.advance(Duration::from_secs(60));
    assert_eq!(sessions.sweep().first().map(|end| end.cancelled), Some(1));
    assert!(ticket.cancelled().is_cancelled());
}

#[test]
fn no_session_outlives_the_longest_time_to_live() {
    let sessions = Sessions::new(LIMITS, FakeClock::default().shared());
    let session = open(&sessions, "agent", Some(u64::MAX));
    assert_eq!(session.expires_at_ms() - session.created_at_ms(), 86_400_000);
}

#[test]
fn a_busy_session_ends_with_force_only() {
    let sessions = Sessions::new(LIMITS, FakeClock::default().shared());
    let session = open(&sessions, "agent", None);
    let agent = caller("agent", "demo", &[]);
    let id = session.id().to_string();
    let _ticket = session.claim(&CallId::parse("c1").unwrap(), &Arc::from("sum"), [0; 32], Duration::ZERO);
    let refusal = sessions.close(&agent, &id, false).unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidSession);
    assert!(refusal.details().contains(&("state", "busy".to_owned())));
    assert_eq!(sessions.close(&agent, &id, true).unwrap().cancelled, 1);
    assert_eq!(code(sessions.find(&agent, &id)), Code::InvalidSession);
}

#[test]
fn a_principal_holds_so_many_sessions_and_gets_places_back() {
    let clock = FakeClock::default();
    let sessions = Sessions::new(LIMITS, clock.shared());
    let held: Vec<_> = (0..3).map(|_| open(&sessions, "agent", Some(60))).collect();
    let agent = principal("agent", "demo", &[]);
    let refusal = sessions.prepare(&agent, Opening::default()).unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert!(sessions.prepare(&principal("other", "demo", &[]), Opening::default()).is_ok());
    sessions.close(&caller("agent", "demo", &[]), &held[0].id().to_string(), false).unwrap();
    sessions.discard(&sessions.prepare(&agent, Opening::default()).unwrap());
    sessions.publish(&sessions.prepare(&agent, Opening::default()).unwrap());
    clock.advance(Duration::from_secs(60));
    drop(sessions.sweep());
    assert!((0..2).all(|_| sessions.prepare(&agent, Opening::default()).is_ok()));
}

#[test]
fn ids_do_not_repeat_and_nobody_without_a_tenant_opens_a_session() {
    let sessions = Sessions::new(Limits { per_principal: 2000, ..LIMITS }, FakeClock::default().shared());
    let ids: HashSet<_> = (0..1000).map(|_| open(&sessions, "agent", None).id()).collect();
    assert_eq!(ids.len(), 1000);
    let everywhere = sessions.prepare(&principal("calc", "*", &[]), Opening::default());
    assert_eq!(everywhere.unwrap_err().code(), Code::MalformedRequest);
    let zero = Opening { ttl: Some(Duration::ZERO), ..Opening::default() };
    assert_eq!(sessions.prepare(&principal("a", "b", &[]), zero).unwrap_err().code(), Code::MalformedRequest);
}

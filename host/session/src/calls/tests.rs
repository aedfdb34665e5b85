use std::{sync::Arc, time::Duration};

use grid_core::{
    Code, Refusal, Stage,
    id::{CallId, CorrelationId, InvocationId},
    outcome::{CallAnswer, ToolAnswer},
};
use grid_testkit::{FakeClock, principal};

use super::*;
use crate::{Limits, Opening, Sessions};

const WINDOW: Duration = Duration::from_secs(300);
const NOW: Duration = Duration::from_secs(10);

fn session() -> Arc<Session> {
    let limits = Limits {
        ttl: Duration::from_secs(3600),
        max_ttl: Duration::from_secs(86400),
        per_principal: 10,
        idempotency_window: WINDOW,
    };
    let sessions = Sessions::new(limits, FakeClock::default().shared());
    sessions.prepare(&principal("agent", "demo", &[]), Opening::default()).unwrap()
}

fn answer(content: &str) -> Ended {
    Ok(CallAnswer {
        invocation_id: InvocationId::mint(),
        correlation_id: CorrelationId::mint(0),
        call_id: CallId::parse("c1").unwrap(),
        name: Arc::from("sum"),
        answer: ToolAnswer::Success(content.to_owned()),
        carried: grid_core::outcome::Carried::default(),
        repeated: false,
        receipt: None,
    })
}

fn ask(session: &Arc<Session>, call: &str, args: u8, now: Duration) -> Claim {
    session.claim(&CallId::parse(call).unwrap(), &Arc::from("sum"), [args; 32], now)
}

fn first(claim: Claim) -> Ticket {
    match claim {
        Claim::First(ticket) => ticket,
        other => panic!("expected the first claim, got {other:?}"),
    }
}

#[test]
fn a_repeat_of_an_ended_call_gets_its_outcome() {
    let session = session();
    first(ask(&session, "c1", 1, NOW)).end(&answer("3"), true, NOW);
    let Claim::Done(ended) = ask(&session, "c1", 1, NOW) else { panic!("not remembered") };
    assert_eq!(ended.unwrap().answer, ToolAnswer::Success("3".to_owned()));
    assert_eq!(session.in_flight(), 0);
}

#[test]
fn a_repeat_of_a_call_in_flight_waits_for_the_same_outcome() {
    let session = session();
    let ticket = first(ask(&session, "c1", 1, NOW));
    let Claim::Joined(mut outcome) = ask(&session, "c1", 1, NOW) else { panic!("not joined") };
    assert!(outcome.try_recv().is_err());
    ticket.end(&answer("3"), true, NOW);
    assert_eq!(outcome.try_recv().unwrap().unwrap().answer, ToolAnswer::Success("3".to_owned()));
}

#[test]
fn the_same_call_id_with_other_arguments_or_another_tool_is_a_conflict() {
    let session = session();
    let _ticket = first(ask(&session, "c1", 1, NOW));
    assert!(matches!(ask(&session, "c1", 2, NOW), Claim::Conflict));
    let other = session.claim(&CallId::parse("c1").unwrap(), &Arc::from("other"), [1; 32], NOW);
    assert!(matches!(other, Claim::Conflict));
}

#[test]
fn an_outcome_is_forgotten_when_its_window_has_passed() {
    let session = session();
    first(ask(&session, "c1", 1, NOW)).end(&answer("3"), true, NOW);
    let just_before = NOW + WINDOW - Duration::from_millis(1);
    assert!(matches!(ask(&session, "c1", 1, just_before), Claim::Done(_)));
    drop(first(ask(&session, "c1", 1, NOW + WINDOW)));
}

#[test]
fn a_failure_that_is_not_kept_lets_the_call_run_again() {
    let session = session();
    let failed = Err(Refusal::new(Code::Timeout, Stage::Dispatch, "too late"));
    first(ask(&session, "c1", 1, NOW)).end(&failed, false, NOW);
    drop(first(ask(&session, "c1", 1, NOW)));
}

#[test]
fn a_ticket_that_is_lost_frees_its_call_id_and_tells_who_waits() {
    let session = session();
    let ticket = first(ask(&session, "c1", 1, NOW));
    let Claim::Joined(mut outcome) = ask(&session, "c1", 1, NOW) else { panic!("not joined") };
    drop(ticket);
    assert!(outcome.try_recv().is_err());
    assert_eq!(session.in_flight(), 0);
    drop(first(ask(&session, "c1", 1, NOW)));
}

#[test]
fn cancelling_reaches_the_one_call_that_is_named() {
    let session = session();
    let (one, other) = (first(ask(&session, "c1", 1, NOW)), first(ask(&session, "c2", 1, NOW)));
    assert!(session.cancel(&CallId::parse("c1").unwrap()));
    assert!(one.cancelled().is_cancelled() && !other.cancelled().is_cancelled());
    assert!(!session.cancel(&CallId::parse("c3").unwrap()));
}

#[test]
fn the_oldest_outcomes_make_room_for_new_ones() {
    let session = session();
    let large = "x".repeat(REMEMBERED_BYTES / 2);
    for call in ["c1", "c2", "c3"] {
        first(ask(&session, call, 1, NOW)).end(&answer(&large), true, NOW);
    }
    assert!(matches!(ask(&session, "c3", 1, NOW), Claim::Done(_)));
    drop(first(ask(&session, "c1", 1, NOW)));
}

#[test]
fn a_closed_session_takes_no_call_and_stops_those_in_flight() {
    let session = session();
    let ticket = first(ask(&session, "c1", 1, NOW));
    assert_eq!(session.calls.close(false), Err(1));
    assert_eq!(session.calls.close(true), Ok(1));
    assert!(ticket.cancelled().is_cancelled());
    assert!(matches!(ask(&session, "c2", 1, NOW), Claim::Closed));
}

fn nested(session: &Arc<Session>, parent: (InvocationId, &CancellationToken), call: &str) -> Claim {
    session.claim_under(parent, &CallId::parse(call).unwrap(), &Arc::from("sum"), [1; 32], NOW)
}

#[test]
fn the_calls_of_an_execution_have_names_of_their_own() {
    let session = session();
    let (one, other, over) = (InvocationId::mint(), InvocationId::mint(), CancellationToken::new());
    let own = first(ask(&session, "c1", 1, NOW));
    let under_one = first(nested(&session, (one, &over), "c1"));
    let under_other = first(nested(&session, (other, &over), "c1"));
    assert_eq!(session.in_flight(), 3);
    assert!(session.cancel_under(one, &CallId::parse("c1").unwrap()));
    assert!(under_one.cancelled().is_cancelled() && !under_other.cancelled().is_cancelled());
    assert!(session.cancel(&CallId::parse("c1").unwrap()));
    assert!(own.cancelled().is_cancelled() && !under_other.cancelled().is_cancelled());
    under_one.end(&answer("1"), true, NOW);
    assert!(matches!(nested(&session, (one, &over), "c1"), Claim::Done(_)));
    assert!(matches!(nested(&session, (other, &over), "c1"), Claim::Joined(_)));
    assert!(!session.cancel_under(InvocationId::mint(), &CallId::parse("c1").unwrap()));
}

#[test]
fn the_end_of_an_execution_stops_its_calls_and_forgets_their_names() {
    let session = session();
    let (parent, over) = (InvocationId::mint(), CancellationToken::new());
    first(nested(&session, (parent, &over), "done")).end(&answer("1"), true, NOW);
    let running = first(nested(&session, (parent, &over), "running"));
    over.cancel();
    assert!(running.cancelled().is_cancelled());
    assert!(matches!(nested(&session, (parent, &over), "late"), Claim::Closed));
    session.end_under(parent);
    assert_eq!(session.in_flight(), 1, "it is still to be concluded");
    drop(running);
    assert_eq!(session.in_flight(), 0);
    assert!(session.calls.lock().under.is_empty());
}

#[test]
fn an_execution_that_calls_much_pushes_out_nobody_elses_outcomes() {
    let session = session();
    first(ask(&session, "c1", 1, NOW)).end(&answer("3"), true, NOW);
    let (parent, over) = (InvocationId::mint(), CancellationToken::new());
    for call in 0..2 * REMEMBERED_CALLS {
        first(nested(&session, (parent, &over), &call.to_string())).end(&answer("1"), true, NOW);
    }
    assert!(matches!(ask(&session, "c1", 1, NOW), Claim::Done(_)));
    assert_eq!(session.calls.lock().under[&parent].slots.len(), NESTED.0);
}

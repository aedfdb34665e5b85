//! A call has one admission and one conclusion, whatever the number of runtimes that had it.

use std::time::Duration;

use grid_authorize::Disclosure;
use grid_breaker::{Phase, Scope};
use grid_core::{
    Code,
    envelope::Envelope,
    outcome::{Attempt, Ended, ToolAnswer},
    port::ProviderDoor as _,
    provider::{Reason, ResetBreaker},
    runtime::{Ending, Runtime as _, Unreachable},
};
use grid_testkit::{FakeRuntime, until};

use super::desk::{Desk, SUM, ask, failure, strict, strict_telling, strict_with, success};

fn crash() -> Ending {
    Ending::Crashed("it fell over".to_owned())
}

/// One contract of a function `f` with these settings.
fn contract(settings: &str) -> String {
    format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"c","required_roles":["caller"],{settings},
        "function_declarations":[{{"name":"f","description":"Does it.","parameters":{{"type":"OBJECT"}}}}]}}]}}"#
    )
}

const THRICE: &str = r#""effect":"read","retry":{"attempts":3,"first":"1ms","most":"2ms"}"#;

fn kinds<C>(desk: &Desk<C>) -> Vec<String> {
    let records = desk.log.records();
    let of_calls = records.iter().filter(|record| record.invocation().is_some());
    of_calls.map(|record| record.kind().to_owned()).collect()
}

#[tokio::test]
async fn a_read_that_failed_is_tried_elsewhere_and_has_one_conclusion() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtimes = [desk.seated("calc/1", &["sum"]), desk.seated("calc/2", &["sum"])];
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the first has it", || runtimes.iter().any(|runtime| runtime.waiting() > 0)).await;
    let (first, second) =
        if runtimes[0].waiting() > 0 { (&runtimes[0], &runtimes[1]) } else { (&runtimes[1], &runtimes[0]) };
    assert!(first.end(crash()));
    until("the second has it", || second.waiting() > 0).await;
    assert!(second.end(success("3")));
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.answer, ToolAnswer::Success("3".to_owned()));
    assert_eq!((answer.carried.attempts, answer.carried.provider.as_deref()), (2, Some("calc")));
    let tried = |runtime: &FakeRuntime, ended| Attempt {
        provider: "calc".into(),
        runtime: Some(runtime.card().id.clone()),
        ended,
    };
    let expected = [tried(first, Ended::Failed(Code::RuntimeCrash)), tried(second, Ended::Success)];
    assert_eq!(answer.carried.tried, expected);
    let (one, two) = (&first.calls()[0], &second.calls()[0]);
    assert_eq!((one.invocation_id, &one.args), (two.invocation_id, &two.args), "the same call with the same arguments");
    assert_eq!(kinds(&desk), ["admitted", "attempted", "concluded"]);
    let [attempted] = &desk.log.of("attempted")[..] else { panic!("one further attempt") };
    assert_eq!((attempted.number("attempt"), attempted.code()), (Some(2), Some("RUNTIME_CRASH")));
    assert_eq!(attempted.runtime(), Some(second.card().id.as_str()));
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one conclusion") };
    assert_eq!((concluded.number("attempt"), concluded.outcome()), (Some(2), Some("success")));
    assert_eq!(concluded.runtime(), Some(second.card().id.as_str()));
    assert_eq!((first.card().load.in_flight(), second.card().load.in_flight()), (0, 0));
}

#[tokio::test]
async fn no_runtime_sees_an_attempt_before_its_record_is_durable() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let first = desk.seated("calc/1", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the first has it", || first.waiting() > 0).await;
    let second = desk.seated("calc/2", &["sum"]);
    desk.log.disk.hold();
    assert!(first.end(crash()));
    until("the record waits for the disk", || desk.log.disk.is_waiting()).await;
    assert_eq!(second.calls().len(), 0);
    desk.log.disk.release();
    until("the second has it", || second.waiting() > 0).await;
    assert!(second.end(success("3")));
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_write_that_was_sent_is_never_tried_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let first = desk.seated("mail/1", &["send"]);
    let call = desk.begin(&agent, ask(&session, "k", "send", "{}"));
    until("the first has it", || first.waiting() > 0).await;
    let second = desk.seated("mail/2", &["send"]);
    assert!(first.end(crash()));
    let refusal = call.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::RuntimeCrash);
    assert!(refusal.message().contains("not known") && !refusal.retry_allowed());
    // Its caller repeats it under the same name: the outcome is still unknown, and nothing runs.
    let again = desk.call(&agent, Envelope { correlation_id: "w-2".to_owned(), ..ask(&session, "k", "send", "{}") });
    assert_eq!(again.await.unwrap_err().code(), Code::RuntimeCrash);
    assert_eq!((first.calls().len(), second.calls().len()), (1, 0));
    assert_eq!(kinds(&desk), ["admitted", "concluded", "repeated"]);
}

#[tokio::test]
async fn a_write_that_was_not_sent_goes_elsewhere() {
    for error in [Unreachable::Gone, Unreachable::Busy] {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let gone = desk.seated("mail/1", &["send"]);
        gone.refuse(error);
        let call = desk.begin(&agent, ask(&session, "k", "send", "{}"));
        let there = desk.seated("mail/2", &["send"]);
        until("the other has it", || there.waiting() > 0 || call.is_finished()).await;
        if there.end(success("1")) {
            assert_eq!(call.await.unwrap().unwrap().answer, ToolAnswer::Success("1".to_owned()));
        } else {
            // The call was quicker than the other runtime: then there was nowhere to go.
            assert!(call.await.unwrap().is_err());
        }
        assert_eq!(gone.calls().len(), 0);
    }
}

#[tokio::test]
async fn neither_a_tools_own_error_nor_an_end_that_was_asked_for_is_tried_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtimes = [desk.seated("calc/1", &["sum"]), desk.seated("calc/2", &["sum"])];
    let waiting = || runtimes.iter().find(|runtime| runtime.waiting() > 0);
    let calls = || runtimes.iter().map(|runtime| runtime.calls().len()).sum::<usize>();
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("one has it", || waiting().is_some()).await;
    assert!(waiting().unwrap().end(failure("no such thing")));
    assert!(matches!(call.await.unwrap().unwrap().answer, ToolAnswer::Error { .. }));
    assert_eq!(calls(), 1);
    let call = desk.begin(&agent, ask(&session, "l", "sum", SUM));
    until("one has it", || waiting().is_some()).await;
    assert!(desk.cancel(&agent, &session, "l").await.unwrap());
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    assert_eq!((calls(), desk.log.of("attempted").len()), (2, 0));
}

#[tokio::test]
async fn two_attempts_are_all_where_the_contract_does_not_say() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtimes = ["calc/1", "calc/2", "calc/3"].map(|id| desk.seated(id, &["sum"]));
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    for _ in 0..2 {
        until("one has it", || runtimes.iter().any(|runtime| runtime.waiting() > 0)).await;
        assert!(runtimes.iter().any(|runtime| runtime.end(crash())));
    }
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::RuntimeCrash);
    assert_eq!(runtimes.iter().map(|runtime| runtime.calls().len()).sum::<usize>(), 2);
    assert_eq!(desk.log.of("concluded")[0].number("attempt"), Some(2));
}

#[tokio::test]
async fn the_same_runtime_gets_it_again_only_where_the_contract_asks_for_more() {
    let violated = || Ending::Violated("nonsense".to_owned());
    let desk = strict_with(&contract(THRICE));
    let (agent, session) = desk.agent().await;
    let only = desk.seated("c", &["f"]);
    let call = desk.begin(&agent, ask(&session, "k", "f", "{}"));
    for ending in [violated(), violated(), success("1")] {
        until("it has it", || only.waiting() > 0).await;
        assert!(only.end(ending));
    }
    assert_eq!(call.await.unwrap().unwrap().carried.attempts, 3);
    assert_eq!(kinds(&desk), ["admitted", "attempted", "attempted", "concluded"]);

    let desk = strict();
    let (agent, session) = desk.agent().await;
    let only = desk.seated("calc", &["sum"]);
    let refused = desk.ended(&agent, ask(&session, "k", "sum", SUM), &only, violated()).await.unwrap_err();
    assert_eq!((refused.code(), only.calls().len()), (Code::ProtocolViolation, 1));
}

#[tokio::test]
async fn a_late_result_of_an_earlier_attempt_is_on_record_and_never_delivered() {
    let quick = r#""effect":"read","timeout":"30ms","total":"60s","retry":{"attempts":3,"first":"1ms","most":"1ms"}"#;
    let desk = strict_with(&contract(quick));
    let (agent, session) = desk.agent().await;
    let mut slow = desk.attach("c/1").await;
    slow.fulfil(&["f"]).await;
    let call = desk.begin(&agent, ask(&session, "k", "f", "{}"));
    let early = slow.called().await;
    let mut quick = desk.attach("c/2").await;
    quick.fulfil(&["f"]).await;
    assert!(matches!(slow.next().await, grid_core::frame::HostFrame::Cancel { .. }), "it is told to stop");
    let again = quick.called().await;
    assert_eq!(early.invocation_id, again.invocation_id);
    slow.result(&early, "\"late\"").await;
    until("the late one is on record", || desk.log.of("late_result").len() == 1).await;
    assert!(!call.is_finished());
    quick.result(&again, "\"right\"").await;
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.answer, ToolAnswer::Success("\"right\"".to_owned()));
}

#[tokio::test]
async fn a_refusal_says_which_limit_ended_the_call() {
    for (settings, limit) in [
        (r#""effect":"write","timeout":"20ms""#, "timeout"),
        (r#""effect":"write","timeout":"10s","total":"20ms""#, "total"),
    ] {
        let desk = strict_with(&contract(settings));
        let (agent, session) = desk.agent().await;
        let _silent = desk.seated("c", &["f"]);
        let refusal = desk.call(&agent, ask(&session, "k", "f", "{}")).await.unwrap_err();
        assert_eq!(refusal.code(), Code::Timeout);
        assert!(refusal.details().contains(&("limit", limit.to_owned())), "{refusal:?}");
    }
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let _silent = desk.seated("mail", &["send"]);
    let deadline = grid_core::clock::Clock::unix_ms(&desk.clock) + 20;
    let envelope = Envelope { deadline_unix_ms: Some(deadline), ..ask(&session, "k", "send", "{}") };
    let refusal = desk.call(&agent, envelope).await.unwrap_err();
    assert!(refusal.details().contains(&("limit", "deadline".to_owned())), "{refusal:?}");
    // That its caller gave it so little says nothing of the runtime.
    let breakers = desk.host().guard.breakers().unwrap();
    assert!(breakers.list(true).iter().all(|row| row.view.failures == 0));
}

#[tokio::test]
async fn cancelling_reaches_the_runtime_that_has_the_call_now() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let first = desk.seated("calc/1", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the first has it", || first.waiting() > 0).await;
    let second = desk.seated("calc/2", &["sum"]);
    assert!(first.end(crash()));
    until("the second has it", || second.waiting() > 0).await;
    assert!(desk.cancel(&agent, &session, "k").await.unwrap());
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    assert_eq!((first.cancelled().len(), second.cancelled().len()), (0, 1));
}

#[tokio::test]
async fn the_first_of_two_answers_counts_and_the_other_runtime_is_told_to_stop() {
    for second_wins in [true, false] {
        let desk = strict_with(&contract(r#""effect":"pure","hedge":"1ms""#));
        let (agent, session) = desk.agent().await;
        let runtimes = [desk.seated("c/1", &["f"]), desk.seated("c/2", &["f"])];
        let call = desk.begin(&agent, ask(&session, "k", "f", "{}"));
        until("both have it", || runtimes.iter().all(|runtime| runtime.waiting() > 0)).await;
        let admitted = desk.log.of("admitted")[0].runtime().unwrap().to_owned();
        let (first, second) =
            if admitted == "c/1" { (&runtimes[0], &runtimes[1]) } else { (&runtimes[1], &runtimes[0]) };
        let (winner, loser) = if second_wins { (second, first) } else { (first, second) };
        assert!(winner.end(success("1")));
        let answer = call.await.unwrap().unwrap();
        assert_eq!((answer.answer, answer.carried.attempts), (ToolAnswer::Success("1".to_owned()), 2));
        assert_eq!((winner.cancelled().len(), loser.cancelled().len()), (0, 1));
        let order = if second_wins { [Ended::Overtaken, Ended::Success] } else { [Ended::Success, Ended::Overtaken] };
        assert_eq!(answer.carried.tried.iter().map(|tried| tried.ended).collect::<Vec<_>>(), order);
        assert_eq!(kinds(&desk), ["admitted", "attempted", "concluded"]);
        let concluded = &desk.log.of("concluded")[0];
        assert_eq!((concluded.runtime(), concluded.number("attempt")), (Some(winner.card().id.as_str()), Some(2)));
        assert_eq!((first.card().load.in_flight(), second.card().load.in_flight()), (0, 0));
    }
}

#[tokio::test]
async fn who_fails_of_two_leaves_the_call_to_the_other() {
    let desk = strict_with(&contract(r#""effect":"pure","hedge":"1ms""#));
    let (agent, session) = desk.agent().await;
    let runtimes = [desk.seated("c/1", &["f"]), desk.seated("c/2", &["f"])];
    let call = desk.begin(&agent, ask(&session, "k", "f", "{}"));
    until("both have it", || runtimes.iter().all(|runtime| runtime.waiting() > 0)).await;
    assert!(runtimes[0].end(crash()));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(runtimes[1].end(success("1")));
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.answer, ToolAnswer::Success("1".to_owned()));
    let ends = answer.carried.tried.iter().map(|tried| (tried.runtime.as_ref().unwrap().as_str(), tried.ended));
    let ends: std::collections::BTreeMap<_, _> = ends.collect();
    assert_eq!(ends, [("c/1", Ended::Failed(Code::RuntimeCrash)), ("c/2", Ended::Success)].into());
}

#[tokio::test]
async fn a_call_that_failed_everywhere_says_where_as_far_as_callers_may_know() {
    for disclosure in [Disclosure::Full, Disclosure::Rule, Disclosure::None] {
        let desk = strict_telling(&contract(r#""effect":"read""#), disclosure);
        let (agent, session) = desk.agent().await;
        let runtimes = [desk.seated("c/1", &["f"]), desk.seated("c/2", &["f"])];
        let call = desk.begin(&agent, ask(&session, "k", "f", "{}"));
        for _ in 0..2 {
            until("somebody has it", || runtimes.iter().any(|runtime| runtime.waiting() > 0)).await;
            assert!(runtimes.iter().any(|runtime| runtime.waiting() > 0 && runtime.end(crash())));
        }
        let refusal = call.await.unwrap().unwrap_err();
        let carried = &refusal.context().carried;
        assert_eq!((refusal.code(), carried.attempts, &carried.provider), (Code::RuntimeCrash, 2, &None));
        let told: Vec<_> = carried.tried.iter().map(|tried| (&*tried.provider, tried.runtime.is_some())).collect();
        match disclosure {
            Disclosure::Full => assert_eq!(told, [("c", true), ("c", true)]),
            Disclosure::Rule => assert_eq!(told, [("c", false), ("c", false)]),
            Disclosure::None => assert!(told.is_empty()),
        }
        assert!(carried.tried.iter().all(|tried| tried.ended == Ended::Failed(Code::RuntimeCrash)));
        // A repeat of an answer that is kept says the same; this one may be run again, and was not kept.
        assert_eq!(desk.log.of("attempted").len(), 1);
    }
}

#[tokio::test]
async fn a_runtime_that_fails_gets_no_calls_and_the_tool_is_unavailable_where_nobody_else_serves_it() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let only = desk.seated("mail/1", &["send"]);
    for at in 0..5 {
        let envelope = ask(&session, &format!("k{at}"), "send", "{}");
        desk.ended(&agent, envelope, &only, crash()).await.unwrap_err();
    }
    let refusal = desk.call(&agent, ask(&session, "l", "send", "{}")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
    assert!(refusal.details().contains(&(Reason::DETAIL, Reason::BreakerOpen.as_str().to_owned())), "{refusal:?}");
    assert_eq!(refusal.retry_after_ms(), 30_000);
    assert_eq!(only.calls().len(), 5);
    // Whoever comes beside it is to blame for nothing; the tool's own breaker has to be closed by hand, or wait.
    let breakers = desk.host().guard.breakers().unwrap();
    let operator = desk.token("root", "demo", &["operator"]);
    for (scope, name) in [("tool", "send"), ("provider", "mail")] {
        let reset = ResetBreaker { scope: scope.to_owned(), name: name.to_owned(), ..ResetBreaker::default() };
        assert!(desk.door.reset_breaker(operator.clone(), reset).await.unwrap());
    }
    assert_eq!(breakers.phase(Scope::Runtime, "mail/1"), Phase::Open);
    let other = desk.seated("mail/2", &["send"]);
    desk.ended(&agent, ask(&session, "m", "send", "{}"), &other, success("1")).await.unwrap();
    assert_eq!(only.calls().len(), 5);
    // With time a few calls try it again.
    desk.clock.advance(Duration::from_secs(30));
    desk.host().sweep().await;
    until("what the breakers did is on record", || desk.log.of("breaker_changed").len() >= 5).await;
    let changes = desk.log.of("breaker_changed");
    let told: Vec<_> = changes.iter().filter_map(|record| record.detail()).collect();
    assert!(
        told.contains(&"runtime breaker: closed to open") && told.contains(&"tool breaker: closed by hand"),
        "{told:?}"
    );
    assert_eq!(changes.len(), 3 + 2, "three opened and two were closed");
}

#[tokio::test]
async fn a_failing_runtime_does_not_take_its_siblings_and_the_tool_down_with_it() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let (bad, good) = (desk.seated("mail/1", &["send"]), desk.seated("mail/2", &["send"]));
    for at in 0..40 {
        let call = desk.begin(&agent, ask(&session, &format!("k{at}"), "send", "{}"));
        until("one has it", || bad.waiting() + good.waiting() > 0).await;
        let _ = bad.end(crash()) || good.end(success("1"));
        let _ = call.await.unwrap();
        desk.clock.advance(Duration::from_millis(1));
    }
    let breakers = desk.host().guard.breakers().unwrap();
    assert_eq!(breakers.phase(Scope::Runtime, "mail/1"), Phase::Open);
    assert_eq!(breakers.phase(Scope::Provider, "mail"), Phase::Closed);
    assert_eq!(breakers.phase(Scope::Tool, "send"), Phase::Closed);
    assert_eq!(bad.calls().len(), 5);
}

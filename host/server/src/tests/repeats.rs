//! A call_id runs once in its session (R-170, R-171).

use std::time::Duration;

use grid_core::{
    Code, Stage,
    envelope::Envelope,
    outcome::ToolAnswer,
    runtime::{Ending, Unreachable},
};
use grid_testkit::until;

use super::desk::{SUM, ask, failure, strict, success};

fn again(session: &str, call_id: &str, name: &str, args: &str) -> Envelope {
    Envelope { correlation_id: "w-again".to_owned(), ..ask(session, call_id, name, args) }
}

#[tokio::test]
async fn a_repeat_gets_the_first_outcome_under_its_own_correlation_id() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let first = desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    let second = desk.call(&agent, again(&session, "k", "sum", "{ \"b\":2.0, \"a\":1 }")).await.unwrap();
    assert_eq!(second.answer, first.answer);
    assert_eq!(second.invocation_id, first.invocation_id);
    assert_eq!((second.repeated, second.correlation_id.as_str()), (true, "w-again"));
    assert_eq!(runtime.calls().len(), 1);
    let [record] = &desk.log.of("repeated")[..] else { panic!("one record of the repeat") };
    assert_eq!(record.invocation(), Some(first.invocation_id.to_string().as_str()));
    assert_eq!((record.correlation(), record.call_id()), (Some("w-again"), Some("k")));
}

#[tokio::test]
async fn a_tools_own_error_is_remembered_as_well() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, failure("no")).await.unwrap();
    let second = desk.call(&agent, again(&session, "k", "sum", SUM)).await.unwrap();
    assert!(second.repeated && matches!(second.answer, ToolAnswer::Error { .. }));
    assert_eq!(runtime.calls().len(), 1);
}

#[tokio::test]
async fn repeats_of_a_call_in_flight_wait_for_its_outcome() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let calls: Vec<_> = (0..5)
        .map(|at| {
            let envelope = Envelope { correlation_id: format!("w-{at}"), ..ask(&session, "k", "sum", SUM) };
            desk.begin(&agent, envelope)
        })
        .collect();
    until("the runtime has the call", || runtime.waiting() > 0).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(runtime.end(success("3")));
    let mut repeated = 0;
    for (at, call) in calls.into_iter().enumerate() {
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.answer, ToolAnswer::Success("3".to_owned()));
        assert_eq!(answer.correlation_id.as_str(), format!("w-{at}"));
        repeated += usize::from(answer.repeated);
    }
    assert_eq!((repeated, runtime.calls().len()), (4, 1));
    assert_eq!((desk.log.of("admitted").len(), desk.log.of("repeated").len()), (1, 4));
}

#[tokio::test]
async fn a_call_id_with_other_arguments_or_another_tool_is_refused() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum", "look"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    for _ in 0..2 {
        for (name, args) in [("sum", r#"{"a":1,"b":3}"#), ("look", "{}")] {
            let refusal = desk.call(&agent, again(&session, "k", name, args)).await.unwrap_err();
            assert_eq!((refusal.code(), refusal.stage()), (Code::MalformedRequest, Stage::Repeat));
        }
        runtime.end(success("3"));
    }
    assert!(call.await.unwrap().is_ok(), "the first one is not disturbed");
    assert_eq!(runtime.calls().len(), 1);
}

#[tokio::test]
async fn a_repeat_is_checked_like_any_call() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    let refusal = desk.call(&agent, again(&session, "k", "sum", "{}")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidToolArgs);
    let thief = desk.token("thief", "demo", &["caller"]);
    assert_eq!(desk.call(&thief, again(&session, "k", "sum", SUM)).await.unwrap_err().code(), Code::InvalidSession);
}

#[tokio::test]
async fn another_session_may_use_the_same_call_id() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let other = desk.session(&agent).await;
    let runtime = desk.seated("calc", &["sum"]);
    for (at, session) in [&session, &other].into_iter().enumerate() {
        let content = at.to_string();
        let answer = desk.ended(&agent, ask(session, "k", "sum", SUM), &runtime, success(&content)).await.unwrap();
        assert_eq!((answer.answer, answer.repeated), (ToolAnswer::Success(content), false));
    }
}

#[tokio::test]
async fn after_the_window_a_call_id_runs_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    desk.clock.advance(Duration::from_millis(299_999));
    assert!(desk.call(&agent, again(&session, "k", "sum", SUM)).await.unwrap().repeated);
    desk.clock.advance(Duration::from_millis(1));
    let answer = desk.ended(&agent, again(&session, "k", "sum", SUM), &runtime, success("4")).await.unwrap();
    assert_eq!((answer.answer, answer.repeated), (ToolAnswer::Success("4".to_owned()), false));
}

#[tokio::test]
async fn a_pure_or_reading_call_that_failed_may_run_again() {
    for (name, args) in [("sum", SUM), ("look", "{}")] {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let runtime = desk.seated("calc", &["sum", "look"]);
        let crashed = Ending::Crashed("gone".to_owned());
        let failed = desk.ended(&agent, ask(&session, "k", name, args), &runtime, crashed).await.unwrap_err();
        assert_eq!((failed.code(), failed.retry_allowed()), (Code::RuntimeCrash, true));
        let answer = desk.ended(&agent, again(&session, "k", name, args), &runtime, success("3")).await.unwrap();
        assert!(!answer.repeated);
        assert_eq!(runtime.calls().len(), 2);
    }
}

#[tokio::test]
async fn a_write_that_failed_is_remembered_and_does_not_run_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    let crashed = Ending::Crashed("gone".to_owned());
    let first = desk.ended(&agent, ask(&session, "k", "send", "{}"), &runtime, crashed).await.unwrap_err();
    let second = desk.call(&agent, again(&session, "k", "send", "{}")).await.unwrap_err();
    assert_eq!((second.code(), second.message()), (first.code(), first.message()));
    assert_eq!(second.context().invocation_id, first.context().invocation_id);
    assert_eq!(runtime.calls().len(), 1);
    assert_eq!(desk.log.of("repeated").len(), 1);
    assert_eq!(desk.log.of("refused").len(), 0);
}

#[tokio::test]
async fn a_remembered_failure_is_told_under_the_repeats_own_correlation_id() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    let crashed = Ending::Crashed("gone".to_owned());
    desk.ended(&agent, ask(&session, "k", "send", "{}"), &runtime, crashed).await.unwrap_err();
    let second = desk.call(&agent, again(&session, "k", "send", "{}")).await.unwrap_err();
    assert_eq!(second.context().correlation_id.as_ref().map(|id| id.as_str()), Some("w-again"));
}

#[tokio::test]
async fn a_write_that_was_never_sent_may_run_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    runtime.refuse(Unreachable::Gone);
    let refusal = desk.call(&agent, ask(&session, "k", "send", "{}")).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_allowed()), (Code::ConnectionFailed, true));
    runtime.accept();
    let answer = desk.ended(&agent, again(&session, "k", "send", "{}"), &runtime, success("1")).await.unwrap();
    assert!(!answer.repeated);
}

#[tokio::test]
async fn a_call_that_was_refused_leaves_its_call_id_free() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    assert!(desk.call(&agent, ask(&session, "k", "send", r#"{"to":"a"}"#)).await.is_err(), "nobody serves it");
    let runtime = desk.seated("mail", &["send"]);
    let envelope = again(&session, "k", "send", r#"{"to":"b"}"#);
    assert!(desk.ended(&agent, envelope, &runtime, success("1")).await.is_ok());
}

#[tokio::test]
async fn a_repeat_of_a_call_that_was_never_run_is_told_to_send_it_again() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    desk.log.disk.hold();
    let first = desk.begin(&agent, ask(&session, "k", "send", "{}"));
    until("the admission is being written", || desk.log.disk.is_waiting()).await;
    let second = desk.begin(&agent, again(&session, "k", "send", "{}"));
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    desk.log.disk.break_down();
    desk.log.disk.release();
    assert_eq!(first.await.unwrap().unwrap_err().code(), Code::AuditUnavailable);
    let refusal = second.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::ServiceUnavailable, Stage::Repeat));
    assert!(runtime.calls().is_empty());
}

#[tokio::test]
async fn a_repeat_spends_nothing_of_a_budget() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let limit = "[[limit]]\nname = \"day\"\nper = [\"principal\"]\nbudget = 3\n";
    desk.host().limits.replace(grid_limits::file::read(limit).unwrap());
    let runtime = desk.seated("calc", &["sum"]);
    let spent = || desk.host().limits.usage(10).iter().map(|usage| usage.spent).sum::<u64>();
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    for _ in 0..5 {
        assert!(desk.call(&agent, again(&session, "k", "sum", SUM)).await.unwrap().repeated);
        // The same name for another call runs nothing either.
        desk.call(&agent, again(&session, "k", "text", "{}")).await.unwrap_err();
        assert_eq!(spent(), 1);
    }
    for call_id in ["l", "m"] {
        desk.ended(&agent, ask(&session, call_id, "sum", SUM), &runtime, success("3")).await.unwrap();
    }
    let refusal = desk.call(&agent, ask(&session, "n", "sum", SUM)).await.unwrap_err();
    assert_eq!((refusal.code(), spent()), (Code::RateLimitExceeded, 3));
}

//! What a call does, from its caller to its runtime and back.

use std::time::Duration;

use grid_core::{
    Code, Stage,
    envelope::Envelope,
    outcome::ToolAnswer,
    runtime::{Ending, Runtime as _},
};
use grid_testkit::until;

use super::desk::{SUM, ask, failure, strict, success};

#[tokio::test]
async fn a_good_call_is_answered_under_its_own_names() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let answer = desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    assert_eq!(answer.answer, ToolAnswer::Success("3".to_owned()));
    assert_eq!((answer.call_id.as_str(), &*answer.name, answer.correlation_id.as_str()), ("k", "sum", "w-k"));
    assert!(!answer.repeated);
    let [frame] = &runtime.calls()[..] else { panic!("one call") };
    assert_eq!((frame.invocation_id, frame.args.as_str()), (answer.invocation_id, SUM));
    assert_eq!(frame.correlation_id.as_str(), "w-k");
    assert_eq!((runtime.card().load.in_flight(), runtime.card().load.failures()), (0, 0));
}

#[tokio::test]
async fn a_good_call_leaves_an_admission_and_a_conclusion() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc/2", &["sum"]);
    let answer = desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    let records = desk.log.records();
    let kinds: Vec<_> = records.iter().map(|record| record.kind()).collect();
    assert_eq!(kinds, ["session_opened", "admitted", "concluded"]);
    let invocation = answer.invocation_id.to_string();
    for record in &records[1..] {
        assert_eq!(record.invocation(), Some(invocation.as_str()));
        assert_eq!((record.correlation(), record.call_id()), (Some("w-k"), Some("k")));
        assert_eq!((record.principal(), record.tenant(), record.proof()), (Some("agent"), Some("demo"), Some("token")));
        assert_eq!((record.session(), record.tool()), (Some(session.as_str()), Some("sum")));
        assert_eq!(record.runtime(), Some("calc/2"));
    }
    assert_eq!((records[1].rule(), records[1].number("epoch")), (Some("roles:caller"), Some(1)));
    assert_eq!(records[1].text("effect"), Some("pure"));
    assert_eq!((records[2].outcome(), records[2].number("result_bytes")), (Some("success"), Some(1)));
    let [admitted, concluded] = [&records[1], &records[2]].map(|record| record.text("args_digest").is_some());
    assert!(admitted && !concluded);
}

#[tokio::test]
async fn a_tools_own_error_reaches_the_caller_as_an_answer() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let answer = desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, failure("it overflows")).await.unwrap();
    let ToolAnswer::Error { message, kind } = answer.answer else { panic!("an error of the tool") };
    assert_eq!((message.as_str(), kind.as_str()), ("it overflows", "INVALID_STATE"));
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one conclusion") };
    assert_eq!((concluded.outcome(), concluded.code()), (Some("tool_error"), None));
}

#[tokio::test]
async fn a_correlation_id_is_minted_where_none_is_usable() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    for (at, given) in ["", "  ", "a\nb", "é"].into_iter().enumerate() {
        let envelope = Envelope { correlation_id: given.to_owned(), ..ask(&session, &format!("k{at}"), "sum", SUM) };
        let answer = desk.ended(&agent, envelope, &runtime, success("3")).await.unwrap();
        assert!(answer.correlation_id.as_str().starts_with("host-1700000000-"), "{}", answer.correlation_id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_past_its_deadline_is_stopped_and_concluded() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let refusal = desk.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::Timeout, Stage::Dispatch));
    let context = refusal.context();
    let invocation = context.invocation_id.unwrap();
    assert_eq!(context.runtime_id.as_deref(), Some("calc"));
    assert_eq!(runtime.cancelled(), [(invocation, "deadline passed".to_owned())]);
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one conclusion") };
    assert_eq!((concluded.outcome(), concluded.code()), (Some("failed"), Some("TIMEOUT")));
    assert!(desk.log.of("refused").is_empty(), "what was admitted is concluded, not refused");
    assert!(refusal.retry_allowed(), "`sum` is pure");
}

#[tokio::test]
async fn a_write_that_failed_after_it_was_sent_is_not_for_a_repeat() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    let crashed = Ending::Crashed("gone".to_owned());
    let refusal = desk.ended(&agent, ask(&session, "k", "send", "{}"), &runtime, crashed).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_allowed()), (Code::RuntimeCrash, false));
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_call() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    tokio::select! {
        biased;
        ended = desk.call(&agent, ask(&session, "k", "send", "{}")) => panic!("ended too soon: {ended:?}"),
        () = until("the runtime has the call", || runtime.waiting() > 0) => {}
    }
    assert!(runtime.cancelled().is_empty() && runtime.waiting() == 1);
    assert!(runtime.end(success(r#""sent""#)));
    until("the call is concluded", || desk.log.of("concluded").len() == 1).await;
    let again = desk.call(&agent, ask(&session, "k", "send", "{}")).await.unwrap();
    assert_eq!(again.answer, ToolAnswer::Success(r#""sent""#.to_owned()));
    assert!(again.repeated);
    assert_eq!(runtime.calls().len(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_admission_does_not_leave_half_a_call() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("mail", &["send"]);
    desk.log.disk.hold();
    tokio::select! {
        biased;
        ended = desk.call(&agent, ask(&session, "k", "send", "{}")) => panic!("ended too soon: {ended:?}"),
        () = until("the admission is being written", || desk.log.disk.is_waiting()) => {}
    }
    desk.log.disk.release();
    until("the runtime has the call", || runtime.waiting() > 0).await;
    assert!(runtime.end(success("null")));
    until("the call is concluded", || desk.log.of("concluded").len() == 1).await;
}

#[tokio::test]
async fn a_cancellation_reaches_the_runtime_and_is_recorded() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    assert!(desk.cancel(&agent, &session, "k").await.unwrap());
    let refusal = call.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::Cancelled, Stage::Dispatch));
    assert_eq!(runtime.cancelled()[0].0, refusal.context().invocation_id.unwrap());
    let [asked] = &desk.log.of("cancel_requested")[..] else { panic!("one request") };
    assert_eq!((asked.call_id(), asked.correlation()), (Some("k"), Some("w-cancel")));
    assert_eq!((asked.detail(), asked.principal()), (Some("no longer wanted"), Some("agent")));
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one conclusion") };
    assert_eq!(concluded.code(), Some("CANCELLED"));
}

#[tokio::test]
async fn a_cancellation_of_what_is_not_in_flight_says_so() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    assert!(!desk.cancel(&agent, &session, "k").await.unwrap(), "it has ended");
    assert!(!desk.cancel(&agent, &session, "other").await.unwrap());
    assert_eq!(desk.cancel(&agent, &session, "").await.unwrap_err().code(), Code::MalformedRequest);
    assert!(runtime.cancelled().is_empty());
}

#[tokio::test]
async fn nobody_cancels_a_call_in_somebody_elses_session() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    for other in [desk.token("thief", "demo", &["caller"]), desk.token("agent", "other", &["caller"])] {
        assert_eq!(desk.cancel(&other, &session, "k").await.unwrap_err().code(), Code::InvalidSession);
    }
    assert!(runtime.end(success("3")));
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_cancellation_that_cannot_be_recorded_does_not_happen() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    desk.log.disk.set_full(true);
    assert_eq!(desk.cancel(&agent, &session, "k").await.unwrap_err().code(), Code::AuditUnavailable);
    assert!(runtime.cancelled().is_empty());
    assert!(runtime.end(success("3")));
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn calls_of_one_session_run_beside_one_another() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let calls: Vec<_> = (0..4).map(|at| desk.begin(&agent, ask(&session, &format!("k{at}"), "sum", SUM))).collect();
    until("all are with the runtime", || runtime.waiting() == 4).await;
    let refusal = desk.call(&agent, ask(&session, "k9", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted, "four is its limit");
    for at in 0..4 {
        assert!(runtime.end(success(&at.to_string())));
    }
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!((desk.log.of("admitted").len(), desk.log.of("concluded").len()), (4, 4));
}

#[tokio::test]
async fn a_host_that_stops_takes_no_call_and_ends_those_in_flight() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    desk.host().stopping.cancel();
    let refusal = desk.call(&agent, ask(&session, "late", "sum", SUM)).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::ServiceUnavailable, Stage::Transport));
    assert!(runtime.end(success("3")));
    assert!(call.await.unwrap().is_ok());
    desk.host().tasks.close();
    tokio::time::timeout(Duration::from_secs(60), desk.host().tasks.wait()).await.expect("no call is left");
}

//! The stage dispatch: whatever becomes of a call, it ends in exactly one outcome.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    event::{self, Event, Kind},
    id::InvocationId,
    outcome::ToolAnswer,
    runtime::{Ending, Runtime, Unreachable},
};
use grid_dispatch::{Decision, Outcome, Receipt, RoutedCall, Stop, conclusion, run};
use grid_resolve::{Roster, Scope, admission};
use grid_testkit::{FakeRuntime, Log, Scene, Session, Strict, until};
use tokio::join;
use tokio_util::sync::CancellationToken;

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"calc","required_roles":["*"],"timeout":"10s","function_declarations":[
    {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT"}}]}]}"#;

struct Desk {
    scene: Scene<Strict>,
    session: Arc<Session>,
    runtime: Arc<FakeRuntime>,
    roster: Roster,
    log: Log,
    cancelled: CancellationToken,
    why: OnceLock<Arc<str>>,
}

/// Rights hold.
fn begin(_: &Decision) -> Option<()> {
    Some(())
}

impl Desk {
    fn new() -> Self {
        let runtime = FakeRuntime::new("calc", "demo", 8);
        let roster = Roster::default();
        let seated: Arc<dyn Runtime> = runtime.clone();
        roster.seat(&Arc::from("sum"), &seated, Scope::Every);
        let scene = Scene::strict(MANIFEST);
        let session = scene.session("agent", "demo", &[]);
        Self {
            scene,
            session,
            runtime,
            roster,
            log: Log::open(),
            cancelled: CancellationToken::new(),
            why: OnceLock::new(),
        }
    }

    async fn admitted(&self) -> (RoutedCall, Receipt) {
        let call = self.scene.routed(&self.session, self.scene.request("sum", "{}"), &self.roster).await;
        let receipt = self.log.ledger.admit(admission(&call)).await.unwrap();
        (call, receipt)
    }

    fn stop(&self) -> Stop<'_> {
        Stop { asked: &self.cancelled, why: &self.why }
    }

    async fn run(&self) -> Outcome {
        let (call, receipt) = self.admitted().await;
        run(call, receipt, self.stop(), &self.scene.clock.shared(), None, begin).await
    }

    /// Runs a call that the runtime ends so.
    async fn ended(&self, ending: Ending) -> Outcome {
        let end = async {
            until("the runtime has the call", || self.runtime.waiting() > 0).await;
            assert!(self.runtime.end(ending));
        };
        join!(self.run(), end).0
    }

    fn load(&self) -> (u32, u64) {
        (self.runtime.card().load.in_flight(), self.runtime.card().load.failures())
    }
}

fn success(content: &str) -> Ending {
    Ending::Answered(ToolAnswer::Success(content.to_owned()))
}

fn failure(message: &str) -> ToolAnswer {
    ToolAnswer::Error { message: message.to_owned(), kind: "INVALID_STATE".to_owned() }
}

fn refusal(outcome: &Outcome) -> &Refusal {
    outcome.result().as_ref().unwrap_err()
}

fn sent_false(refusal: &Refusal) -> bool {
    refusal.details().contains(&("sent", "false".to_owned()))
}

#[tokio::test]
async fn an_answer_is_the_outcome_word_for_word() {
    let desk = Desk::new();
    for content in ["null", "7", r#"" x ""#, "{ \"a\" : [1.0, 2e3] }", "[]", "9007199254740993"] {
        let outcome = desk.ended(success(content)).await;
        assert_eq!(outcome.result().as_ref().unwrap(), &ToolAnswer::Success(content.to_owned()));
        assert_eq!(outcome.receipt().invocation(), outcome.call().invocation());
        assert_eq!(desk.load().0, 1, "the place is kept until the conclusion");
        drop(outcome);
        assert_eq!(desk.load(), (0, 0));
    }
}

#[tokio::test]
async fn a_tools_own_error_is_an_answer_and_no_fault_of_the_runtime() {
    let desk = Desk::new();
    let outcome = desk.ended(Ending::Answered(failure("no such order"))).await;
    assert_eq!(outcome.into_result().unwrap(), failure("no such order"));
    assert_eq!(desk.load(), (0, 0));
}

#[tokio::test]
async fn content_that_is_no_strict_json_breaks_the_protocol() {
    let desk = Desk::new();
    for (at, content) in
        ["", "{", "{'a':1}", "NaN", r#"{"a":1,"a":2}"#, r#""\ud800""#, "1 2", "1e999"].iter().enumerate()
    {
        let outcome = desk.ended(success(content)).await;
        let refusal = refusal(&outcome).clone();
        assert_eq!((refusal.code(), refusal.stage()), (Code::ProtocolViolation, Stage::Link), "{content}");
        assert!(refusal.internal().unwrap().contains("not strict JSON"), "{refusal:?}");
        drop(outcome);
        assert_eq!(desk.load(), (0, at as u64 + 1));
    }
}

#[tokio::test]
async fn an_error_without_a_message_breaks_the_protocol() {
    let desk = Desk::new();
    for message in ["", " \n"] {
        let outcome = desk.ended(Ending::Answered(failure(message))).await;
        assert_eq!(refusal(&outcome).code(), Code::ProtocolViolation);
    }
}

#[tokio::test]
async fn what_was_wrong_with_an_answer_is_the_operators_to_know() {
    let desk = Desk::new();
    let outcome = desk.ended(Ending::Violated("another call_id `hunter2`".to_owned())).await;
    let refusal = refusal(&outcome);
    assert_eq!(refusal.code(), Code::ProtocolViolation);
    assert!(!refusal.message().contains("hunter2") && refusal.details().is_empty());
    assert_eq!(refusal.internal(), Some("another call_id `hunter2`"));
}

#[tokio::test]
async fn a_runtime_that_goes_away_ends_the_call_as_crashed() {
    let desk = Desk::new();
    let outcome = desk.ended(Ending::Crashed("its stream broke at /somewhere/x".to_owned())).await;
    let refusal = refusal(&outcome);
    assert_eq!((refusal.code(), refusal.stage()), (Code::RuntimeCrash, Stage::Dispatch));
    assert!(!refusal.message().contains("/somewhere"), "{refusal}");
    assert_eq!(refusal.internal(), Some("its stream broke at /somewhere/x"));
    assert!(!sent_false(refusal), "whether it ran is not known");
    drop(outcome);
    assert_eq!(desk.load(), (0, 1));
}

#[tokio::test]
async fn a_runtime_that_cannot_be_reached_never_had_the_call() {
    for (error, code) in [(Unreachable::Gone, Code::ConnectionFailed), (Unreachable::Busy, Code::ResourceExhausted)] {
        let desk = Desk::new();
        desk.runtime.refuse(error);
        let outcome = desk.run().await;
        assert_eq!(refusal(&outcome).code(), code);
        assert!(sent_false(refusal(&outcome)), "the caller may send it again");
        assert!(desk.runtime.calls().is_empty() && desk.runtime.cancelled().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_ends_the_call_and_stops_the_runtime() {
    let desk = Desk::new();
    let began = tokio::time::Instant::now();
    let outcome = desk.run().await;
    assert_eq!(began.elapsed().as_secs(), 10, "neither sooner nor later than the contract says");
    let refused = refusal(&outcome);
    assert_eq!((refused.code(), refused.stage()), (Code::Timeout, Stage::Dispatch));
    assert!(refused.details().contains(&("timeout_ms", "10000".to_owned())), "{:?}", refused.details());
    assert_eq!(desk.runtime.cancelled(), [(outcome.call().invocation(), "deadline passed".to_owned())]);
    assert!(!desk.runtime.end(success("7")), "a later answer reaches nobody");
}

#[tokio::test(start_paused = true)]
async fn the_time_that_the_admission_took_counts() {
    let desk = Desk::new();
    let (call, receipt) = desk.admitted().await;
    desk.scene.clock.advance(Duration::from_secs(7));
    let began = tokio::time::Instant::now();
    let outcome = run(call, receipt, desk.stop(), &desk.scene.clock.shared(), None, begin).await;
    assert_eq!(refusal(&outcome).code(), Code::Timeout);
    assert_eq!(began.elapsed().as_secs(), 3, "the deadline in the log and in the frame is the one that holds");
}

#[tokio::test]
async fn a_call_whose_deadline_passed_meanwhile_is_not_sent() {
    let desk = Desk::new();
    let (call, receipt) = desk.admitted().await;
    desk.scene.clock.advance(Duration::from_secs(10));
    let outcome = run(call, receipt, desk.stop(), &desk.scene.clock.shared(), None, begin).await;
    assert_eq!((refusal(&outcome).code(), sent_false(refusal(&outcome))), (Code::Timeout, true));
    assert!(desk.runtime.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_there_goes_before_a_deadline_that_has_passed() {
    let desk = Desk::new();
    let end = async {
        until("the runtime has the call", || desk.runtime.waiting() > 0).await;
        assert!(desk.runtime.end(success("7")));
        tokio::time::advance(Duration::from_secs(11)).await;
    };
    let (outcome, ()) = join!(desk.run(), end);
    assert!(outcome.result().is_ok(), "{:?}", outcome.result());
    assert!(desk.runtime.cancelled().is_empty());
}

#[tokio::test]
async fn a_cancellation_ends_the_call_and_stops_the_runtime() {
    let desk = Desk::new();
    let cancel = async {
        until("the runtime has the call", || desk.runtime.waiting() > 0).await;
        desk.cancelled.cancel();
    };
    let (outcome, ()) = join!(desk.run(), cancel);
    assert_eq!((refusal(&outcome).code(), refusal(&outcome).stage()), (Code::Cancelled, Stage::Dispatch));
    assert_eq!(desk.runtime.cancelled(), [(outcome.call().invocation(), "cancelled".to_owned())]);
    assert!(!desk.runtime.end(success("7")));
}

#[tokio::test]
async fn a_call_that_is_stopped_for_a_reason_ends_with_it() {
    let desk = Desk::new();
    let cancel = async {
        until("the runtime has the call", || desk.runtime.waiting() > 0).await;
        desk.why.set(Arc::from("revoked: alice has left")).unwrap();
        desk.cancelled.cancel();
    };
    let (outcome, ()) = join!(desk.run(), cancel);
    assert_eq!(refusal(&outcome).internal(), Some("revoked: alice has left"));
    assert!(!refusal(&outcome).message().contains("alice"), "the reason is the operator's");
    assert_eq!(desk.runtime.cancelled()[0].1, "revoked: alice has left");
    let record = conclusion(&outcome, 1);
    assert_eq!((record.code, record.detail.as_deref()), (Some(Code::Cancelled), Some("revoked: alice has left")));
}

#[tokio::test]
async fn a_call_that_was_cancelled_before_it_was_sent_is_not_sent() {
    let desk = Desk::new();
    desk.cancelled.cancel();
    let outcome = desk.run().await;
    assert_eq!((refusal(&outcome).code(), sent_false(refusal(&outcome))), (Code::Cancelled, true));
    assert!(desk.runtime.calls().is_empty() && desk.runtime.cancelled().is_empty());
}

#[tokio::test]
async fn a_receipt_for_another_call_carries_nothing_out() {
    let desk = Desk::new();
    let ((one, receipt_of_one), (two, receipt_of_two)) = (desk.admitted().await, desk.admitted().await);
    let clock = desk.scene.clock.shared();
    for (call, receipt) in [(one, receipt_of_two), (two, receipt_of_one)] {
        let outcome = run(call, receipt, desk.stop(), &clock, None, begin).await;
        assert_eq!((refusal(&outcome).code(), refusal(&outcome).stage()), (Code::SecurityViolation, Stage::Dispatch));
    }
    assert!(desk.runtime.calls().is_empty(), "the runtime saw a call that was not admitted");
}

#[tokio::test]
async fn the_time_that_a_call_took_is_from_hand_over_to_ending() {
    let desk = Desk::new();
    let end = async {
        until("the runtime has the call", || desk.runtime.waiting() > 0).await;
        desk.scene.clock.advance(Duration::from_micros(1234));
        assert!(desk.runtime.end(success("7")));
    };
    let (outcome, ()) = join!(desk.run(), end);
    assert_eq!(outcome.took(), Duration::from_micros(1234));
}

fn ids(event: &Event) -> (Kind, Option<InvocationId>, Option<u64>) {
    (event.kind, event.invocation, event.duration_us)
}

#[tokio::test]
async fn a_conclusion_tells_an_answer_by_digest_and_length() {
    let desk = Desk::new();
    let outcome = desk.ended(success(r#"{"secret":"hunter2"}"#)).await;
    let event = conclusion(&outcome, 77);
    assert_eq!(ids(&event), (Kind::Concluded, Some(outcome.call().invocation()), Some(0)));
    assert_eq!((event.at_ms, event.outcome), (77, Some(event::Outcome::Success)));
    assert_eq!(event.result_bytes, Some(20));
    let digest = grid_adm::Digest::of_bytes(br#"{"secret":"hunter2"}"#);
    assert_eq!(event.result_digest.as_ref(), Some(digest.as_bytes()));
    assert!((event.code, event.stage, event.detail.as_deref()) == (None, None, None));
    assert!(!format!("{event:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_conclusion_tells_a_tools_error_by_digest_and_length() {
    let desk = Desk::new();
    let outcome = desk.ended(Ending::Answered(failure("hunter2 is wrong"))).await;
    let event = conclusion(&outcome, 77);
    assert_eq!((event.outcome, event.result_bytes), (Some(event::Outcome::ToolError), Some(16)));
    assert!(!format!("{event:?}").contains("hunter2"));
}

#[tokio::test]
async fn a_conclusion_tells_why_the_host_ended_a_call() {
    let desk = Desk::new();
    let outcome = desk.ended(Ending::Crashed("gone".to_owned())).await;
    let event = conclusion(&outcome, 77);
    assert_eq!(event.outcome, Some(event::Outcome::Failed));
    assert_eq!((event.code, event.stage), (Some(Code::RuntimeCrash), Some(Stage::Dispatch)));
    assert_eq!(event.detail.as_deref(), Some("gone"));
    assert!(event.result_digest.is_none() && event.result_bytes.is_none());
}

/// Deadline, cancellation and answer race; whoever wins, there is one outcome, and the place comes back.
#[tokio::test(start_paused = true)]
async fn whatever_races_a_call_has_one_outcome() {
    let desk = Desk::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut dice = grid_testkit::Dice::seeded(3);
    for round in 1..=200 {
        let (call, receipt) = desk.admitted().await;
        let (token, why) = (CancellationToken::new(), OnceLock::new());
        let clock = desk.scene.clock.shared();
        let mut steps = [0, 1, 2];
        steps.sort_by_key(|_| dice.roll());
        let stir = async {
            until("the runtime has the call", || desk.runtime.calls().len() == round).await;
            for step in steps {
                match step {
                    0 => drop(desk.runtime.end(success("7"))),
                    1 => token.cancel(),
                    _ => tokio::time::advance(Duration::from_secs(11)).await,
                }
                if dice.coin() {
                    tokio::task::yield_now().await;
                }
            }
            // Nobody is left whose answer could come for the next round.
            desk.runtime.end(success("late"));
        };
        let (outcome, ()) = join!(run(call, receipt, Stop { asked: &token, why: &why }, &clock, None, begin), stir);
        seen.insert(outcome.into_result().map_or_else(|refusal| refusal.code().as_str(), |_| "answered"));
        assert_eq!(desk.load().0, 0, "round {round}");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), ["CANCELLED", "TIMEOUT", "answered"]);
}

#[tokio::test]
async fn a_call_whose_rights_ended_after_its_admission_is_not_sent() {
    let desk = Desk::new();
    let (call, receipt) = desk.admitted().await;
    let over = |_: &Decision| None::<()>;
    let outcome = run(call, receipt, desk.stop(), &desk.scene.clock.shared(), None, over).await;
    let refusal = outcome.result().as_ref().unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
    assert!(refusal.details().contains(&("sent", "false".to_owned())));
    assert_eq!(desk.runtime.waiting(), 0, "it was sent");
}

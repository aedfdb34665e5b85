//! A grant ends once, and how.

use std::time::Duration;

use grid_core::{
    clock::Clock as _,
    event::{Outcome, Signal},
    local::Report,
    outcome::ToolAnswer,
};
use grid_local::{Claim, End, GivenUp, Redeemed};
use grid_session::Claim as CallClaim;

use super::common::{Desk, Given, TTL, desk};

fn signal(desk: &Desk, report: Report) -> Signal {
    desk.redeem(report).unwrap_err().signal()
}

fn give_up(desk: &Desk, given: &Given) -> Result<GivenUp, grid_local::Rejected> {
    let invocation = Some(given.issued.grant.invocation());
    desk.grants.give_up(&desk.agent(), Some(desk.session.id()), invocation, given.leaf(), "not needed")
}

#[tokio::test]
async fn a_report_concludes_the_call_with_what_the_caller_claims() {
    let desk = desk();
    let given = desk.grant("sum").await;
    desk.scene.clock.advance(Duration::from_secs(3));
    let report = Report { took: Duration::from_millis(2500), ..given.report(r#"{"total":3}"#) };
    let Ok(Redeemed::First(ending)) = desk.redeem(report) else { panic!("it is open") };
    assert_eq!((ending.end(), ending.outcome()), (End::Reported, Outcome::Success));
    desk.conclude(ending).await.unwrap();
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one record") };
    assert_eq!((concluded.outcome(), concluded.fields().get("claimed")), (Some("success"), Some(&true.into())));
    assert_eq!(concluded.number("result_bytes"), Some(11));
    assert_eq!(concluded.text("result_shape"), Some(r#"{"…0":"integer"}"#), "no name of it");
    assert_eq!(concluded.number("duration_us"), Some(2_500_000));
    assert!(concluded.text("result_digest").is_some());
    assert_eq!((concluded.tool(), concluded.call_id()), (Some("sum"), Some(given.call_id.as_str())));
    assert_eq!(desk.grants.count(), 0);
}

#[tokio::test]
async fn the_outcome_is_the_tools_own_or_that_of_what_kept_it_from_one() {
    let desk = desk();
    for (kind, outcome, code) in
        [("INVALID_STATE", "tool_error", None), ("LOCAL_EXECUTION_FAILED", "failed", Some("LOCAL_EXECUTION_FAILED"))]
    {
        let given = desk.grant("sum").await;
        let answer = ToolAnswer::Error { message: "no".to_owned(), kind: kind.to_owned() };
        let Ok(Redeemed::First(ending)) = desk.redeem(Report { answer: Ok(answer), ..given.report("") }) else {
            panic!("it is open");
        };
        desk.conclude(ending).await.unwrap();
        let concluded = desk.log.of("concluded").pop().unwrap();
        assert_eq!((concluded.outcome(), concluded.code()), (Some(outcome), code));
    }
}

#[tokio::test]
async fn an_identical_repeat_is_the_same_report_and_any_other_is_a_second_use() {
    let desk = desk();
    let given = desk.grant("sum").await;
    desk.report(&given).await;
    assert!(matches!(desk.redeem(given.report("3")), Ok(Redeemed::Again)));
    assert_eq!(signal(&desk, given.report("4")), Signal::Reused);
    let failed = Ok(ToolAnswer::Error { message: "3".to_owned(), kind: "X".to_owned() });
    assert_eq!(signal(&desk, Report { answer: failed, ..given.report("") }), Signal::Reused);
    assert_eq!(desk.log.of("concluded").len(), 1);
}

#[tokio::test]
async fn a_repeat_while_the_first_is_written_waits_for_it() {
    let desk = desk();
    let given = desk.grant("sum").await;
    let Ok(Redeemed::First(ending)) = desk.redeem(given.report("3")) else { panic!("it is open") };
    let Ok(Redeemed::Joined(same)) = desk.redeem(given.report("3")) else { panic!("it is being ended") };
    assert_eq!(signal(&desk, given.report("4")), Signal::Reused);
    desk.conclude(ending).await.unwrap();
    assert_eq!(same.await.unwrap(), End::Reported);
}

#[tokio::test]
async fn what_could_not_be_written_leaves_the_grant_open() {
    let desk = desk();
    let given = desk.grant("sum").await;
    let Ok(Redeemed::First(ending)) = desk.redeem(given.report("3")) else { panic!("it is open") };
    let Ok(Redeemed::Joined(same)) = desk.redeem(given.report("3")) else { panic!("it is being ended") };
    drop(ending);
    assert!(same.await.is_err());
    assert_eq!(desk.grants.count(), 1);
    desk.report(&given).await;
}

#[tokio::test]
async fn a_grant_that_was_given_back_is_over_and_its_call_id_free() {
    let desk = desk();
    let given = desk.grant("send").await;
    let Ok(GivenUp::First(ending)) = give_up(&desk, &given) else { panic!("it is open") };
    desk.conclude(ending).await.unwrap();
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one record") };
    assert_eq!((concluded.outcome(), concluded.code()), (Some("failed"), Some("CANCELLED")));
    assert_eq!(concluded.detail(), Some("not needed"));
    assert_eq!(signal(&desk, given.report("3")), Signal::Cancelled);
    assert!(matches!(give_up(&desk, &given), Ok(GivenUp::Over(End::Cancelled))));
    assert_eq!(desk.session.in_flight(), 0);
    let id = grid_core::id::CallId::parse(&given.call_id).unwrap();
    let args = given.args.clone().try_into().unwrap();
    let again = desk.session.claim(&id, &"send".into(), args, desk.scene.clock.elapsed());
    assert!(matches!(again, CallClaim::First(_)), "the same call may go to a runtime now");
}

#[tokio::test]
async fn a_reported_grant_cannot_be_given_back_and_its_call_id_stays_used() {
    let desk = desk();
    let given = desk.grant("send").await;
    desk.report(&given).await;
    assert!(matches!(give_up(&desk, &given), Ok(GivenUp::Over(End::Reported))));
    let id = grid_core::id::CallId::parse(&given.call_id).unwrap();
    let args = given.args.clone().try_into().unwrap();
    let again = desk.session.claim(&id, &"send".into(), args, desk.scene.clock.elapsed());
    assert!(matches!(again, CallClaim::Done(_)));
}

#[tokio::test]
async fn what_nobody_reports_is_concluded_when_its_time_has_passed() {
    let desk = desk();
    let given = desk.grant("send").await;
    desk.scene.clock.advance(TTL - Duration::from_millis(1));
    assert!(desk.sweep().await.is_empty());
    desk.scene.clock.advance(Duration::from_millis(1));
    assert_eq!(signal(&desk, given.report("3")), Signal::Expired, "also before the end is written");
    assert_eq!(desk.sweep().await, ["unreported"]);
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one record") };
    assert_eq!((concluded.outcome(), concluded.fields().get("claimed")), (Some("unreported"), None));
    assert_eq!(signal(&desk, given.report("3")), Signal::Expired);
    assert!(desk.sweep().await.is_empty(), "once");
    assert_eq!(desk.grants.count(), 0);
}

#[tokio::test]
async fn an_invalidation_ends_every_grant_that_is_open() {
    let desk = desk();
    let (reported, open) = (desk.grant("sum").await, desk.grant("sum").await);
    desk.report(&reported).await;
    desk.grants.revoke_before(2);
    assert_eq!(signal(&desk, open.report("3")), Signal::Revoked, "at once, before the end is written");
    assert!(matches!(desk.redeem(reported.report("3")), Ok(Redeemed::Again)), "what was logged stays so");
    assert_eq!(desk.sweep().await, ["revoked"]);
    assert_eq!(signal(&desk, open.report("3")), Signal::Revoked);
}

#[tokio::test]
async fn an_invalidation_that_overtakes_an_admission_ends_its_grant() {
    let desk = desk();
    let mut held = desk.hold("sum").await.unwrap();
    let receipt = desk.admit(&mut held).await;
    desk.grants.revoke_before(2);
    let refusal = desk.grants.open(held, &receipt).unwrap_err();
    assert_eq!(refusal.code(), grid_core::Code::PermissionDenied);
    assert_eq!(desk.sweep().await, ["revoked"], "what the log has as admitted is concluded");
}

#[tokio::test]
async fn the_end_of_its_session_ends_a_grant() {
    let desk = desk();
    let given = desk.grant("sum").await;
    let caller = grid_testkit::caller("agent", "demo", &[]);
    let end = desk.scene.sessions.close(&caller, &given.session, true).unwrap();
    assert_eq!(end.cancelled, 1);
    assert_eq!(signal(&desk, given.report("3")), Signal::Cancelled);
    assert_eq!(desk.sweep().await, ["failed"]);
    assert_eq!(desk.log.of("concluded")[0].code(), Some("CANCELLED"));
}

#[tokio::test]
async fn what_ended_long_ago_is_forgotten_here() {
    let desk = desk();
    let given = desk.grant("sum").await;
    desk.report(&given).await;
    desk.scene.clock.advance(Duration::from_secs(601));
    assert!(desk.grants.due().is_empty());
    let rejected = desk.redeem(given.report("3")).unwrap_err();
    assert_eq!(rejected.forgotten(), Some(given.issued.grant.invocation()));
    let records = desk.log.records();
    assert!(rejected.by_log(&desk.agent(), &records).is_ok(), "the log has the same report");
    let other = desk.redeem(given.report("4")).unwrap_err().by_log(&desk.agent(), &records);
    assert_eq!(other.unwrap_err().signal(), Signal::Reused);
    let mut elsewhere = given.report("3");
    elsewhere.args_digest[0] ^= 1;
    let elsewhere = desk.redeem(elsewhere).unwrap_err().by_log(&desk.agent(), &records);
    assert_eq!(elsewhere.unwrap_err().signal(), Signal::Reused, "the same result of other arguments");
    let stranger = grid_testkit::principal("other", "demo", &[]);
    let foreign = desk.grants.redeem(&stranger, Claim::read(given.report("3")).unwrap()).unwrap_err();
    assert_eq!(foreign.by_log(&stranger, &records).unwrap_err().signal(), Signal::ForeignPrincipal);
}

#[tokio::test]
async fn the_log_tells_how_a_forgotten_grant_ended() {
    let desk = desk();
    let (returned, silent, revoked) = (desk.grant("send").await, desk.grant("send").await, desk.grant("send").await);
    let Ok(GivenUp::First(ending)) = give_up(&desk, &returned) else { panic!("it is open") };
    desk.conclude(ending).await.unwrap();
    desk.scene.clock.advance(TTL);
    // Time ends two of them; what ends the third is said by its record alone.
    let records: Vec<_> = {
        assert_eq!(desk.sweep().await, ["unreported", "unreported"]);
        let third = revoked.issued.grant.invocation().to_string();
        let rewritten = |record: grid_audit::Record| match record.invocation() == Some(third.as_str()) {
            true => {
                let line = record.line().replace("\"unreported\"", "\"revoked\"");
                grid_audit::Record::decode(record.index(), line.as_bytes()).unwrap()
            }
            false => record,
        };
        desk.log.records().into_iter().map(rewritten).collect()
    };
    desk.scene.clock.advance(Duration::from_secs(601));
    assert!(desk.grants.due().is_empty());
    for (given, signal) in [(returned, Signal::Cancelled), (silent, Signal::Expired), (revoked, Signal::Revoked)] {
        let rejected = desk.redeem(given.report("3")).unwrap_err().by_log(&desk.agent(), &records).unwrap_err();
        assert_eq!(rejected.signal(), signal);
    }
}

//! What fits no grant is not taken, whoever says it and however little is wrong with it.

use std::time::Duration;

use grid_core::{Code, clock::Clock as _, event::Signal, local::Report, principal::Principal};
use grid_local::{Claim, Rejected};
use grid_testkit::{Dice, principal};

use super::common::{Desk, Given, desk};

fn rejected(desk: &Desk, who: &Principal, report: Report) -> Rejected {
    desk.grants.redeem(who, Claim::read(report).unwrap()).unwrap_err()
}

#[tokio::test]
async fn each_thing_that_a_grant_is_bound_to_is_compared() {
    let desk = desk();
    let given = desk.grant("sum").await;
    let agent = desk.agent();
    let other = desk.grant("sum").await;
    let mut arguments = given.report("3");
    arguments.args_digest[31] ^= 1;
    let session = desk.scene.session("agent", "demo", &[]).id().to_string();
    let cases = [
        (Report { grant: other.report("3").grant, ..given.report("3") }, Signal::UnknownGrant),
        (Report { grant: Vec::new(), ..given.report("3") }, Signal::UnknownGrant),
        (Report { invocation_id: "i-".to_owned(), ..given.report("3") }, Signal::UnknownGrant),
        (Report { session_id: session, ..given.report("3") }, Signal::ForeignSession),
        (arguments, Signal::ArgsMismatch),
        (Report { args_digest: Vec::new(), ..given.report("3") }, Signal::ArgsMismatch),
        (Report { call_id: other.call_id.clone(), ..given.report("3") }, Signal::CallMismatch),
        (Report { name: "send".to_owned(), ..given.report("3") }, Signal::CallMismatch),
    ];
    for (report, signal) in cases {
        assert_eq!(rejected(&desk, &agent, report).signal(), signal);
    }
    let (namesake, other) = (principal("agent", "other", &[]), principal("other", "demo", &[]));
    assert_eq!(rejected(&desk, &other, given.report("3")).signal(), Signal::ForeignPrincipal);
    let elsewhere = rejected(&desk, &namesake, given.report("3"));
    assert_eq!(elsewhere.signal(), Signal::UnknownGrant, "another tenant's records say nothing of it either");
    desk.report(&given).await;
}

#[tokio::test]
async fn whoever_does_not_own_a_grant_hears_what_a_stranger_to_it_hears() {
    let desk = desk();
    let given = desk.grant("sum").await;
    let foreign = rejected(&desk, &principal("other", "demo", &[]), given.report("3"));
    let nobody = Report { invocation_id: format!("i-{}", "0".repeat(32)), ..given.report("3") };
    let unknown = rejected(&desk, &desk.agent(), nobody);
    let seen = |rejected: &Rejected| {
        let refusal = rejected.refusal();
        (refusal.code(), refusal.message().to_owned(), refusal.details().to_vec())
    };
    assert_eq!(seen(&foreign), seen(&unknown));
    assert_eq!(foreign.refusal().code(), Code::SecurityViolation);
    assert_ne!(foreign.signal(), unknown.signal(), "the record says more");
}

#[tokio::test]
async fn a_run_that_cannot_have_been_is_not_taken_and_skewed_clocks_are() {
    let desk = desk();
    let given = desk.grant("sum").await;
    desk.scene.clock.advance(Duration::from_secs(10));
    let now = desk.scene.clock.unix_ms();
    let ended = |ended_at_ms| Report { ended_at_ms, ..given.report("3") };
    let impossible = [
        Report { took: Duration::from_millis(11_001), ..given.report("3") },
        Report { took: Duration::MAX, ..given.report("3") },
        ended(1),
        ended(now - 310_001),
        ended(now + 300_001),
        ended(u64::MAX),
    ];
    for report in impossible {
        assert_eq!(rejected(&desk, &desk.agent(), report).signal(), Signal::ImpossibleTime);
    }
    for (took, skew) in [(10_000, 300_000), (11_000, -300_000)] {
        let given = desk.grant("sum").await;
        desk.scene.clock.advance(Duration::from_secs(10));
        let now = desk.scene.clock.unix_ms();
        let ended_at_ms = now.saturating_add_signed(skew);
        let report = Report { took: Duration::from_millis(took), ended_at_ms, ..given.report("3") };
        assert!(desk.redeem(report).is_ok(), "clocks that are five minutes apart");
    }
}

/// The report with something else in it.
fn mutated(given: &Given, other: &Given, dice: &mut Dice) -> Report {
    let mut report = given.report("3");
    let flip = |bytes: &mut Vec<u8>, dice: &mut Dice| {
        let at = dice.below(bytes.len());
        bytes[at] ^= 1 << dice.below(8);
    };
    let letter = |text: &mut String, dice: &mut Dice| {
        let at = dice.below(text.len());
        let mut bytes = std::mem::take(text).into_bytes();
        bytes[at] = b"0123456789abcdef-XYZ"[dice.below(20)];
        *text = String::from_utf8(bytes).unwrap();
    };
    match dice.below(9) {
        0 => flip(&mut report.grant, dice),
        1 => flip(&mut report.args_digest, dice),
        2 => letter(&mut report.invocation_id, dice),
        3 => letter(&mut report.session_id, dice),
        4 => letter(&mut report.call_id, dice),
        5 => letter(&mut report.name, dice),
        6 => report.grant.truncate(dice.below(32)),
        7 => report.grant.push(0),
        _ => report.grant = other.report("3").grant,
    }
    report
}

#[tokio::test]
async fn of_ten_thousand_mutated_or_forged_grants_none_is_taken() {
    let desk = desk();
    let (given, other) = (desk.grant("sum").await, desk.grant("sum").await);
    let mut dice = Dice::seeded(16);
    let right = given.report("3");
    let mut forged = 0;
    while forged < 10_000 {
        let report = mutated(&given, &other, &mut dice);
        let same = report.grant == right.grant
            && report.args_digest == right.args_digest
            && (&report.invocation_id, &report.session_id) == (&right.invocation_id, &right.session_id)
            && (&report.call_id, &report.name) == (&right.call_id, &right.name);
        // A letter can be replaced by itself; and what names the other grant by chance is that grant's.
        if same {
            continue;
        }
        assert!(desk.redeem(report.clone()).is_err(), "taken: {report:?}");
        forged += 1;
    }
    assert_eq!(desk.grants.count(), 2, "both are as open as before");
    desk.report(&given).await;
}

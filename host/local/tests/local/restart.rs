//! A host that is killed leaves its grants to the next one.

use std::time::Duration;

use grid_audit::{Record, Recovered};
use grid_core::{clock::Clock as _, event::Signal, local::Report};
use grid_local::{Claim, Grants, Redeemed};
use grid_testkit::Log;

use super::common::{Desk, TTL, desk, settings};

/// The same desk after a kill, some time later.
fn killed(desk: Desk, later: Duration) -> (Desk, Recovered) {
    desk.scene.clock.advance(later);
    let clock = desk.scene.clock.shared();
    let (log, recovered): (Log, Recovered) = desk.log.again(clock.clone());
    let grants = Grants::new(settings(100_000, 100_000), clock);
    for admission in &recovered.local {
        grants.restore(admission).unwrap();
    }
    (Desk { log, grants, ..desk }, recovered)
}

#[tokio::test]
async fn an_open_grant_is_open_after_a_restart_until_its_time() {
    let desk = desk();
    let (reported, kept, late) = (desk.grant("sum").await, desk.grant("sum").await, desk.grant("send").await);
    desk.report(&reported).await;
    let (desk, recovered) = killed(desk, Duration::from_secs(20));
    assert_eq!((recovered.closed.len(), recovered.local.len(), desk.grants.count()), (0, 2, 2));
    let took = Duration::from_secs(21);
    let Ok(Redeemed::First(ending)) = desk.redeem(Report { took, ..kept.report("3") }) else { panic!("it is open") };
    desk.conclude(ending).await.unwrap();
    let too_long = Report { took: Duration::from_secs(22), ..late.report("3") };
    assert_eq!(desk.redeem(too_long).unwrap_err().signal(), Signal::ImpossibleTime);
    desk.scene.clock.advance(TTL - Duration::from_secs(20));
    assert_eq!(desk.sweep().await, ["unreported"]);
    assert_eq!(desk.log.of("concluded").len(), 3);
}

#[tokio::test]
async fn a_grant_whose_time_passed_meanwhile_is_concluded_at_the_start() {
    let desk = desk();
    let given = desk.grant("send").await;
    let (desk, recovered) = killed(desk, TTL);
    assert_eq!((recovered.closed, recovered.local), (vec![given.issued.grant.invocation()], vec![]));
    let [concluded] = &desk.log.of("concluded")[..] else { panic!("one record") };
    assert_eq!((concluded.outcome(), concluded.tool()), (Some("unreported"), Some("send")));
    let rejected = desk.redeem(given.report("3")).unwrap_err();
    assert_eq!(rejected.by_log(&desk.agent(), &desk.log.records()).unwrap_err().signal(), Signal::Expired);
}

/// Each of 100 grants is reported 50 times before and 50 times after the restart: 10,000 redemptions.
#[tokio::test]
async fn of_ten_thousand_redemptions_across_a_restart_none_succeeds_twice() {
    let desk = desk();
    let mut given = Vec::new();
    for _ in 0..100 {
        given.push(desk.grant("send").await);
    }
    let (before, after) = given.split_at(50);
    let mut ended = 0;
    for _ in 0..100 {
        for grant in before {
            if let Ok(Redeemed::First(ending)) = desk.redeem(grant.report("3")) {
                desk.conclude(ending).await.unwrap();
                ended += 1;
            }
        }
    }
    let (desk, _) = killed(desk, Duration::from_secs(1));
    let records: Vec<Record> = desk.log.records();
    for turn in 0..50 {
        for grant in before.iter().chain(after) {
            match desk.redeem(grant.report(if turn % 2 == 0 { "3" } else { "4" })) {
                Ok(Redeemed::First(ending)) => {
                    desk.conclude(ending).await.unwrap();
                    ended += 1;
                }
                Ok(_) => {}
                Err(rejected) if rejected.forgotten().is_some() => {
                    let logged = rejected.by_log(&desk.agent(), &records).is_ok();
                    assert_eq!(logged, turn % 2 == 0, "the log knows what was reported before the restart");
                }
                Err(rejected) => assert_eq!(rejected.signal(), Signal::Reused),
            }
        }
    }
    assert_eq!((ended, desk.log.of("concluded").len()), (100, 100));
}

#[tokio::test]
async fn a_clock_that_was_set_back_lets_no_grant_live_for_ever() {
    let desk = desk();
    desk.scene.clock.advance(Duration::from_secs(3000));
    let given = desk.grant("sum").await;
    let record = Record::decode(0, &given.issued.record).unwrap();
    let fresh = super::common::desk();
    assert!(fresh.scene.clock.unix_ms() < record.at_ms() - 2_000_000);
    fresh.grants.restore(&record).unwrap();
    let claim = || Claim::read(given.report("3")).unwrap();
    fresh.scene.clock.advance(Duration::from_secs(299));
    assert!(matches!(fresh.grants.redeem(&desk.agent(), claim()), Ok(Redeemed::First(_))));
    fresh.scene.clock.advance(Duration::from_secs(1));
    assert_eq!(fresh.grants.redeem(&desk.agent(), claim()).unwrap_err().signal(), Signal::Expired);
}

#[tokio::test]
async fn an_invalidation_before_the_kill_holds_after_it() {
    use grid_core::event::{Event, Kind};
    let desk = desk();
    let given = desk.grant("sum").await;
    let correlation = grid_core::id::CorrelationId::mint(0);
    let event = Event { epoch: Some(2), ..Event::new(Kind::Invalidated, desk.scene.clock.unix_ms(), correlation) };
    desk.log.ledger.record(event).await.unwrap();
    let (desk, recovered) = killed(desk, Duration::ZERO);
    assert_eq!(recovered.epoch, 2);
    desk.grants.revoke_before(recovered.epoch);
    assert_eq!(desk.redeem(given.report("3")).unwrap_err().signal(), Signal::Revoked);
    assert_eq!(desk.sweep().await, ["revoked"]);
}

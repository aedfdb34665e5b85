//! Many at once end a grant once.

use std::sync::{
    Arc, Barrier,
    atomic::{AtomicUsize, Ordering},
};

use grid_local::{Claim, GivenUp, Redeemed};
use grid_testkit::Dice;

use super::common::{Given, desk};

const GRANTS: usize = 1250;
const THREADS: usize = 8;

/// Each of 1,250 grants is reported by eight threads at once, half of them differently: 10,000 redemptions.
#[tokio::test]
async fn of_ten_thousand_redemptions_in_parallel_none_succeeds_twice() {
    let desk = Arc::new(desk());
    let mut given = Vec::new();
    for _ in 0..GRANTS {
        given.push((desk.grant("sum").await, AtomicUsize::new(0), AtomicUsize::new(0)));
    }
    let given: Arc<Vec<(Given, AtomicUsize, AtomicUsize)>> = Arc::new(given);
    let start = Arc::new(Barrier::new(THREADS));
    let thread = |number: usize| {
        let (desk, given, start) = (Arc::clone(&desk), Arc::clone(&given), Arc::clone(&start));
        std::thread::spawn(move || {
            start.wait();
            let mut endings = Vec::new();
            for (grant, first, same) in given.iter() {
                let claim = Claim::read(grant.report(if number.is_multiple_of(2) { "3" } else { "4" })).unwrap();
                match desk.grants.redeem(&desk.agent(), claim) {
                    Ok(Redeemed::First(ending)) => {
                        first.fetch_add(1, Ordering::SeqCst);
                        endings.push(ending);
                    }
                    Ok(Redeemed::Joined(_) | Redeemed::Again) => drop(same.fetch_add(1, Ordering::SeqCst)),
                    Err(_) => {}
                }
            }
            endings
        })
    };
    let threads: Vec<_> = (0..THREADS).map(thread).collect();
    let endings: Vec<_> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
    assert_eq!(endings.len(), GRANTS);
    for (_, first, same) in given.iter() {
        let (first, same) = (first.load(Ordering::SeqCst), same.load(Ordering::SeqCst));
        assert_eq!(
            (first, same),
            (1, THREADS / 2 - 1),
            "one ends it, those who say the same join, the rest is refused"
        );
    }
    for ending in endings {
        desk.conclude(ending).await.unwrap();
    }
    assert_eq!((desk.log.of("concluded").len(), desk.grants.count()), (GRANTS, 0));
}

/// Reports, returns, invalidations, expiry and endings that fail, in any order: every admission gets one conclusion.
#[tokio::test]
async fn whatever_ends_a_grant_at_once_it_has_one_conclusion() {
    let desk = Arc::new(desk());
    for round in 0..200_u64 {
        let mut given = Vec::new();
        for _ in 0..4 {
            given.push(desk.grant("send").await);
        }
        let given = Arc::new(given);
        let start = Arc::new(Barrier::new(4));
        let thread = |number: u64| {
            let (desk, given, start) = (Arc::clone(&desk), Arc::clone(&given), Arc::clone(&start));
            std::thread::spawn(move || {
                let mut dice = Dice::seeded(round * 4 + number);
                let mut endings = Vec::new();
                start.wait();
                for grant in given.iter() {
                    let invocation = Some(grant.issued.grant.invocation());
                    let ending = match dice.below(4) {
                        0 => match desk.redeem(grant.report("3")) {
                            Ok(Redeemed::First(ending)) => vec![ending],
                            _ => Vec::new(),
                        },
                        1 => {
                            let session = Some(desk.session.id());
                            match desk.grants.give_up(&desk.agent(), session, invocation, grant.leaf(), "") {
                                Ok(GivenUp::First(ending)) => vec![ending],
                                _ => Vec::new(),
                            }
                        }
                        2 => desk.grants.due(),
                        _ => {
                            if round % 50 == 49 {
                                desk.grants.revoke_before(2);
                            }
                            desk.grants.due()
                        }
                    };
                    // Some are dropped, as if the log had not taken their conclusion.
                    endings.extend(ending.into_iter().filter(|_| dice.below(4) > 0));
                }
                endings
            })
        };
        let threads: Vec<_> = (0..4).map(thread).collect();
        for thread in threads {
            for ending in thread.join().unwrap() {
                desk.conclude(ending).await.unwrap();
            }
        }
        if round % 50 == 49 {
            break;
        }
    }
    desk.scene.clock.advance(super::common::TTL);
    desk.sweep().await;
    assert_eq!(desk.grants.count(), 0);
    let mut concluded: Vec<_> = desk.log.of("concluded").iter().map(|r| r.invocation().unwrap().to_owned()).collect();
    let mut admitted: Vec<_> = desk.log.of("admitted").iter().map(|r| r.invocation().unwrap().to_owned()).collect();
    concluded.sort_unstable();
    admitted.sort_unstable();
    assert_eq!(concluded, admitted);
}

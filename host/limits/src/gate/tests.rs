use super::*;
use grid_testkit::FakeClock;

fn gate(limit: u32) -> Arc<Adaptive> {
    Adaptive::new(1, limit, FakeClock::default().shared())
}

#[test]
fn work_is_let_in_up_to_the_limit_and_not_past_it() {
    let gate = gate(8);
    // Each of its own sender: nobody has more than a share.
    let entered = (0..100).filter(|who| gate.enter(Lane::Work, *who).is_ok()).count();
    assert_eq!(entered, 8);
    assert_eq!(gate.flow().shed, 92);
    gate.leave(Lane::Work, 0);
    assert!(gate.enter(Lane::Work, 200).is_ok());
    assert!(gate.enter(Lane::Work, 201).is_err());
}

#[test]
fn what_ends_work_and_what_operators_ask_is_never_turned_away() {
    let gate = gate(2);
    while gate.enter(Lane::Work, gate.flow().inside.into()).is_ok() {}
    for lane in [Lane::Control, Lane::Outcome] {
        for who in 0..1000 {
            assert!(gate.enter(lane, who).is_ok());
        }
    }
    assert_eq!(gate.flow().inside, 2);
    assert_eq!(gate.flow().passed, [1000, 1000, 2]);
    gate.leave(Lane::Control, 1);
    assert_eq!(gate.flow().inside, 2);
}

#[test]
fn one_sender_leaves_room_for_the_others() {
    let gate = gate(100);
    assert!(gate.enter(Lane::Work, 1).is_ok());
    let noisy = (0..1000).filter(|_| gate.enter(Lane::Work, 2).is_ok()).count();
    // Three quarters are anybody's, the last one is for those below their share: a half.
    assert_eq!(noisy, 74);
    assert_eq!(gate.flow().shed_share, 926);
    let quiet = (0..1000).filter(|_| gate.enter(Lane::Work, 1).is_ok()).count();
    assert_eq!(quiet, 25);
}

#[test]
fn a_sender_that_is_alone_may_have_all_of_it() {
    let gate = gate(100);
    assert_eq!((0..1000).filter(|_| gate.enter(Lane::Work, 7).is_ok()).count(), 100);
}

#[test]
fn who_waits_for_somebody_else_makes_room_and_comes_back_unasked() {
    let shared = gate(2);
    let port: Arc<dyn Gate> = shared.clone();
    let pass = |who| grid_core::gate::Pass::ask(&port, Lane::Work, who);
    let (one, two) = (pass(1).unwrap(), pass(2).unwrap());
    assert!(pass(3).is_err());
    let away = one.stand_back();
    let three = pass(3).unwrap();
    drop(away);
    assert_eq!(shared.flow().inside, 3);
    let copy = two.clone();
    drop((one, two));
    assert_eq!(shared.flow().inside, 2, "a place is given back with its last copy");
    drop((copy, three));
    assert_eq!(shared.flow().inside, 0);
    assert_eq!(shared.senders.load(Ordering::Relaxed), 0);
}

#[test]
fn the_hint_is_near_what_a_call_takes_and_spread_out() {
    let gate = gate(1);
    assert!(gate.enter(Lane::Work, 0).is_ok());
    let mut hints: Vec<_> = (0..8).map(|_| gate.enter(Lane::Work, 0).unwrap_err().retry_after).collect();
    hints.sort_unstable();
    hints.dedup();
    assert_eq!(hints.len(), 8);
    assert!(hints[0] >= SOONEST && hints[7] < LATEST * 2, "{hints:?}");
}

use grid_core::clock::Clock as _;
use grid_testkit::FakeClock;

use super::*;

fn content(scope: &str) -> Content {
    Content { cause: None, scope: vec![scope.to_owned()] }
}

fn first(events: &Events, id: &str) -> First {
    match events.claim(id, &content("a")) {
        Claim::First(first) => first,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_that_had_no_effect_is_free_again() {
    let events = Events::new(FakeClock::default().shared());
    drop(first(&events, "e"));
    first(&events, "e").done(Invalidated { epoch: 2, ..Invalidated::default() });
    assert!(matches!(events.claim("e", &content("a")), Claim::Done(done) if done.epoch == 2));
    assert!(matches!(events.claim("e", &content("b")), Claim::Conflict));
}

#[test]
fn whoever_waits_for_an_effect_that_fails_hears_that() {
    let events = Events::new(FakeClock::default().shared());
    let running = first(&events, "e");
    let Claim::Joined(mut other) = events.claim("e", &content("a")) else { panic!("it is running") };
    drop(running);
    assert!(other.try_recv().is_err());
}

#[test]
fn the_oldest_names_are_forgotten_first_and_the_memory_is_bounded() {
    let clock = FakeClock::default();
    let events = Events::new(clock.shared());
    for at in 0..=MOST {
        first(&events, &at.to_string()).done(Invalidated::default());
    }
    let held = {
        let inner = events.lock();
        (inner.known.len(), inner.done.len())
    };
    assert_eq!(held, (MOST, MOST));
    assert!(matches!(events.claim("0", &content("a")), Claim::First(_)));
    assert!(matches!(events.claim("1", &content("a")), Claim::Done(_)));
    clock.advance(REMEMBERED);
    assert!(matches!(events.claim("2", &content("a")), Claim::First(_)));
}

#[test]
fn what_an_earlier_process_did_is_known_from_its_records() {
    let clock = FakeClock::default();
    let (events, now_ms) = (Events::new(clock.shared()), clock.unix_ms());
    let line = format!(
        r#"{{"at_ms":{now_ms},"ended_grants":3,"epoch":7,"event":"policy_update","event_id":"e","kind":"invalidated","scope":["a"]}}"#
    );
    let record = Record::decode(4, line.as_bytes()).unwrap();
    let nameless = Record::decode(5, br#"{"at_ms":1,"kind":"invalidated"}"#).unwrap();
    events.recall(&[nameless, record]);
    let same = Content { cause: Some("policy_update".to_owned()), ..content("a") };
    let Claim::Done(done) = events.claim("e", &same) else { panic!("it is known") };
    assert_eq!((done.epoch, done.ended_grants), (7, 3));
    assert!(matches!(events.claim("e", &content("a")), Claim::Conflict));
}

//! The small promises of the vocabulary, each of which something else rests on.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

use std::{collections::HashSet, thread, time::Duration};

use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    event::{Kind, Outcome, plain_name},
    feature::Features,
    id::{ConnectionId, RuntimeId, TenantId},
    refusal::Context,
    runtime::{Card, Load},
};

fn card(id: &str, tenant: &str) -> Card {
    Card {
        id: RuntimeId::parse(id).unwrap(),
        tenant: TenantId::parse(tenant).unwrap(),
        scope: None,
        connection: ConnectionId::mint(),
        language: "test".to_owned(),
        version: "0".to_owned(),
        attached_at_ms: 0,
        limit: 1,
        features: Features::default(),
        load: Load::default(),
    }
}

#[test]
fn places_are_taken_up_to_the_limit_and_given_back() {
    let load = Load::default();
    assert!(load.enter(2) && load.enter(2) && !load.enter(2));
    assert_eq!((load.in_flight(), load.calls()), (2, 2), "a refused one is no call");
    load.leave(Duration::from_nanos(77), true);
    assert_eq!((load.in_flight(), load.idle_since(), load.failures()), (1, 77, 1));
    assert!(load.enter(2));
    load.leave(Duration::from_nanos(99), false);
    assert_eq!((load.idle_since(), load.failures(), load.calls()), (99, 1, 3));
    assert!(!load.enter(0));
}

#[test]
fn threads_share_places_and_lose_none() {
    let load = Load::default();
    let taken: usize = thread::scope(|scope| {
        let work = || {
            let mut taken = 0;
            for _ in 0..10_000 {
                if load.enter(3) {
                    taken += 1;
                    assert!(load.in_flight() <= 3);
                    load.leave(Duration::ZERO, false);
                }
            }
            taken
        };
        let workers = [(); 4].map(|()| scope.spawn(work));
        workers.map(|worker| worker.join().unwrap()).iter().sum()
    });
    assert_eq!((load.in_flight(), usize::try_from(load.calls()).unwrap()), (0, taken));
}

#[test]
fn a_runtime_serves_its_tenant_and_one_of_every_tenant_serves_all() {
    let (demo, other) = (TenantId::parse("demo").unwrap(), TenantId::parse("other").unwrap());
    let own = card("calc/2", "demo");
    assert!(own.serves(&demo) && !own.serves(&other));
    assert_eq!(own.provider(), "calc");
    let every = card("calc", "*");
    assert!(every.serves(&demo) && every.serves(&other));
}

#[test]
fn draining_is_for_good() {
    let load = Load::default();
    assert!(!load.is_draining());
    load.drain();
    load.drain();
    assert!(load.is_draining());
}

#[test]
fn a_name_as_sent_is_cut_and_made_plain() {
    assert_eq!(&*plain_name("sum"), "sum");
    assert_eq!(&*plain_name("a b\n\u{1b}é\u{202e}"), "a?b????");
    assert_eq!(plain_name(&"ü".repeat(1000)).len(), 64);
    assert_eq!(&*plain_name(""), "");
}

#[test]
fn a_token_is_never_printed() {
    let credentials = Credentials { bearer: Some("secret".to_owned()), loopback: true, ..Credentials::default() };
    assert!(!format!("{credentials:?} {:#?}", credentials.clone()).contains("secret"));
}

#[test]
fn the_operators_words_stand_in_what_operators_read_and_not_in_what_is_shown() {
    let refusal = Refusal::new(Code::PermissionDenied, Stage::Authorize, "no").because("rule 7");
    assert_eq!(refusal.to_string(), "PERMISSION_DENIED: no");
    assert_eq!(format!("{refusal:?}"), "PERMISSION_DENIED at authorize: no (rule 7)");
    assert!(!refusal.message().contains("rule") && refusal.details().is_empty());
}

#[test]
fn a_time_to_wait_is_told_only_where_a_repeat_is_allowed() {
    let timeout = Refusal::new(Code::Timeout, Stage::Dispatch, "late").retry_after(Duration::from_secs(7));
    let told = |repeatable| {
        let refusal = timeout.clone().within(Context { repeatable, ..Context::default() });
        (refusal.retry_allowed(), refusal.retry_after_ms())
    };
    assert_eq!(told(false), (false, 0));
    assert_eq!(told(true), (true, 7_000));
    let unhurried = Refusal::new(Code::Timeout, Stage::Dispatch, "late");
    let unhurried = unhurried.within(Context { repeatable: true, ..Context::default() });
    assert_eq!(Some(unhurried.retry_after_ms()), Code::Timeout.retry_after_ms(), "the code's own time");
}

#[test]
fn kinds_outcomes_and_stages_have_names_of_their_own() {
    let kinds: HashSet<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    let outcomes: HashSet<_> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
    let stages: HashSet<_> = Stage::ALL.iter().map(|stage| stage.as_str()).collect();
    assert_eq!((kinds.len(), outcomes.len(), stages.len()), (Kind::ALL.len(), Outcome::ALL.len(), Stage::ALL.len()));
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    assert!(kinds.into_iter().chain(outcomes).chain(stages).all(plain));
}

//! The stage limits: what it lets through, what it refuses and with which word, and what it holds for how long.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{sync::Arc, time::Duration};

use grid_contract::Strict;
use grid_core::{Code, Refusal, Stage, clock::Clock as _};
use grid_limits::{Defaults, LimitedCall, Limits, Pace, Session, Settings, file};
use grid_testkit::{FakeClock, Scene, principal};

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"all","required_roles":["*"],"function_declarations":[
    {"name":"look","description":"Looks.","parameters":{"type":"OBJECT"}},
    {"name":"report","description":"Reports.","cost":5,"parameters":{"type":"OBJECT"}}]}]}"#;

struct Hall {
    scene: Scene<Strict>,
    limits: Arc<Limits>,
}

impl Hall {
    fn of(text: &str) -> Self {
        Self::with(Settings::default(), text)
    }

    fn with(settings: Settings, text: &str) -> Self {
        let scene = Scene::strict(MANIFEST);
        let limits = Limits::new(settings, file::read(text).unwrap(), scene.clock.shared()).unwrap();
        Self { limits: Arc::new(limits), scene }
    }

    fn session(&self, name: &str, tenant: &str) -> Arc<Session> {
        self.scene.session(name, tenant, &[])
    }

    async fn enter(&self, session: &Arc<Session>, tool: &str) -> Result<LimitedCall, Refusal> {
        self.limits.enter(self.scene.permitted(session, self.scene.request(tool, "{}")).await).await
    }

    async fn local(&self, session: &Arc<Session>, tool: &str) -> Result<LimitedCall, Refusal> {
        self.limits.enter_local(self.scene.permitted(session, self.scene.request(tool, "{}")).await)
    }
}

fn detail<'a>(refusal: &'a Refusal, key: &str) -> &'a str {
    refusal.details().iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
}

#[tokio::test]
async fn without_limits_nothing_is_refused_and_nothing_kept() {
    let hall = Hall::of("");
    let session = hall.session("alice", "acme");
    for _ in 0..1000 {
        hall.enter(&session, "look").await.unwrap();
    }
    assert!(hall.limits.usage(10).is_empty());
}

#[tokio::test]
async fn a_rate_lets_its_burst_through_and_says_truly_when_the_next_call_may_come() {
    let hall = Hall::of("[[limit]]\nname = \"slow\"\nper = [\"principal\"]\nrate = \"10/s\"\nburst = 3\n");
    let session = hall.session("alice", "acme");
    for _ in 0..3 {
        hall.enter(&session, "look").await.unwrap();
    }
    for _ in 0..20 {
        let refusal = hall.enter(&session, "look").await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::RateLimitExceeded, Stage::Limits));
        assert_eq!((detail(&refusal, "limit"), detail(&refusal, "kind")), ("slow", "rate"));
        assert_eq!(refusal.retry_after_ms(), 100, "a refusal takes nothing");
        assert!(refusal.message().contains("`slow`"));
    }
    for _ in 0..50 {
        let wait = hall.enter(&session, "look").await.unwrap_err().retry_after_ms();
        hall.scene.clock.advance(Duration::from_millis(wait - 1));
        let early = hall.enter(&session, "look").await.unwrap_err();
        assert_eq!(early.retry_after_ms(), 1);
        hall.scene.clock.advance(Duration::from_millis(1));
        hall.enter(&session, "look").await.unwrap();
    }
}

#[tokio::test]
async fn a_call_under_several_limits_takes_from_all_or_from_none() {
    let hall = Hall::of(
        "[[limit]]\nname = \"own\"\nper = [\"principal\"]\nrate = \"10/s\"\nburst = 10\n\
         [[limit]]\nname = \"house\"\nper = [\"tenant\"]\nrate = \"2/s\"\nburst = 2\n",
    );
    let (alice, bob) = (hall.session("alice", "acme"), hall.session("bob", "acme"));
    hall.enter(&alice, "look").await.unwrap();
    hall.enter(&alice, "look").await.unwrap();
    for _ in 0..100 {
        let refusal = hall.enter(&alice, "look").await.unwrap_err();
        assert_eq!((detail(&refusal, "limit"), refusal.retry_after_ms()), ("house", 500));
    }
    assert_eq!(detail(&hall.enter(&bob, "look").await.unwrap_err(), "limit"), "house");
    hall.scene.clock.advance(Duration::from_secs(1));
    // The hundred refusals took nothing of what is Alice's own.
    hall.enter(&alice, "look").await.unwrap();
    hall.enter(&alice, "look").await.unwrap();
    let other = hall.session("alice", "umbrella");
    hall.enter(&other, "look").await.unwrap();
}

#[tokio::test]
async fn what_is_counted_apart_does_not_meet() {
    let hall = Hall::of("[[limit]]\nname = \"pair\"\nper = [\"tenant\", \"tool\"]\nrate = \"1/h\"\n");
    let (alice, bob, eve) =
        (hall.session("alice", "acme"), hall.session("bob", "acme"), hall.session("eve", "umbrella"));
    hall.enter(&alice, "look").await.unwrap();
    assert!(hall.enter(&bob, "look").await.is_err(), "one tenant, one tool");
    hall.enter(&bob, "report").await.unwrap();
    hall.enter(&eve, "look").await.unwrap();
    let used = hall.limits.usage(10);
    assert_eq!(used.len(), 3);
    assert!(used.iter().all(|usage| usage.principal.is_empty() && !usage.tenant.is_empty()));
}

#[tokio::test]
async fn places_are_held_until_the_call_is_over() {
    let hall = Hall::of("[[limit]]\nname = \"few\"\nper = [\"principal\"]\nconcurrency = 2\n");
    let session = hall.session("alice", "acme");
    let one = hall.enter(&session, "look").await.unwrap();
    let two = Box::new(hall.enter(&session, "look").await.unwrap());
    let refusal = hall.enter(&session, "look").await.unwrap_err();
    assert_eq!((refusal.code(), detail(&refusal, "kind")), (Code::ResourceExhausted, "queue"));
    assert_eq!(detail(&refusal, "sent"), "false");
    assert_eq!(hall.limits.usage(1)[0].running, 2);
    drop(one);
    let _three = hall.enter(&session, "look").await.unwrap();
    drop(two);
    assert_eq!(hall.limits.usage(1)[0].running, 1);
    // Who runs a call itself holds no place for it.
    let _locals = [hall.local(&session, "look").await.unwrap(), hall.local(&session, "look").await.unwrap()];
    assert_eq!(hall.limits.usage(1)[0].running, 1);
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_bounded_and_served_in_turn() {
    let hall = Arc::new(Hall::of(
        "[[limit]]\nname = \"few\"\nper = [\"tenant\"]\nconcurrency = 1\nqueue = 2\nwait = \"10s\"\n",
    ));
    let session = hall.session("alice", "acme");
    let first = hall.enter(&session, "look").await.unwrap();
    let tasks = tokio_util::task::TaskTracker::new();
    let waiter = |hall: &Arc<Hall>| {
        let (hall, session) = (Arc::clone(hall), Arc::clone(&session));
        tasks.spawn(async move { hall.enter(&session, "look").await })
    };
    let (one, two) = (waiter(&hall), waiter(&hall));
    while hall.limits.usage(1)[0].waiting < 2 {
        tokio::task::yield_now().await;
    }
    let refusal = hall.enter(&session, "look").await.unwrap_err();
    assert_eq!((refusal.code(), detail(&refusal, "kind")), (Code::ResourceExhausted, "queue"));
    // Another tenant has places of its own.
    hall.enter(&hall.session("eve", "umbrella"), "look").await.unwrap();
    drop(first);
    let second = one.await.unwrap().unwrap();
    let late = two.await.unwrap().unwrap_err();
    assert_eq!((late.code(), detail(&late, "kind")), (Code::ResourceExhausted, "wait"));
    drop(second);
    hall.enter(&session, "look").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_calls_own_time() {
    let hall = Hall::of("[[limit]]\nname = \"few\"\nconcurrency = 1\nqueue = 2\nwait = \"300s\"\n");
    let session = hall.session("alice", "acme");
    let _first = hall.enter(&session, "look").await.unwrap();
    let mut request = hall.scene.request("look", "{}");
    request.deadline_unix_ms = Some(hall.scene.clock.unix_ms() + 50);
    let before = tokio::time::Instant::now();
    let refusal = hall.limits.enter(hall.scene.permitted(&session, request).await).await.unwrap_err();
    assert_eq!(detail(&refusal, "kind"), "wait");
    assert!(before.elapsed() < Duration::from_secs(1), "virtual time");
}

#[tokio::test]
async fn a_queue_that_refuses_gives_rate_and_budget_back() {
    let hall = Hall::of(
        "[[limit]]\nname = \"few\"\nper = [\"principal\"]\nrate = \"2/h\"\nburst = 2\nconcurrency = 1\nbudget = 10\n",
    );
    let session = hall.session("alice", "acme");
    let first = hall.enter(&session, "report").await.unwrap();
    for _ in 0..10 {
        assert_eq!(detail(&hall.enter(&session, "report").await.unwrap_err(), "kind"), "queue");
    }
    drop(first);
    let _second = hall.enter(&session, "report").await.unwrap();
    assert_eq!(hall.limits.usage(1)[0].spent, 10);
}

#[tokio::test]
async fn a_budget_counts_the_contracts_units_until_midnight_utc() {
    let hall = Hall::of("[[limit]]\nname = \"day\"\nper = [\"principal\"]\nbudget = 11\n");
    let session = hall.session("alice", "acme");
    hall.enter(&session, "report").await.unwrap();
    hall.local(&session, "report").await.unwrap();
    let refusal = hall.enter(&session, "report").await.unwrap_err();
    assert_eq!((refusal.code(), detail(&refusal, "kind")), (Code::RateLimitExceeded, "budget"));
    let midnight = 86_400_000 - hall.scene.clock.unix_ms() % 86_400_000;
    assert_eq!(refusal.retry_after_ms(), midnight);
    hall.enter(&session, "look").await.unwrap();
    assert!(hall.enter(&session, "look").await.is_err());
    hall.scene.clock.advance(Duration::from_millis(midnight - 1));
    let session = hall.session("alice", "acme");
    assert!(hall.enter(&session, "look").await.is_err());
    hall.scene.clock.advance(Duration::from_millis(1));
    hall.enter(&session, "report").await.unwrap();
}

#[tokio::test]
async fn budgets_outlive_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { budgets: Some(folder.path().join("budgets.json")), ..Settings::default() };
    let text = "[[limit]]\nname = \"day\"\nper = [\"tenant\"]\nbudget = 5\n";
    let before = Hall::with(settings.clone(), text);
    before.enter(&before.session("alice", "acme"), "report").await.unwrap();
    before.limits.write_budgets().unwrap();
    let after = Hall::with(settings.clone(), text);
    assert_eq!(detail(&after.enter(&after.session("bob", "acme"), "look").await.unwrap_err(), "kind"), "budget");
    after.enter(&after.session("eve", "umbrella"), "look").await.unwrap();
    std::fs::write(settings.budgets.as_ref().unwrap(), "{").unwrap();
    let refused = Limits::new(settings, Vec::new(), FakeClock::default().shared()).unwrap_err();
    assert!(refused.contains("budgets.json"), "{refused}");
}

#[tokio::test]
async fn what_others_share_is_not_told() {
    let hall = Hall::of(
        "[[limit]]\nname = \"house\"\nper = [\"tenant\"]\nbudget = 1\n\
         [[limit]]\nname = \"own\"\nprincipal = \"bob\"\nper = [\"principal\"]\nbudget = 0\n",
    );
    let (alice, bob) = (hall.session("alice", "acme"), hall.session("bob", "acme"));
    let own = hall.enter(&bob, "look").await.unwrap_err();
    assert_eq!((detail(&own, "limit"), detail(&own, "budget")), ("own", "0"));
    hall.enter(&alice, "look").await.unwrap();
    let shared = hall.enter(&alice, "look").await.unwrap_err();
    assert_eq!(detail(&shared, "limit"), "house");
    assert!(!shared.details().iter().any(|(key, _)| *key == "budget"), "{shared:?}");
    assert!(!shared.message().chars().any(|c| c.is_ascii_digit()), "{}", shared.message());
}

#[tokio::test]
async fn the_number_of_counts_is_bounded_and_idle_ones_are_forgotten() {
    let settings = Settings { keys: 16, ..Settings::default() };
    let hall =
        Hall::with(settings, "[[limit]]\nname = \"own\"\nper = [\"principal\"]\nrate = \"100/s\"\nconcurrency = 5\n");
    let session = |at: u32| hall.session(&format!("p{at}"), "acme");
    let held = hall.enter(&session(0), "look").await.unwrap();
    for at in 1..16 {
        hall.enter(&session(at), "look").await.unwrap();
    }
    let refusal = hall.enter(&session(16), "look").await.unwrap_err();
    assert_eq!((refusal.code(), detail(&refusal, "kind")), (Code::ResourceExhausted, "keys"));
    hall.enter(&session(3), "look").await.unwrap();
    hall.limits.sweep();
    assert_eq!(hall.limits.usage(100).len(), 16);
    hall.scene.clock.advance(Duration::from_secs(61));
    hall.limits.sweep();
    let left = hall.limits.usage(100);
    assert_eq!((left.len(), left[0].running), (1, 1), "a count with a call in it stays");
    drop(held);
    hall.enter(&session(16), "look").await.unwrap();
}

#[tokio::test]
async fn other_limits_hold_at_once_and_counts_of_the_same_ones_go_on() {
    let kept = "[[limit]]\nname = \"kept\"\nper = [\"principal\"]\nrate = \"1/h\"\n";
    let hall = Hall::of(kept);
    let session = hall.session("alice", "acme");
    hall.enter(&session, "look").await.unwrap();
    hall.limits.replace(file::read(&format!("{kept}[[limit]]\nname = \"new\"\nrate = \"5/h\"\n")).unwrap());
    assert_eq!(detail(&hall.enter(&session, "look").await.unwrap_err(), "limit"), "kept");
    hall.limits.replace(Vec::new());
    hall.enter(&session, "look").await.unwrap();
}

#[tokio::test]
async fn limits_of_the_settings_hold_for_everybody() {
    let defaults = Defaults { principal_pace: Pace::per_second(2, 0), tenant_places: 1, ..Defaults::NONE };
    let hall = Hall::with(Settings { defaults, ..Settings::default() }, "");
    let (alice, bob) = (hall.session("alice", "acme"), hall.session("bob", "acme"));
    let held = hall.enter(&alice, "look").await.unwrap();
    assert_eq!(detail(&hall.enter(&bob, "look").await.unwrap_err(), "limit"), "tenant");
    drop(held);
    hall.enter(&alice, "look").await.unwrap();
    assert_eq!(detail(&hall.enter(&alice, "look").await.unwrap_err(), "limit"), "principal");
}

#[tokio::test]
async fn who_collects_refusals_is_refused_at_the_door_and_written_down_in_one() {
    let settings = Settings { refusals: Pace::per_second(10, 20), ..Settings::default() };
    let hall = Hall::with(settings, "");
    let (noisy, quiet) = (principal("noisy", "acme", &[]), principal("quiet", "acme", &[]));
    let denied = Refusal::new(Code::PermissionDenied, Stage::Authorize, "no");
    let written = (0..100).filter(|_| hall.limits.note_refusal(&noisy, &denied)).count();
    assert_eq!(written, 20);
    let refusal = hall.limits.may_ask(&noisy).unwrap_err();
    assert_eq!((refusal.code(), detail(&refusal, "limit")), (Code::RateLimitExceeded, "refusals"));
    assert!(hall.limits.may_ask(&quiet).is_ok());
    let withheld = hall.limits.withheld();
    assert_eq!((withheld.len(), withheld[0].count), (1, 80));
    assert!(hall.limits.withheld().is_empty());
    hall.scene.clock.advance(Duration::from_millis(refusal.retry_after_ms()));
    assert!(hall.limits.may_ask(&noisy).is_ok());
}

#[tokio::test]
async fn what_a_limit_refuses_does_not_shut_the_door() {
    let settings = Settings { refusals: Pace::per_second(10, 20), ..Settings::default() };
    let hall = Hall::with(settings, "");
    let busy = principal("busy", "acme", &[]);
    let limited = Refusal::new(Code::RateLimitExceeded, Stage::Limits, "slow");
    for _ in 0..1000 {
        hall.limits.note_refusal(&busy, &limited);
    }
    assert!(hall.limits.may_ask(&busy).is_ok());
    assert_eq!(hall.limits.withheld()[0].count, 980);
}

//! All breakers of a host: three of them before a call, what each of them is told, and how many are kept.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_breaker::{Blame, Breakers, Key, Phase, Scope, Sets, Settings};
use grid_core::{Code, clock::Clock, id::CorrelationId};

const CALC: Key<'_> = Key { runtime: "calc/1", provider: "calc", tool: "sum" };
const OTHER: Key<'_> = Key { runtime: "calc/2", provider: "calc", tool: "sum" };
const QUICK: Duration = Duration::from_millis(5);

/// Stands still until it is moved.
#[derive(Debug, Clone, Default)]
struct FakeClock(Arc<AtomicU64>);

impl FakeClock {
    fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_nanos()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::SeqCst))
    }

    fn unix_ms(&self) -> u64 {
        u64::try_from(self.elapsed().as_millis()).unwrap()
    }
}

/// The same seed gives the same numbers (`xorshift64`).
struct Dice(u64);

impl Dice {
    fn below(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn call() -> CorrelationId {
    CorrelationId::mint(1)
}

fn breakers(settings: impl Into<Sets>) -> (Arc<Breakers>, FakeClock) {
    let clock = FakeClock::default();
    (Breakers::new(settings, Arc::new(clock.clone())), clock)
}

fn fail(breakers: &Arc<Breakers>, key: &Key<'_>, times: u32, code: Code, blame: Blame) {
    for _ in 0..times {
        breakers.enter(key, &call()).unwrap().failed(code, blame, &call());
    }
}

fn phases(breakers: &Breakers) -> [Phase; 3] {
    [
        breakers.phase(Scope::Runtime, "calc/1"),
        breakers.phase(Scope::Provider, "calc"),
        breakers.phase(Scope::Tool, "sum"),
    ]
}

#[test]
fn each_scope_hears_of_what_it_is_to_blame_for() {
    let (closed, open) = (Phase::Closed, Phase::Open);
    let provider = Blame { tool: false, ..Blame::ALL };
    for (blame, expected) in [
        (Blame::RUNTIME, [open, closed, closed]),
        (provider, [open, open, closed]),
        (Blame::ALL, [open, open, open]),
        (Blame::TOOL, [closed, closed, open]),
    ] {
        let (breakers, _) = breakers(Settings::default());
        fail(&breakers, &CALC, 5, Code::Timeout, blame);
        assert_eq!(phases(&breakers), expected, "{blame:?}");
        let runtime = breakers.admits(&CALC).unwrap_err();
        assert_eq!(runtime.retry_after, seconds(30));
        let elsewhere = expected == [open, closed, closed];
        assert_eq!(
            breakers.admits(&OTHER).is_ok(),
            elsewhere,
            "a sibling is called where the runtime alone is to blame"
        );
    }
}

#[test]
fn what_its_caller_or_the_host_did_never_counts() {
    let (breakers, _) = breakers(Settings::default());
    for code in Code::ALL.into_iter().filter(|code| !grid_breaker::Pass::counts(*code)) {
        fail(&breakers, &CALC, 50, code, Blame::ALL);
        assert_eq!(phases(&breakers), [Phase::Closed; 3], "{code}");
    }
    for code in Code::ALL.into_iter().filter(|code| code.client_fault() && !code.security()) {
        assert!(!grid_breaker::Pass::counts(code), "{code} is its caller's fault");
    }
    for code in
        [Code::RuntimeCrash, Code::Timeout, Code::ConnectionFailed, Code::NetworkTimeout, Code::ResourceExhausted]
    {
        assert!(grid_breaker::Pass::counts(code), "{code} is a trigger");
    }
    assert_eq!(breakers.counts().failures, 0);
}

#[test]
fn a_call_that_one_breaker_stops_takes_no_place_of_another() {
    let settings = Settings { half_open_calls: 1, ..Settings::default() };
    let (breakers, clock) = breakers(settings);
    fail(&breakers, &CALC, 5, Code::Timeout, Blame::TOOL);
    clock.advance(seconds(10));
    fail_runtime(&breakers);
    clock.advance(seconds(20));
    for _ in 0..10 {
        let rejection = breakers.enter(&CALC, &call()).unwrap_err();
        assert_eq!(rejection.scope, Scope::Runtime, "the tool's breaker would let one try");
    }
    clock.advance(seconds(10));
    assert!(breakers.enter(&CALC, &call()).is_ok(), "its place is still free");
}

fn fail_runtime(breakers: &Arc<Breakers>) {
    let other_tool = Key { tool: "product", ..CALC };
    fail(breakers, &other_tool, 5, Code::RuntimeCrash, Blame::RUNTIME);
}

#[test]
fn breakers_that_recover_together_let_the_same_calls_pass() {
    let (breakers, clock) = breakers(Settings::default());
    fail(&breakers, &CALC, 5, Code::Timeout, Blame::ALL);
    clock.advance(seconds(30));
    for _ in 0..3 {
        breakers.enter(&CALC, &call()).unwrap().well(QUICK, Blame::ALL, &call());
    }
    assert_eq!(phases(&breakers), [Phase::Recovering; 3]);
    let passed = (0..1_000).filter(|_| breakers.enter(&CALC, &call()).is_ok()).count();
    assert!((98..=102).contains(&passed), "{passed} of 1000 at 10 %, not a tenth of a tenth of it");
}

#[test]
fn a_call_that_vanishes_gives_its_place_back() {
    let settings = Settings { half_open_calls: 1, ..Settings::default() };
    let (breakers, clock) = breakers(settings);
    fail(&breakers, &CALC, 5, Code::Timeout, Blame::ALL);
    clock.advance(seconds(30));
    let pass = breakers.enter(&CALC, &call()).unwrap();
    assert!(breakers.enter(&CALC, &call()).is_err());
    drop(pass);
    assert!(breakers.enter(&CALC, &call()).is_ok());
}

#[test]
fn changes_are_told_once_with_the_call_that_made_them() {
    let (breakers, clock) = breakers(Settings::default());
    fail(&breakers, &CALC, 4, Code::Timeout, Blame::RUNTIME);
    assert_eq!(breakers.changes(), []);
    let last = call();
    breakers.enter(&CALC, &last).unwrap().failed(Code::RuntimeCrash, Blame::RUNTIME, &last);
    for _ in 0..1_000 {
        assert!(breakers.enter(&CALC, &call()).is_err());
    }
    let changes = breakers.changes();
    assert_eq!(changes.len(), 1, "calls that are turned away change nothing");
    assert_eq!((changes[0].scope, &*changes[0].name), (Scope::Runtime, "calc/1"));
    assert_eq!((changes[0].from, changes[0].to), (Phase::Closed, Phase::Open));
    assert_eq!((changes[0].code, changes[0].correlation.as_ref()), (Some(Code::RuntimeCrash), Some(&last)));
    assert_eq!(breakers.changes(), []);
    clock.advance(seconds(30));
    for _ in 0..3 {
        breakers.enter(&CALC, &call()).unwrap().well(QUICK, Blame::ALL, &call());
    }
    clock.advance(seconds(300));
    drop(breakers.enter(&CALC, &call()).unwrap());
    let to: Vec<_> = breakers.changes().iter().map(|change| change.to).collect();
    assert_eq!(to, [Phase::HalfOpen, Phase::Recovering, Phase::Closed]);
    let counts = breakers.counts();
    assert_eq!(counts.changes, [("open", 1), ("half_open", 1), ("recovering", 1), ("closed", 1)]);
    assert_eq!((counts.rejected, counts.failures), (1_000, 5));
}

#[test]
fn lists_name_those_that_are_not_closed_or_all() {
    let (breakers, _) = breakers(Settings::default());
    fail(&breakers, &CALC, 5, Code::Timeout, Blame::RUNTIME);
    drop(breakers.enter(&OTHER, &call()).unwrap());
    let rows = breakers.list(false);
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].scope, &*rows[0].name, rows[0].view.opened), (Scope::Runtime, "calc/1", 1));
    let names: Vec<_> = breakers.list(true).iter().map(|row| (row.scope, row.name.to_string())).collect();
    let name = |scope, name: &str| (scope, name.to_owned());
    assert_eq!(
        names,
        [
            name(Scope::Runtime, "calc/1"),
            name(Scope::Runtime, "calc/2"),
            name(Scope::Provider, "calc"),
            name(Scope::Tool, "sum")
        ]
    );
}

#[test]
fn an_operator_closes_one_and_only_that() {
    let (breakers, _) = breakers(Settings::default());
    fail(&breakers, &CALC, 5, Code::Timeout, Blame::ALL);
    assert!(breakers.reset(Scope::Runtime, "calc/1"));
    assert_eq!(phases(&breakers), [Phase::Closed, Phase::Open, Phase::Open]);
    assert!(!breakers.reset(Scope::Runtime, "calc/1"), "it is closed");
    assert!(!breakers.reset(Scope::Tool, "nobody"));
}

#[test]
fn no_more_names_are_kept_than_may_be_and_idle_ones_are_forgotten() {
    let settings = Settings { entries: 100, ..Settings::default() };
    let (breakers, clock) = breakers(settings);
    for number in 0..1_000 {
        let runtime = format!("calc/{number}");
        let key = Key { runtime: &runtime, ..CALC };
        breakers.enter(&key, &call()).unwrap().well(QUICK, Blame::ALL, &call());
    }
    assert_eq!(breakers.list(true).len(), 100 + 2);
    fail(&breakers, &Key { runtime: "calc/7", ..CALC }, 5, Code::Timeout, Blame::RUNTIME);
    clock.advance(seconds(61));
    breakers.sweep();
    let left = breakers.list(true);
    assert_eq!(left.len(), 1, "an open one is kept, whoever calls it");
    assert_eq!(&*left[0].name, "calc/7");
}

#[test]
fn no_order_of_ends_keeps_one_open_for_ever_or_lets_too_many_try() {
    let settings = Settings::default();
    for seed in 1..200 {
        let (breakers, clock) = breakers(settings);
        let mut dice = Dice(seed);
        let mut inside = Vec::new();
        for _ in 0..400 {
            match dice.below(6) {
                0 | 1 => inside.extend(breakers.enter(&CALC, &call()).ok()),
                2 => clock.advance(seconds(dice.below(40))),
                3 => drop(inside.pop()),
                4 => inside.pop().into_iter().for_each(|pass| pass.well(QUICK, Blame::ALL, &call())),
                _ => inside.pop().into_iter().for_each(|pass| pass.failed(Code::Timeout, Blame::ALL, &call())),
            }
        }
        inside.clear();
        clock.advance(settings.max_recovery);
        for _ in 0..settings.success_threshold {
            breakers.enter(&CALC, &call()).unwrap().well(QUICK, Blame::ALL, &call());
            // It may recover from here on, and lets a share pass alone.
            clock.advance(seconds(300));
        }
        clock.advance(seconds(300));
        let passed = breakers.enter(&CALC, &call());
        assert!(passed.is_ok(), "seed {seed}");
        assert_eq!(phases(&breakers), [Phase::Closed; 3], "seed {seed}");
    }
}

#[test]
fn a_name_has_its_own_settings_then_its_scope_has_then_all_have() {
    let after = |failures: u32, recovery: u64| Settings {
        consecutive_failures: failures,
        recovery: seconds(recovery),
        ..Settings::default()
    };
    let sets = Sets::from(after(5, 30)).scope(Scope::Tool, after(4, 20)).name(Scope::Tool, "sum", after(3, 120));
    let (breakers, _) = breakers(sets);
    let retry_after = |key: &Key<'_>| breakers.admits(key).map_err(|rejection| rejection.retry_after);
    let other = Key { tool: "product", ..CALC };
    fail(&breakers, &CALC, 2, Code::Timeout, Blame::TOOL);
    assert_eq!(retry_after(&CALC), Ok(()));
    fail(&breakers, &CALC, 1, Code::Timeout, Blame::TOOL);
    assert_eq!(retry_after(&CALC), Err(seconds(120)), "what its name says");
    fail(&breakers, &other, 3, Code::Timeout, Blame::TOOL);
    assert_eq!(retry_after(&other), Ok(()));
    fail(&breakers, &other, 1, Code::Timeout, Blame::TOOL);
    assert_eq!(retry_after(&other), Err(seconds(20)), "what its scope says");
    let third = Key { tool: "third", ..CALC };
    fail(&breakers, &third, 4, Code::Timeout, Blame::RUNTIME);
    assert_eq!(retry_after(&third), Ok(()));
    fail(&breakers, &third, 1, Code::Timeout, Blame::RUNTIME);
    assert_eq!(retry_after(&third), Err(seconds(30)), "what all have");
}

#[test]
fn a_tool_that_may_be_slow_is_slow_for_nobody() {
    let patient = Settings { slow_call: seconds(30), ..Settings::default() };
    let (breakers, _) = breakers(Sets::from(Settings::default()).name(Scope::Tool, "sum", patient));
    let end = |key: &Key<'_>, took: u64| {
        for _ in 0..10 {
            let Ok(pass) = breakers.enter(key, &call()) else { return };
            pass.well(seconds(took), Blame::ALL, &call());
        }
    };
    end(&CALC, 29);
    assert_eq!((phases(&breakers), breakers.counts().slow), ([Phase::Closed; 3], 0));
    end(&CALC, 30);
    // Half of twenty were slow, and 80 % are too many.
    assert_eq!(breakers.counts().slow, 10);
    let other = Key { runtime: "new/1", provider: "new", tool: "product" };
    end(&other, 29);
    assert_eq!(breakers.phase(Scope::Tool, "product"), Phase::Open, "the others have ten seconds");
}

#[test]
fn a_runtime_that_says_it_is_well_may_try_sooner() {
    let (breakers, clock) = breakers(Settings { recovery: seconds(300), ..Settings::default() });
    let hear = |runtime: &str, provider: &str| breakers.hear(runtime, provider, |tool| tool == "sum");
    fail(&breakers, &CALC, 5, Code::RuntimeCrash, Blame::ALL);
    assert_eq!(phases(&breakers), [Phase::Open; 3]);
    // Ten reports at once are none: nobody talks a breaker open.
    (0..10).for_each(|_| hear("calc/1", "calc"));
    clock.advance(seconds(5));
    (0..10).for_each(|_| hear("calc/1", "calc"));
    clock.advance(seconds(5));
    hear("calc/1", "calc");
    // It went: what it said counts no more.
    breakers.miss("calc/1", "calc", |tool| tool == "sum");
    for at in 0..3 {
        assert!(breakers.admits(&CALC).is_err(), "{at} reports");
        clock.advance(seconds(5));
        hear("stranger", "else");
        hear("calc/1", "calc");
    }
    assert!(breakers.admits(&CALC).is_ok(), "long before its time");
    assert_eq!(breakers.counts().reports, 15, "five for each of three breakers");
    for _ in 0..3 {
        breakers.enter(&CALC, &call()).unwrap().well(QUICK, Blame::ALL, &call());
    }
    assert_eq!(phases(&breakers), [Phase::Recovering; 3]);
    assert_eq!(breakers.counts().recoveries, [3, 0, 0]);
    breakers.enter(&CALC, &call()).unwrap().failed(Code::Timeout, Blame::RUNTIME, &call());
    assert_eq!((breakers.phase(Scope::Runtime, "calc/1"), breakers.counts().recoveries), (Phase::Open, [3, 0, 1]));
}

#[test]
fn reports_change_nothing_where_they_are_switched_off() {
    let (breakers, clock) = breakers(Settings { health_checks: 0, ..Settings::default() });
    fail(&breakers, &CALC, 5, Code::RuntimeCrash, Blame::ALL);
    for _ in 0..5 {
        clock.advance(seconds(5));
        breakers.hear("calc/1", "calc", |_| true);
    }
    assert_eq!((breakers.admits(&CALC).unwrap_err().retry_after, breakers.counts().reports), (seconds(5), 0));
}

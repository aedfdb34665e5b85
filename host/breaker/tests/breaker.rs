//! One breaker on a clock that is moved by hand: what opens it, what it lets pass, and how it closes.
#![expect(clippy::unwrap_used, reason = "a suite that cannot be set up fails")]

use std::time::Duration;

use grid_breaker::{Breaker, End, Gradual, Phase, Settings};
use grid_core::Code;

const CRASH: End = End::Failed(Code::RuntimeCrash);
const WELL: End = End::Well;
const SLOW: End = End::Slow;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

struct Bench {
    breaker: Breaker,
    settings: Settings,
    now: Duration,
}

impl Bench {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        Self { breaker: Breaker::default(), settings, now: seconds(1_000) }
    }

    fn enter(&mut self) -> Result<u64, Duration> {
        self.breaker.ask(self.now, &self.settings)?;
        self.breaker.take(self.now, &self.settings)
    }

    fn call(&mut self, end: End) -> bool {
        let Ok(entered) = self.enter() else { return false };
        self.breaker.leave(self.now, &self.settings, entered, end);
        true
    }

    fn open(mut self) -> Self {
        for _ in 0..self.settings.consecutive_failures {
            self.call(CRASH);
        }
        assert_eq!(self.breaker.phase(), Phase::Open);
        self
    }

    fn at_once(self) -> Self {
        let settings = Settings { gradual: None, ..self.settings };
        Self { settings, ..self }
    }

    fn retry_after(&self) -> Duration {
        self.breaker.admits(self.now, &self.settings).unwrap_err()
    }
}

#[test]
fn five_failures_in_a_row_open_it_and_four_do_not() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        assert!(bench.call(CRASH));
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed);
    assert!(bench.call(CRASH));
    assert_eq!(bench.breaker.phase(), Phase::Open);
    assert!(!bench.call(WELL));
    assert_eq!(bench.retry_after(), seconds(30));
}

#[test]
fn a_success_ends_a_row_and_erases_no_failure_of_the_window() {
    let settings = Settings { failure_percent: 0, ..Settings::default() };
    let mut bench = Bench::with(settings);
    for _ in 0..9 {
        bench.call(CRASH);
        for _ in 0..20 {
            bench.call(WELL);
        }
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed, "nine in the window");
    bench.call(CRASH);
    assert_eq!(bench.breaker.phase(), Phase::Open, "the tenth within 60 s");
}

#[test]
fn failures_leave_the_window_with_time() {
    let settings = Settings { failure_percent: 0, ..Settings::default() };
    let mut bench = Bench::with(settings);
    for _ in 0..40 {
        bench.call(CRASH);
        bench.call(WELL);
        bench.now += seconds(7);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed, "never ten within 60 s");
    assert!(bench.breaker.view(bench.now, &bench.settings).failures < 10);
    bench.now += seconds(3_600);
    assert_eq!(bench.breaker.view(bench.now, &bench.settings).calls, 0);
}

#[test]
fn half_of_the_calls_failing_opens_it_from_ten_calls_on() {
    let settings = Settings { consecutive_failures: 0, failures_in_window: 0, ..Settings::default() };
    let mut bench = Bench::with(settings);
    for _ in 0..9 {
        bench.call(CRASH);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed, "nine calls say nothing");
    let mut bench = Bench::with(settings);
    for _ in 0..20 {
        bench.call(WELL);
    }
    for _ in 0..19 {
        bench.call(CRASH);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed, "19 of 39");
    bench.call(CRASH);
    assert_eq!(bench.breaker.phase(), Phase::Open, "20 of 40");
}

#[test]
fn slow_calls_open_it_though_they_succeed() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.call(WELL);
    }
    for _ in 0..7 {
        bench.call(SLOW);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed, "seven of nine");
    bench.call(SLOW);
    assert_eq!(bench.breaker.phase(), Phase::Open, "eight of ten");
    let mut bench = Bench::new();
    for _ in 0..50 {
        bench.call(End::Well);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed, "9 s is not slow");
}

#[test]
fn security_codes_open_it_at_once() {
    for code in [Code::SecurityViolation, Code::DataCorruption, Code::SystemCompromise] {
        let mut bench = Bench::new();
        bench.call(End::Failed(code));
        assert_eq!(bench.breaker.phase(), Phase::Open, "{code}");
        assert_eq!(bench.breaker.last_code(), Some(code));
    }
}

#[test]
fn ends_that_say_nothing_change_nothing() {
    let mut bench = Bench::new();
    for _ in 0..4 {
        bench.call(CRASH);
    }
    for _ in 0..1_000 {
        assert!(bench.call(End::Neutral));
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed);
    let view = bench.breaker.view(bench.now, &bench.settings);
    assert_eq!((view.calls, view.failures, view.consecutive), (4, 4, 4), "neither counted nor taken back");
}

#[test]
fn half_open_lets_ten_through_at_once_and_no_more() {
    let mut bench = Bench::new().open();
    bench.now += seconds(29);
    assert!(bench.enter().is_err());
    bench.now += seconds(1);
    let inside: Vec<_> = (0..10).map(|_| bench.enter().unwrap()).collect();
    assert_eq!(bench.breaker.phase(), Phase::HalfOpen);
    assert!(bench.enter().is_err(), "the eleventh");
    bench.breaker.leave(bench.now, &bench.settings, inside[0], End::Neutral);
    assert!(bench.enter().is_ok(), "one that says nothing gives its place back");
    assert!(bench.enter().is_err());
}

#[test]
fn three_successes_close_it() {
    let mut bench = Bench::new().open().at_once();
    bench.now += seconds(30);
    for _ in 0..2 {
        bench.call(WELL);
        assert_eq!(bench.breaker.phase(), Phase::HalfOpen);
    }
    bench.call(WELL);
    assert_eq!(bench.breaker.phase(), Phase::Closed);
}

#[test]
fn one_failure_half_open_opens_it_for_twice_as_long_up_to_five_minutes() {
    let mut bench = Bench::new().open().at_once();
    for expected in [60, 120, 240, 300, 300] {
        bench.now += bench.retry_after();
        assert!(bench.call(CRASH));
        assert_eq!(bench.retry_after(), seconds(expected));
    }
    bench.now += bench.retry_after();
    for _ in 0..3 {
        assert!(bench.call(WELL));
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed);
    let bench = bench.open();
    assert_eq!(bench.retry_after(), seconds(30), "closed, it begins anew");
}

#[test]
fn slowness_half_open_opens_it_too() {
    let mut bench = Bench::new().open();
    bench.now += seconds(30);
    bench.call(SLOW);
    assert_eq!(bench.breaker.phase(), Phase::Open);
}

#[test]
fn it_recovers_by_shares() {
    let mut bench = Bench::new().open();
    bench.now += seconds(30);
    for _ in 0..3 {
        bench.call(WELL);
    }
    assert_eq!(bench.breaker.phase(), Phase::Recovering);
    assert!(bench.call(WELL), "the first one passes");
    for percent in [10, 30, 50, 70, 90] {
        let passed = (0..1_000).filter(|_| bench.call(WELL)).count();
        assert!(passed.abs_diff(percent * 10) <= 2, "{passed} of 1000 at {percent} %");
        assert_eq!(bench.breaker.view(bench.now, &bench.settings).admitted_percent as usize, percent);
        bench.now += seconds(30);
    }
    assert!((0..100).all(|_| bench.call(WELL)));
    assert_eq!(bench.breaker.phase(), Phase::Closed);
}

#[test]
fn a_failure_while_it_recovers_opens_it_again() {
    let mut bench = Bench::new().open();
    bench.now += seconds(30);
    for _ in 0..3 {
        bench.call(WELL);
    }
    bench.now += seconds(60);
    assert!(bench.call(CRASH));
    assert_eq!(bench.breaker.phase(), Phase::Open);
    assert_eq!(bench.retry_after(), seconds(60));
}

#[test]
fn calls_that_began_before_a_change_say_nothing_after_it() {
    let mut bench = Bench::new();
    let early = bench.enter().unwrap();
    let mut bench = bench.open();
    bench.now += seconds(30);
    assert!(bench.enter().is_ok());
    bench.breaker.leave(bench.now, &bench.settings, early, CRASH);
    assert_eq!(bench.breaker.phase(), Phase::HalfOpen, "a late failure of before is no failed try");
    for _ in 0..5 {
        bench.breaker.leave(bench.now, &bench.settings, early, WELL);
    }
    assert_eq!(bench.breaker.phase(), Phase::HalfOpen, "nor are late successes tries that went well");
}

#[test]
fn an_operator_closes_it() {
    let mut bench = Bench::new().open();
    assert!(bench.breaker.reset());
    assert!(bench.call(WELL));
    assert!(!bench.breaker.reset(), "it was closed");
}

#[test]
fn thresholds_of_zero_are_never_reached() {
    let settings = Settings {
        consecutive_failures: 0,
        failures_in_window: 0,
        failure_percent: 0,
        slow_percent: 0,
        ..Settings::default()
    };
    let mut bench = Bench::with(settings);
    for _ in 0..1_000 {
        bench.call(CRASH);
        bench.call(SLOW);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed);
}

#[test]
fn a_recovery_may_end_at_once() {
    let all = Gradual { start: 100, step: 1, every: seconds(1) };
    let mut bench = Bench::with(Settings { gradual: Some(all), ..Settings::default() }).open();
    bench.now += seconds(30);
    for _ in 0..3 {
        bench.call(WELL);
    }
    assert_eq!(bench.breaker.phase(), Phase::Closed);
}

use super::*;

/// A host that works on so many calls a second, one after the other; `demand` come, and what is over the limit goes.
fn overload(pulse: &Pulse, speed: f64, demand: f64, seconds: u32) -> f64 {
    let (mut now, mut answered) = (Duration::from_secs(100), 0.0);
    for _ in 0..seconds * 10 {
        now += WINDOW;
        let inside = (demand / 10.0).min(f64::from(pulse.limit()));
        let latency = Duration::from_secs_f64((inside / speed).max(1.0 / speed));
        for _ in 0..LEAST {
            pulse.took(latency, now);
        }
        answered += if inside >= speed * 0.004 { speed / 10.0 } else { speed / 10.0 * inside / (speed * 0.004) };
    }
    answered
}

#[test]
fn a_limit_that_nothing_presses_stays_where_it_is() {
    let pulse = Pulse::new(16, 1000);
    for second in 0..60 {
        for _ in 0..20 {
            pulse.took(Duration::from_millis(1), Duration::from_secs(second));
        }
    }
    assert_eq!(pulse.limit(), 1000);
}

#[test]
fn latency_that_grows_makes_the_limit_shrink_and_it_comes_back() {
    let pulse = Pulse::new(16, 1000);
    let mut now = Duration::ZERO;
    let mut feed = |latency: u64, windows: u32| {
        for _ in 0..windows {
            now += WINDOW;
            (0..LEAST).for_each(|_| pulse.took(Duration::from_millis(latency), now));
        }
        pulse.limit()
    };
    assert_eq!(feed(4, 10), 1000);
    let shrunk = feed(400, 30);
    assert!(shrunk < 50, "{shrunk}");
    let back = feed(4, 600);
    assert_eq!(back, 1000);
}

#[test]
fn the_limit_stays_within_its_bounds() {
    let pulse = Pulse::new(16, 64);
    let mut now = Duration::ZERO;
    for latency in [1, 100_000].repeat(200) {
        now += WINDOW;
        (0..LEAST).for_each(|_| pulse.took(Duration::from_millis(latency), now));
        assert!((16..=64).contains(&pulse.limit()), "{}", pulse.limit());
    }
    assert_eq!(Pulse::new(100, 10).limit(), 10);
}

#[test]
fn a_load_that_stays_does_not_become_the_measure() {
    let pulse = Pulse::new(16, 4096);
    (0..40).for_each(|window| {
        (0..LEAST).for_each(|_| pulse.took(Duration::from_millis(1), WINDOW * window));
    });
    overload(&pulse, 5_000.0, 25_000.0, 5);
    let early = pulse.limit();
    overload(&pulse, 5_000.0, 25_000.0, 120);
    assert!(pulse.limit() < early.max(32) * 2, "{early} became {}", pulse.limit());
}

#[test]
fn a_host_that_became_slower_for_good_finds_its_new_measure() {
    let pulse = Pulse::new(16, 1000);
    let mut now = Duration::ZERO;
    let mut feed = |latency: u64, windows: u32| {
        for _ in 0..windows {
            now += WINDOW;
            (0..LEAST).for_each(|_| pulse.took(Duration::from_millis(latency), now));
        }
        pulse.limit()
    };
    feed(50, 100);
    assert!(feed(300, 100) < 100);
    // 6 times slower is within three times the base again once that doubled: about eight minutes.
    assert_eq!(feed(300, 8 * 600 + 3_000), 1000);
}

#[test]
fn a_few_calls_say_nothing() {
    let pulse = Pulse::new(16, 1000);
    for second in 0..9 {
        pulse.took(Duration::from_secs(60), Duration::from_secs(second));
    }
    assert_eq!(pulse.limit(), 1000);
}

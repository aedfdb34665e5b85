//! All figures of a run, as `summary.json` holds them. A ratio is taken within each round, where both sides
//! stood beside each other, and then the middle one counts.

use serde::Serialize;

use super::{Options, goals, setup::Which};
use crate::{
    goal::Goal,
    machine::Machine,
    sample::{Sample, median},
};

/// The run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    machine: Machine,
    pub(super) settings: Settings,
    pub(super) figures: Vec<Figure>,
    pub(super) ratios: Vec<Ratios>,
    pub(super) goals: Vec<Goal>,
}

/// How it was measured.
#[derive(Debug, Serialize)]
pub(super) struct Settings {
    rounds: usize,
    seconds: f64,
    warm_up_seconds: f64,
    pub(super) relay: &'static str,
    runtime_flavour: &'static str,
    allocator: &'static str,
}

/// One setup at one concurrency, as it was measured.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) setup: Which,
    pub(super) in_flight: usize,
    pub(super) samples: Vec<Sample>,
    /// What a bare append and `fdatasync` took in each round, p50 in microseconds.
    pub(super) syncs: Vec<f64>,
}

/// The same, by its medians.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) setup: Which,
    pub(super) name: &'static str,
    pub(super) in_flight: usize,
    #[serde(flatten)]
    pub(super) median: Sample,
    rounds: Vec<Sample>,
}

/// Governed to bare at one concurrency; absent where a setup was left out.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Ratios {
    pub(super) in_flight: usize,
    pub(super) c_to_b: Option<f64>,
    pub(super) d_to_b: Option<f64>,
    pub(super) b_to_a: Option<f64>,
    /// What durability leaves of the calls a second.
    pub(super) d_to_c: Option<f64>,
    /// What mTLS leaves of them: relaxed, and in STRICT.
    pub(super) e_to_c: Option<f64>,
    pub(super) f_to_d: Option<f64>,
    pub(super) cpu_e_to_c: Option<f64>,
    pub(super) cpu_f_to_d: Option<f64>,
    pub(super) cpu_c_to_b: Option<f64>,
    pub(super) cpu_d_to_b: Option<f64>,
    pub(super) cpu_d_to_c: Option<f64>,
    /// Append of 500 bytes and `fdatasync` beside it, p50 in microseconds.
    pub(super) sync_p50_us: f64,
    /// p50 of (d) and what it may be, in microseconds; for one call in flight.
    pub(super) p50_us_of_d: Option<(f64, f64)>,
}

impl Summary {
    pub(super) fn new(options: &Options, points: Vec<Point>) -> Self {
        let ratios = options.in_flight.iter().map(|&in_flight| Ratios::at(in_flight, &points)).collect();
        let mut summary = Self {
            machine: Machine::this(),
            settings: Settings {
                rounds: options.rounds,
                seconds: options.seconds,
                warm_up_seconds: options.warm_up,
                relay: options.relay.as_str(),
                runtime_flavour: "current-thread",
                allocator: if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" },
            },
            figures: points.into_iter().map(Figure::of).collect(),
            ratios,
            goals: Vec::new(),
        };
        summary.goals = goals::check(&summary);
        summary
    }

    pub(super) fn ratios_at(&self, in_flight: usize) -> Option<&Ratios> {
        self.ratios.iter().find(|ratios| ratios.in_flight == in_flight)
    }

    pub(super) fn machine(&self) -> String {
        self.machine.to_string()
    }

    pub(super) fn method(&self) -> String {
        let Settings { rounds, seconds, relay, runtime_flavour, allocator, .. } = &self.settings;
        format!("{rounds} rounds of {seconds} s a figure, in turns; relay on {relay}; {runtime_flavour}, {allocator}")
    }
}

impl Figure {
    fn of(point: Point) -> Self {
        let middle = |of: fn(&Sample) -> f64| median(point.samples.iter().map(of));
        Self {
            setup: point.setup,
            name: point.setup.name(),
            in_flight: point.in_flight,
            median: Sample {
                calls: point.samples.iter().map(|sample| sample.calls).sum(),
                calls_per_second: middle(|sample| sample.calls_per_second),
                p50_us: middle(|sample| sample.p50_us),
                p99_us: middle(|sample| sample.p99_us),
                p999_us: middle(|sample| sample.p999_us),
                cpu_seconds_per_1000_calls: middle(|sample| sample.cpu_seconds_per_1000_calls),
            },
            rounds: point.samples,
        }
    }
}

impl Ratios {
    fn at(in_flight: usize, points: &[Point]) -> Self {
        let point = |setup| points.iter().find(|point| point.setup == setup && point.in_flight == in_flight);
        let ratio = |over, under, of: fn(&Sample) -> f64| {
            let (over, under) = (point(over)?.samples.iter(), point(under)?.samples.iter());
            Some(median(over.zip(under).map(|(over, under)| of(over) / of(under))))
        };
        let rate = |sample: &Sample| sample.calls_per_second;
        let cpu = |sample: &Sample| sample.cpu_seconds_per_1000_calls;
        Self {
            in_flight,
            c_to_b: ratio(Which::C, Which::B, rate),
            d_to_b: ratio(Which::D, Which::B, rate),
            b_to_a: ratio(Which::B, Which::A, rate),
            d_to_c: ratio(Which::D, Which::C, rate),
            e_to_c: ratio(Which::E, Which::C, rate),
            f_to_d: ratio(Which::F, Which::D, rate),
            cpu_e_to_c: ratio(Which::E, Which::C, cpu),
            cpu_f_to_d: ratio(Which::F, Which::D, cpu),
            cpu_c_to_b: ratio(Which::C, Which::B, cpu),
            cpu_d_to_b: ratio(Which::D, Which::B, cpu),
            cpu_d_to_c: ratio(Which::D, Which::C, cpu),
            sync_p50_us: median(
                points
                    .iter()
                    .filter(|point| point.in_flight == in_flight)
                    .flat_map(|point| point.syncs.iter().copied()),
            ),
            p50_us_of_d: point(Which::B).zip(point(Which::D)).map(|(b, d)| waiting(b, d)),
        }
    }
}

/// A governed call waits for two syncs; half of one and 60 µs are left for the rest. Within each round too.
fn waiting(b: &Point, d: &Point) -> (f64, f64) {
    let bounds = b.samples.iter().zip(&d.syncs).map(|(bare, sync)| bare.p50_us + 2.5 * sync + 60.0);
    (median(d.samples.iter().map(|sample| sample.p50_us)), median(bounds))
}

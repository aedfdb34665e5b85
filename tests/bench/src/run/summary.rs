//! All figures of a run, as `summary.json` holds them. A ratio is taken within each round, where both sides
//! stood beside each other, and then the middle one counts.

use serde::Serialize;

use super::{
    Options,
    goals::{self, Goal},
    machine::Machine,
    setup::Which,
};
use crate::sample::{Sample, median};

/// The run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    machine: Machine,
    pub(super) settings: Settings,
    /// Append of 500 bytes and `fdatasync`, p50 in microseconds.
    pub(super) sync_p50_us: f64,
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
    pub(super) cpu_c_to_b: Option<f64>,
    pub(super) cpu_d_to_b: Option<f64>,
}

impl Summary {
    pub(super) fn new(options: &Options, points: Vec<Point>, syncs: Vec<f64>) -> Self {
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
            sync_p50_us: median(syncs),
            figures: points.into_iter().map(Figure::of).collect(),
            ratios,
            goals: Vec::new(),
        };
        summary.goals = goals::check(&summary);
        summary
    }

    pub(super) fn figure(&self, setup: Which, in_flight: usize) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.setup == setup && figure.in_flight == in_flight)
    }

    pub(super) fn ratios_at(&self, in_flight: usize) -> Option<&Ratios> {
        self.ratios.iter().find(|ratios| ratios.in_flight == in_flight)
    }

    pub(super) fn machine(&self) -> String {
        self.machine.to_string()
    }

    pub(super) fn method(&self) -> String {
        let Settings { rounds, seconds, relay, runtime_flavour, allocator, .. } = &self.settings;
        format!(
            "{rounds} rounds of {seconds} s a figure, in turns; relay on {relay}; {runtime_flavour}, {allocator}; \
             append + fdatasync p50 {:.0} µs",
            self.sync_p50_us
        )
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
        let samples = |setup| {
            let point = points.iter().find(|point| point.setup == setup && point.in_flight == in_flight);
            point.map(|point| point.samples.as_slice())
        };
        let ratio = |over, under, of: fn(&Sample) -> f64| {
            let (over, under) = (samples(over)?, samples(under)?);
            Some(median(over.iter().zip(under).map(|(over, under)| of(over) / of(under))))
        };
        let rate = |sample: &Sample| sample.calls_per_second;
        let cpu = |sample: &Sample| sample.cpu_seconds_per_1000_calls;
        Self {
            in_flight,
            c_to_b: ratio(Which::C, Which::B, rate),
            d_to_b: ratio(Which::D, Which::B, rate),
            b_to_a: ratio(Which::B, Which::A, rate),
            cpu_c_to_b: ratio(Which::C, Which::B, cpu),
            cpu_d_to_b: ratio(Which::D, Which::B, cpu),
        }
    }
}

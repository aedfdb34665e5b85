//! All figures of the part, as `local.json` holds them. A ratio is taken within each round, where both sides stood beside
//! each other, and then the middle one counts.

use grid_bench::{
    goal::Goal,
    machine::Machine,
    sample::{Sample, median},
};
use serde::Serialize;

use crate::{calls::Took, goals, load::Loaded, python::Served, reports::Reported, run::Options, setup::Which};

/// The run.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) figures: Vec<Figure>,
    pub(crate) ratios: Vec<Ratios>,
    pub(crate) calls: Vec<Call>,
    pub(crate) served: Vec<Served>,
    pub(crate) goals: Vec<Goal>,
}

/// One setup at one concurrency, as it was measured.
#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) setup: Which,
    pub(crate) in_flight: usize,
    pub(crate) samples: Vec<Loaded>,
}

/// The same, by its medians.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    pub(crate) setup: Which,
    pub(crate) in_flight: usize,
    #[serde(flatten)]
    pub(crate) median: Sample,
    /// What one core of the host gives, by the processor time of all its threads.
    pub(crate) per_core: f64,
    pub(crate) reported: Option<Reported>,
    rounds: Vec<Loaded>,
}

/// Grants to echoes at one concurrency.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Ratios {
    pub(crate) in_flight: usize,
    pub(crate) relaxed_to_echo: f64,
    pub(crate) strict_to_echo: f64,
    pub(crate) p50_relaxed_to_echo: f64,
    pub(crate) p50_strict_to_echo: f64,
    pub(crate) cpu_relaxed_to_echo: f64,
    pub(crate) cpu_strict_to_echo: f64,
}

/// Calls of one size in one language.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Call {
    pub(crate) setup: Which,
    pub(crate) language: &'static str,
    pub(crate) bytes: usize,
    #[serde(flatten)]
    pub(crate) took: Took,
}

impl Summary {
    pub(crate) fn new(options: &Options, points: Vec<Point>, calls: Vec<Call>, served: Vec<Served>) -> Self {
        let echoes = points.iter().filter(|point| point.setup == Which::Echo);
        let ratios = echoes.map(|echo| Ratios::at(echo, &points)).collect();
        let mut summary = Self {
            machine: Machine::this(),
            rounds: options.rounds,
            seconds: options.seconds,
            figures: points.into_iter().map(Figure::of).collect(),
            ratios,
            calls,
            served,
            goals: Vec::new(),
        };
        summary.goals = goals::check(&summary);
        summary
    }
}

impl Figure {
    fn of(point: Point) -> Self {
        let middle = |of: fn(&Sample) -> f64| median(point.samples.iter().map(|loaded| of(&loaded.sample)));
        let reported: Vec<Reported> = point.samples.iter().filter_map(|loaded| loaded.reported).collect();
        let report = |of: fn(&Reported) -> f64| median(reported.iter().map(of));
        let cpu = middle(|sample| sample.cpu_seconds_per_1000_calls);
        Self {
            setup: point.setup,
            in_flight: point.in_flight,
            median: Sample {
                calls: point.samples.iter().map(|loaded| loaded.sample.calls).sum(),
                calls_per_second: middle(|sample| sample.calls_per_second),
                p50_us: middle(|sample| sample.p50_us),
                p99_us: middle(|sample| sample.p99_us),
                p999_us: middle(|sample| sample.p999_us),
                cpu_seconds_per_1000_calls: cpu,
            },
            per_core: 1e3 / cpu,
            reported: (!reported.is_empty()).then(|| Reported {
                single_per_second: report(|one| one.single_per_second),
                single_cpu_seconds_per_1000: report(|one| one.single_cpu_seconds_per_1000),
                streamed_per_second: report(|one| one.streamed_per_second),
                streamed_cpu_seconds_per_1000: report(|one| one.streamed_cpu_seconds_per_1000),
            }),
            rounds: point.samples,
        }
    }
}

impl Ratios {
    fn at(echo: &Point, points: &[Point]) -> Self {
        let ratio = |setup, of: fn(&Sample) -> f64| {
            let over = points.iter().find(|point| point.setup == setup && point.in_flight == echo.in_flight);
            let over = over.into_iter().flat_map(|point| &point.samples);
            median(over.zip(&echo.samples).map(|(over, under)| of(&over.sample) / of(&under.sample)))
        };
        let rate = |sample: &Sample| sample.calls_per_second;
        let p50 = |sample: &Sample| sample.p50_us;
        let cpu = |sample: &Sample| sample.cpu_seconds_per_1000_calls;
        Self {
            in_flight: echo.in_flight,
            relaxed_to_echo: ratio(Which::Relaxed, rate),
            strict_to_echo: ratio(Which::Strict, rate),
            p50_relaxed_to_echo: ratio(Which::Relaxed, p50),
            p50_strict_to_echo: ratio(Which::Strict, p50),
            cpu_relaxed_to_echo: ratio(Which::Relaxed, cpu),
            cpu_strict_to_echo: ratio(Which::Strict, cpu),
        }
    }
}

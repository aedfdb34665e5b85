//! All figures of a run, as `audit.json` holds them. A ratio is taken within each round, where both sides stood
//! beside each other, and then the middle one counts.

use serde::Serialize;

use super::{
    Options, Which, goals,
    parts::Parts,
    proving::Proving,
    sample::{Cpu, Sample},
    verifying::Verifying,
};
use crate::{goal::Goal, machine::Machine, sample::median};

/// The run.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    machine: Machine,
    settings: Settings,
    pub(super) figures: Vec<Figure>,
    pub(super) ratios: Vec<Ratios>,
    pub(super) parts: Parts,
    pub(super) shares: Vec<Shares>,
    /// Absent where it was left out.
    pub(super) verifying: Option<Verifying>,
    pub(super) proving: Option<Proving>,
    pub(super) goals: Vec<Goal>,
}

/// How it was measured.
#[derive(Debug, Serialize)]
struct Settings {
    rounds: usize,
    seconds: f64,
    warm_up_seconds: f64,
    callers_on: String,
    allocator: &'static str,
}

/// One setup with some callers, as it was measured.
#[derive(Debug)]
pub(super) struct Point {
    pub(super) setup: Which,
    pub(super) callers: usize,
    pub(super) samples: Vec<Sample>,
}

/// The same, by its medians.
#[derive(Debug, Serialize)]
pub(super) struct Figure {
    pub(super) setup: Which,
    pub(super) callers: usize,
    #[serde(flatten)]
    pub(super) median: Sample,
    rounds: Vec<Sample>,
}

/// The log as shipped to the bare file beside it.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Ratios {
    pub(super) callers: usize,
    /// Records a second to those of the bare file, which syncs at most 64 at once.
    pub(super) records: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
    /// Records a second to those of the log that publishes nothing.
    pub(super) published: Option<f64>,
}

/// Of the processor time that a record costs in the log as shipped, between 0 and 1.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Shares {
    pub(super) callers: usize,
    pub(super) encoding: f64,
    pub(super) hashing: f64,
    pub(super) signing: f64,
    /// The rest of the writer's thread: queue, write, sync, waking the callers.
    pub(super) writing: f64,
    pub(super) publishing: f64,
    /// The callers' own: making events, sending, waking up.
    pub(super) calling: f64,
}

impl Summary {
    pub(super) fn new(
        options: &Options,
        points: Vec<Point>,
        parts: &[Parts],
        verifying: Option<Verifying>,
        proving: Option<Proving>,
    ) -> Self {
        let parts = Parts::median(parts);
        let ratios = options.callers.iter().filter_map(|&callers| Ratios::at(callers, &points)).collect();
        let figures: Vec<Figure> = points.into_iter().map(Figure::of).collect();
        let shipped = figures.iter().filter(|figure| figure.setup == Which::Shipped);
        let shares = shipped.map(|figure| Shares::of(figure, &parts)).collect();
        let callers_on = match options.threads.workers {
            0 => "one thread".to_owned(),
            workers => format!("{workers} workers"),
        };
        let mut summary = Self {
            machine: Machine::this(),
            settings: Settings {
                rounds: options.rounds,
                seconds: options.seconds,
                warm_up_seconds: options.warm_up,
                callers_on,
                allocator: if cfg!(feature = "mimalloc") { "mimalloc" } else { "system" },
            },
            figures,
            ratios,
            parts,
            shares,
            verifying,
            proving,
            goals: Vec::new(),
        };
        summary.goals = goals::check(&summary);
        summary
    }

    pub(super) fn figure(&self, setup: Which, callers: usize) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.setup == setup && figure.callers == callers)
    }

    pub(super) fn machine(&self) -> String {
        self.machine.to_string()
    }

    pub(super) fn method(&self) -> String {
        let Settings { rounds, seconds, callers_on, allocator, .. } = &self.settings;
        format!("{rounds} rounds of {seconds} s a figure, in turns; callers on {callers_on}, {allocator}")
    }
}

impl Figure {
    fn of(point: Point) -> Self {
        let middle = |of: fn(&Sample) -> f64| median(point.samples.iter().map(of));
        Self {
            setup: point.setup,
            callers: point.callers,
            median: Sample {
                records: point.samples.iter().map(|sample| sample.records).sum(),
                records_per_second: middle(|sample| sample.records_per_second),
                p50_us: middle(|sample| sample.p50_us),
                p99_us: middle(|sample| sample.p99_us),
                p999_us: middle(|sample| sample.p999_us),
                batch: middle(|sample| sample.batch),
                commit_us: middle(|sample| sample.commit_us),
                cpu_us_per_record: Cpu {
                    callers: middle(|sample| sample.cpu_us_per_record.callers),
                    writer: middle(|sample| sample.cpu_us_per_record.writer),
                    publisher: middle(|sample| sample.cpu_us_per_record.publisher),
                },
            },
            rounds: point.samples,
        }
    }
}

impl Ratios {
    /// Absent where log or bare file was left out.
    fn at(callers: usize, points: &[Point]) -> Option<Self> {
        let samples = |setup| {
            let point = points.iter().find(|point| point.setup == setup && point.callers == callers);
            point.map(|point| point.samples.as_slice())
        };
        let ratio = |under, of: fn(&Sample) -> f64| {
            let (over, under) = (samples(Which::Shipped)?.iter(), samples(under)?.iter());
            Some(median(over.zip(under).map(|(over, under)| of(over) / of(under))))
        };
        Some(Self {
            callers,
            records: ratio(Which::Bare, |sample| sample.records_per_second)?,
            p50: ratio(Which::Bare, |sample| sample.p50_us)?,
            p99: ratio(Which::Bare, |sample| sample.p99_us)?,
            published: ratio(Which::Unpublished, |sample| sample.records_per_second),
        })
    }
}

impl Shares {
    fn of(figure: &Figure, parts: &Parts) -> Self {
        let Sample { batch, cpu_us_per_record: cpu, .. } = figure.median;
        let whole = cpu.total();
        let signing = parts.sign_us / batch;
        let writing = cpu.writer - parts.encode_us - parts.hash_us - signing;
        Self {
            callers: figure.callers,
            encoding: parts.encode_us / whole,
            hashing: parts.hash_us / whole,
            signing: signing / whole,
            writing: writing / whole,
            publishing: cpu.publisher / whole,
            calling: cpu.callers / whole,
        }
    }
}

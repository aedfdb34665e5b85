//! The whole benchmark: growth, then swaps, then runtimes that are only connected. It fails where something breaks, never
//! because something is slow.

use std::{fs, path::PathBuf};

use grid_bench::{
    Fallible, bars,
    goal::{self, Bound, Goal},
    machine::Machine,
};
use serde::Serialize;

use crate::{
    growth::{self, Mode},
    idle::{self, Idle},
    swap, table,
};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The `grid` program
    #[arg(long)]
    pub(crate) grid: PathBuf,
    /// Where scale.json, scale.svg and scale-goals.svg go, and the data of the run
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How often everything is measured
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// How long each measurement of growth takes
    #[arg(long, default_value_t = 1.0)]
    pub(crate) seconds: f64,
    /// How long each measurement with and without swaps takes
    #[arg(long, default_value_t = 3.0)]
    pub(crate) swap_seconds: f64,
    /// Runtimes of the hosts that grow
    #[arg(long, value_delimiter = ',', default_value = "1,4,32")]
    pub(crate) runtimes: Vec<usize>,
    /// Contracts of the hosts that grow
    #[arg(long, value_delimiter = ',', default_value = "1,100,10000")]
    pub(crate) contracts: Vec<usize>,
    /// Sessions of the hosts that grow
    #[arg(long, default_value_t = 10_000)]
    pub(crate) sessions: usize,
    /// Runtimes that are only connected
    #[arg(long, default_value_t = 10_000)]
    pub(crate) idle: usize,
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "growth,swap,idle")]
    parts: Vec<Part>,
    /// Two short rounds, few connections and sessions, to see that it works
    #[arg(long)]
    quick: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// A part of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Runtimes, contracts and sessions, in both modes
    Growth,
    /// Swaps under load
    Swap,
    /// Runtimes that are only connected
    Idle,
}

#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    pub(crate) machine: Machine,
    rounds: usize,
    pub(crate) growth: Vec<growth::Row>,
    pub(crate) swap: Vec<swap::Row>,
    pub(crate) idle: Option<Idle>,
    pub(crate) goals: Vec<Goal>,
}

pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut options = options.clone();
    if options.quick {
        (options.rounds, options.seconds, options.swap_seconds) = (2, 0.4, 0.5);
        (options.sessions, options.idle) = (300, 300);
        options.contracts.retain(|contracts| *contracts <= 100);
    }
    let data = options.out.join("data").join("scale");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let measured = |part| options.parts.contains(&part);
    let growth = if measured(Part::Growth) { growth::measure(&options, &data)? } else { Vec::new() };
    let swap = if measured(Part::Swap) { swap::measure(&options, &data)? } else { Vec::new() };
    let idle = if measured(Part::Idle) { Some(idle::measure(&options, &data)?) } else { None };
    let mut summary =
        Summary { machine: Machine::this(), rounds: options.rounds, growth, swap, idle, goals: Vec::new() };
    summary.goals = goals(&summary);
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let file = options.out.join("scale.json");
    fs::write(&file, &text)?;
    fs::write(options.out.join("scale.svg"), picture(&summary))?;
    fs::write(options.out.join("scale-goals.svg"), goal::svg(&summary.goals))?;
    if options.json {
        print!("{text}");
    } else {
        print!("{}", table::text(&summary));
        println!("\nwritten to {}", file.display());
    }
    fs::remove_dir_all(&data)?;
    Ok(())
}

/// That the choice itself costs little is measured without a host, by `grid-bench micro`: here it would drown.
fn goals(summary: &Summary) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut none_fails = |what, failed: u64| {
        goals.push(Goal::new(what, Some(growth::IN_FLIGHT), Bound::AtMost, 0.0, failed as f64, None));
    };
    if !summary.growth.is_empty() {
        none_fails("failed calls as it grows", summary.growth.iter().map(|row| row.failed).sum());
    }
    if !summary.swap.is_empty() {
        none_fails("failed calls under swaps", summary.swap.iter().map(|row| row.failed).sum());
    }
    if let Some(idle) = &summary.idle {
        // In a short run there are fewer, and what more would take is reckoned.
        let whole = idle.before_mib + idle.kib_a_runtime * 10_000.0 / 1024.0;
        goals.push(Goal::new("MiB with 10,000 idle runtimes", None, Bound::AtMost, 1024.0, whole, None));
    }
    goals
}

/// The calls a second as bars, to those of the smallest host.
fn picture(summary: &Summary) -> String {
    let of = |mode| summary.growth.iter().filter(move |row| row.mode == mode);
    let groups: Vec<bars::Group> = of(Mode::Relaxed)
        .zip(of(Mode::Strict))
        .map(|(relaxed, strict)| bars::Group {
            label: table::short(relaxed.case),
            ratios: vec![Some(relaxed.calls_ratio), Some(strict.calls_ratio)],
        })
        .collect();
    let series = [("#3b6ea5", "relaxed"), ("#c0662b", "STRICT")];
    bars::svg("Calls a second to the smallest host: runtimes, contracts, sessions", &series, &groups)
}

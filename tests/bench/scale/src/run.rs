//! The whole benchmark: growth, then runtimes that are only connected. It fails where something breaks, never because
//! something is slow.

use std::{fs, path::PathBuf};

use grid_bench::{
    Fallible,
    goal::{self, Bound, Goal},
    machine::Machine,
};
use serde::Serialize;

use crate::{
    growth::{self, Row},
    idle::{self, Idle},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The `grid` program
    #[arg(long)]
    pub(crate) grid: PathBuf,
    /// Where scale.json goes, and the data of the run
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How often every case is measured
    #[arg(long, default_value_t = 5)]
    pub(crate) rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 1.0)]
    pub(crate) seconds: f64,
    /// Runtimes that are only connected
    #[arg(long, default_value_t = 9_000)]
    pub(crate) idle: usize,
    /// Two short rounds and few connections, to see that it works
    #[arg(long)]
    quick: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Summary {
    machine: Machine,
    growth: Vec<Row>,
    idle: Idle,
    goals: Vec<Goal>,
}

pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut options = Options { grid: options.grid.clone(), out: options.out.clone(), ..*options };
    if options.quick {
        (options.rounds, options.seconds, options.idle) = (2, 0.4, 300);
    }
    let data = options.out.join("data").join("scale");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    let growth = growth::measure(&options, &data)?;
    let idle = idle::measure(&options, &data)?;
    let goals = goals(&growth, &idle);
    let summary = Summary { machine: Machine::this(), growth, idle, goals };
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let file = options.out.join("scale.json");
    fs::write(&file, &text)?;
    if options.json {
        print!("{text}");
    } else {
        print(&summary);
        println!("\nwritten to {}", file.display());
    }
    fs::remove_dir_all(&data)?;
    Ok(())
}

fn print(summary: &Summary) {
    println!("{}\n", summary.machine);
    println!(
        "{:<34} {:>9} {:>7} {:>15} {:>7} {:>7}",
        "32 calls in flight, relaxed", "calls/s", "ratio", "host µs a call", "ratio", "failed"
    );
    for row in &summary.growth {
        println!(
            "{:<34} {:>9.0} {:>7.2} {:>15.1} {:>7.2} {:>7}",
            row.what, row.calls_per_second, row.calls_ratio, row.cpu_us_per_call, row.cpu_ratio, row.failed
        );
    }
    let idle = &summary.idle;
    println!(
        "\n{} runtimes, connected and idle: {:.0} MiB, {:.0} MiB before them, {:.1} KiB each",
        idle.runtimes, idle.mib, idle.before_mib, idle.kib_a_runtime
    );
    print!("{}", goal::text(&summary.goals));
}

fn goals(growth: &[Row], idle: &Idle) -> Vec<Goal> {
    let added = |what: &str| {
        let cost = |row: &Row| row.cpu_us_per_call;
        let of = growth.iter().find(|row| row.what == what).map(cost);
        of.zip(growth.first().map(cost)).map_or(f64::NAN, |(more, base)| more - base)
    };
    let failed = growth.iter().map(|row| row.failed).sum::<u64>();
    vec![
        Goal::new(
            "32 runtimes, 10,000: µs added",
            Some(32),
            Bound::AtMost,
            2.0,
            added("32 runtimes, 10,000 contracts"),
            None,
        ),
        Goal::new("failed calls", Some(32), Bound::AtMost, 0.0, failed as f64, None),
        Goal::new(
            "MiB with 10,000 idle runtimes",
            None,
            Bound::AtMost,
            1024.0,
            idle.before_mib + idle.kib_a_runtime * 10_000.0 / 1024.0,
            None,
        ),
    ]
}

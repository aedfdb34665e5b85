//! The whole part: starts the setups, measures them in turns so that the machine's noise hits all alike, and writes the
//! summary. It fails where something breaks, never because something is slow.

use std::{fs, path::PathBuf};

use grid_bench::{Fallible, bars, goal, process::Process};

use crate::{
    figures::{Call, Point, Summary},
    python,
    setup::{Setup, Which},
    table,
};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The `grid` program
    #[arg(long)]
    pub(crate) grid: PathBuf,
    /// Where local.json, local.svg and local-goals.svg go, and the data of the run
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How often every setup is measured at every concurrency
    #[arg(long, default_value_t = 3)]
    pub(crate) rounds: usize,
    /// How long each measurement takes; what was granted in it is reported afterwards. Not longer than the log has room
    /// for what stays open: some 30,000 grants
    #[arg(long, default_value_t = 0.6)]
    pub(crate) seconds: f64,
    /// How long each one runs before that
    #[arg(long, default_value_t = 0.1)]
    pub(crate) warm_up: f64,
    /// Requests in flight
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    in_flight: Vec<usize>,
    /// Bytes of the arguments and of the results of calls
    #[arg(long, value_delimiter = ',', default_value = "1024,1048576")]
    sizes: Vec<usize>,
    /// Calls of 1 KiB that are made in each of the four ways; a tenth of that of larger ones
    #[arg(long, default_value_t = 200)]
    times: usize,
    /// A Python interpreter that has the SDK; without one, what is in Python is left out
    #[arg(long)]
    python: Option<PathBuf>,
    /// Where the Python programs of the benchmark are
    #[arg(long, default_value = "sdk/python/tools")]
    pub(crate) tools: PathBuf,
    /// Calls of each round of the Python runtime and of the bare Python server
    #[arg(long, default_value_t = 3000)]
    pub(crate) served: usize,
    /// Short rounds, to see that it works: under a minute, and noisy
    #[arg(long)]
    quick: bool,
    /// Print the summary as JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// Starts, measures, tells.
pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut options = options.clone();
    if options.quick {
        (options.rounds, options.seconds, options.warm_up, options.times) = (3, 0.3, 0.1, 50);
        options.served = 500;
    }
    let data = options.out.join("local-data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let data = fs::canonicalize(data)?;
    let mut setups = Vec::new();
    for which in Which::ALL {
        setups.push((which, Setup::start(which, &options, &data)?));
    }
    let points = grants(&options, &mut setups)?;
    let calls = calls(&options, &mut setups)?;
    // Nothing of ours runs beside the Python runtime.
    drop(setups);
    let served = match &options.python {
        Some(python) => python::served(python, &options)?,
        None => Vec::new(),
    };
    let summary = Summary::new(&options, points, calls, served);
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let json = options.out.join("local.json");
    fs::write(&json, &text)?;
    fs::write(options.out.join("local.svg"), picture(&summary))?;
    fs::write(options.out.join("local-goals.svg"), goal::svg(&summary.goals))?;
    if options.json {
        print!("{text}");
    } else {
        print!("{}", table::text(&summary));
        println!("\nwritten to {}", json.display());
    }
    fs::remove_dir_all(&data)?;
    Ok(())
}

fn grants(options: &Options, setups: &mut [(Which, Setup)]) -> Fallible<Vec<Point>> {
    let mut points = Vec::new();
    for &in_flight in &options.in_flight {
        let mut samples = vec![Vec::new(); setups.len()];
        for round in 1..=options.rounds {
            let mut line = format!("{in_flight:>4} in flight, round {round} of {}, a second:", options.rounds);
            for ((which, setup), samples) in setups.iter_mut().zip(&mut samples) {
                let loaded = setup.measure(in_flight, options)?;
                line += &format!("  {} {:.0}", which.name(), loaded.sample.calls_per_second);
                samples.push(loaded);
            }
            eprintln!("{line}");
        }
        let measured = setups.iter().zip(samples);
        points.extend(measured.map(|((setup, _), samples)| Point { setup: *setup, in_flight, samples }));
    }
    Ok(points)
}

fn calls(options: &Options, setups: &mut [(Which, Setup)]) -> Fallible<Vec<Call>> {
    let mut calls = Vec::new();
    for (which, setup) in setups.iter_mut().filter(|(which, _)| *which != Which::Echo) {
        for &size in &options.sizes {
            let times = if size > 1 << 16 { options.times / 10 } else { options.times }.max(5);
            let mut arguments = setup.of_calls("rust", size, times)?;
            arguments.insert(0, "calls".into());
            let took = serde_json::from_str(&Process::own("the calls in Rust", arguments)?.line()?)?;
            calls.push(Call { setup: *which, language: "Rust", bytes: size, took });
            if let Some(python) = &options.python {
                let took = python::calls(python, options, &setup.of_calls("python", size, times)?)?;
                calls.push(Call { setup: *which, language: "Python", bytes: size, took });
            }
            eprintln!("calls of {size} bytes, {}", which.name());
        }
    }
    Ok(calls)
}

/// The grants a second as bars, to the echo's 1.
fn picture(summary: &Summary) -> String {
    let group = |at: &crate::figures::Ratios| bars::Group {
        label: format!("{} in flight", at.in_flight),
        ratios: vec![Some(at.relaxed_to_echo), Some(at.strict_to_echo)],
    };
    let groups: Vec<bars::Group> = summary.ratios.iter().map(group).collect();
    let series = [("#3b6ea5", "relaxed"), ("#c0662b", "STRICT")];
    bars::svg("Grants a second to a bare unary echo", &series, &groups)
}

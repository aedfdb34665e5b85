//! The whole benchmark: starts the setups, measures them in turns so that the machine's noise hits all alike, and
//! writes the summary. It fails where something breaks, never because something is slow.

use std::{fs, path::PathBuf};

use crate::{Fallible, relay::Served, sample::Sample};

mod disk;
mod goals;
mod plot;
mod setup;
mod summary;
mod table;

use setup::{Setup, Which};
use summary::{Point, Summary};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// The `grid` program
    #[arg(long)]
    grid: PathBuf,
    /// Where summary.json and summary.svg go, and the data of the run
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How often every setup is measured at every concurrency
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How long each one runs before that
    #[arg(long, default_value_t = 0.2)]
    warm_up: f64,
    /// Calls in flight
    #[arg(long, value_delimiter = ',', default_value = "1,16,64,256")]
    in_flight: Vec<usize>,
    /// The setups: a echo, b relay, c governed without durability, d governed in STRICT, e and f these over mTLS
    #[arg(long, value_enum, value_delimiter = ',', default_value = "a,b,c,d,e,f")]
    setups: Vec<Which>,
    /// What stands under the relay of (b)
    #[arg(long, value_enum, default_value_t)]
    relay: Served,
    /// Three short rounds, to see that it works: under a minute, and noisy
    #[arg(long)]
    quick: bool,
    /// Print the summary as JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Keep the data of the run
    #[arg(long)]
    keep: bool,
}

/// Starts, measures, tells.
pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut options = options.clone();
    if options.quick {
        (options.rounds, options.seconds, options.warm_up) = (3, 0.45, 0.15);
    }
    let data = options.out.join("data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let setups =
        options.setups.iter().map(|which| Setup::start(*which, &options, &data)).collect::<Fallible<Vec<_>>>()?;
    let summary = measure(&options, &data, setups)?;
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let json = options.out.join("summary.json");
    fs::write(&json, &text)?;
    fs::write(options.out.join("summary.svg"), plot::svg(&summary))?;
    if options.json {
        print!("{text}");
    } else {
        print!("{}", table::text(&summary));
        println!("\nwritten to {}", json.display());
    }
    if !options.keep {
        fs::remove_dir_all(&data)?;
    }
    Ok(())
}

fn measure(options: &Options, data: &std::path::Path, mut setups: Vec<Setup>) -> Fallible<Summary> {
    let disk = disk::Disk::open(data)?;
    let mut points = Vec::new();
    for &in_flight in &options.in_flight {
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); setups.len()];
        let mut syncs = Vec::new();
        for round in 1..=options.rounds {
            let mut line = format!("{in_flight:>4} in flight, round {round} of {}, calls/s:", options.rounds);
            for (setup, samples) in setups.iter_mut().zip(&mut samples) {
                let sample = setup.measure(in_flight, options)?;
                line += &format!("  ({}) {:.0}", setup.which.letter(), sample.calls_per_second);
                samples.push(sample);
            }
            // Beside what waits for the disk, because a disk has its moments too.
            let sync = disk.sync_p50_us()?;
            syncs.push(sync);
            eprintln!("{line}  sync {sync:.0} µs");
        }
        for (setup, samples) in setups.iter().zip(samples) {
            points.push(Point { setup: setup.which, in_flight, samples, syncs: syncs.clone() });
        }
    }
    Ok(Summary::new(options, points))
}

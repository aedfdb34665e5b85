//! The audit log alone: what an acknowledged record costs beside a bare write and `fdatasync` of the same bytes, how
//! fast a log is verified and how fast an entry of a long one is proved. In this one process, on one disk, everything in
//! turns. What was written is removed at the end only: for a minute after files were removed, ext4 takes longer to make
//! new ones, and the log makes many.

use std::{fs, path::PathBuf};

use crate::{Fallible, Threads, goal};

mod bare;
mod goals;
mod log;
mod made;
mod parts;
mod plot;
mod proving;
mod records;
mod sample;
mod summary;
mod table;
mod verifying;

use bare::Bare;
use log::{Kept, Log};
use parts::Parts;
use proving::Proving;
use sample::Sample;
use summary::{Point, Summary};
use verifying::Verifying;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Options {
    /// Where audit.json, audit.svg and audit-goals.svg go, and the logs of the run: the disk that is measured
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How often everything is measured with every number of callers
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How long each measurement takes
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// How long each one runs before that
    #[arg(long, default_value_t = 0.2)]
    warm_up: f64,
    /// Callers that each wait for one record before they send the next
    #[arg(long, value_delimiter = ',', default_value = "1,64,256")]
    callers: Vec<usize>,
    /// What is measured
    #[arg(long, value_enum, value_delimiter = ',', default_value = "bare,shipped,unpublished,diskless")]
    setups: Vec<Which>,
    /// Entries of the log that is verified; 0 leaves that out
    #[arg(long, default_value_t = 300_000)]
    verified: u64,
    /// Entries of the log that proofs are made in; 0 leaves that out
    #[arg(long, default_value_t = 10_000_000)]
    proved: u64,
    /// Of the callers: the host runs on one
    #[command(flatten)]
    threads: Threads,
    /// Three short rounds and logs of a tenth, to see that it works: under 40 s, and noisy
    #[arg(long)]
    quick: bool,
    /// Print the summary as JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Keep the logs of the run
    #[arg(long)]
    keep: bool,
}

/// What is measured beside each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Which {
    /// Write and `fdatasync` into a file of zeros, as many records at once as there are callers, at most 64
    Bare,
    /// The log as shipped
    Shipped,
    /// The log without tiles and checkpoints
    Unpublished,
    /// The log without a disk, and unpublished
    Diskless,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare write and sync",
            Self::Shipped => "log, as shipped",
            Self::Unpublished => "log, unpublished",
            Self::Diskless => "log, without a disk",
        }
    }
}

/// A setup, ready to be measured.
#[derive(Debug)]
enum Setup {
    Bare(Bare),
    Log(Log),
}

/// Opens, measures, tells.
pub(crate) fn run(options: &Options) -> Fallible<()> {
    let mut options = options.clone();
    if options.quick {
        (options.rounds, options.seconds, options.warm_up) = (3, 0.45, 0.15);
        (options.verified, options.proved) = (options.verified / 10, options.proved / 10);
    }
    let data = options.out.join("audit-data");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let summary = measure(&options, &data)?;
    let text = serde_json::to_string_pretty(&summary)? + "\n";
    let json = options.out.join("audit.json");
    fs::write(&json, &text)?;
    fs::write(options.out.join("audit.svg"), plot::svg(&summary))?;
    fs::write(options.out.join("audit-goals.svg"), goal::svg(&summary.goals))?;
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

fn measure(options: &Options, data: &std::path::Path) -> Fallible<Summary> {
    let runtime = options.threads.runtime()?;
    let open = |which: &Which| match which {
        Which::Bare => Bare::open(data).map(Setup::Bare),
        Which::Shipped => Log::open(data, Kept::Shipped, &runtime).map(Setup::Log),
        Which::Unpublished => Log::open(data, Kept::Unpublished, &runtime).map(Setup::Log),
        Which::Diskless => Log::open(data, Kept::Diskless, &runtime).map(Setup::Log),
    };
    let mut setups = options.setups.iter().map(open).collect::<Fallible<Vec<_>>>()?;
    let (mut points, mut parts) = (Vec::new(), Vec::new());
    for &callers in &options.callers {
        let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); setups.len()];
        for round in 1..=options.rounds {
            let mut line = format!("{callers:>4} callers, round {round} of {}, records/s:", options.rounds);
            for ((setup, which), samples) in setups.iter_mut().zip(&options.setups).zip(&mut samples) {
                let sample = match setup {
                    Setup::Bare(bare) => bare.measure(callers, options)?,
                    Setup::Log(log) => log.measure(callers, options, &runtime)?,
                };
                line += &format!("  {} {:.0}", which.name(), sample.records_per_second);
                samples.push(sample);
            }
            parts.push(Parts::measure()?);
            eprintln!("{line}");
        }
        let measured = options.setups.iter().zip(samples);
        points.extend(measured.map(|(setup, samples)| Point { setup: *setup, callers, samples }));
    }
    for setup in setups {
        if let Setup::Log(log) = setup {
            log.close(&runtime)?;
        }
    }
    let verifying = Verifying::measure(options, data)?;
    let proving = Proving::measure(options, data)?;
    Ok(Summary::new(options, points, &parts, verifying, proving))
}

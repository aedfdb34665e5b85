//! What a host costs as it grows: more runtimes, contracts and sessions under the same load, runtimes that are only
//! connected, and a swap while calls go on. `run` starts everything, measures in turns and writes the summary; the other
//! commands are the processes that it starts.

use clap::{Parser, Subcommand};
use grid_bench::{Fallible, calls::TOOL};

mod crowd;
mod growth;
mod idle;
mod load;
mod run;
mod swap;
mod table;

#[derive(Debug, Parser)]
#[command(about = "Measures a host as it grows")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure everything and write the summary
    Run(run::Options),
    /// Attach many runtimes, say so, and answer every call
    Crowd(crowd::Options),
    /// Keep calls in flight over many tools and sessions, and print what they took
    Load(load::Options),
}

fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    if let Command::Run(options) = &arguments.command {
        return run::run(options);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Crowd(options) => crowd::attach(options).await,
            Command::Load(options) => load::load(options).await,
            Command::Run(_) => Ok(()),
        }
    })
}

/// The name of the n-th tool; the first is that of the other benchmarks.
fn tool(number: usize) -> String {
    if number == 0 { TOOL.to_owned() } else { format!("{TOOL}_{number}") }
}

//! What governed local dispatch costs: grants and reports beside a bare unary echo, a local call beside a remote one in
//! Rust and Python, and the Python runtime beside a bare server. `run` starts everything, measures in turns and writes
//! the summary; the other commands are the processes that it starts.

use clap::{Parser, Subcommand};
use grid_bench::Fallible;
use grid_sdk::Runtime;

mod calls;
mod figures;
mod goals;
mod load;
mod python;
mod reports;
mod run;
mod setup;
mod table;

#[derive(Debug, Parser)]
#[command(about = "Measures governed local dispatch")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure everything and write the summary
    Run(run::Options),
    /// Keep requests in flight and print what they took
    Load(load::Options),
    /// Make plain, local and remote calls in turns and print what they took
    Calls(calls::Options),
    /// Serve the tool of the calls at a host
    Serve {
        /// Where the host is, such as `127.0.0.1:9090`
        #[arg(long)]
        address: String,
        /// The file that holds the token
        #[arg(long)]
        token: std::path::PathBuf,
    },
}

fn main() -> Fallible<()> {
    let arguments = Arguments::parse();
    if let Command::Run(options) = arguments.command {
        return run::run(&options);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match arguments.command {
            Command::Load(options) => load::load(options).await,
            Command::Calls(options) => calls::calls(options).await,
            Command::Serve { address, token } => {
                let runtime = Runtime::builder().endpoint(format!("http://{address}")).token_file(token);
                Ok(runtime.runtime_id("bench-runtime").tool(calls::bench_payload).build()?.run().await?)
            }
            Command::Run(_) => Ok(()),
        }
    })
}

//! What governance costs. `run` starts every setup as processes of their own, measures them in turns and writes
//! the summary, and `audit` does so with the audit log alone; the other commands are those processes.

use clap::{Parser, Subcommand};
use grid_bench::{Fallible, bars, calls::result_of, clock, cpu, goal, host, machine, mtls, process, sample};
use grid_proto::v1::{self, call_tool_response::Outcome};
use tokio::{net::TcpListener, runtime::Runtime};

mod audit;
mod calls_alone;
mod echo;
mod flood;
mod load;
mod micro;
mod overload;
mod relay;
mod report;
mod revoke;
mod run;
mod runtime;
mod stream;
mod wire;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(about = "Measures the governed call beside a bare relay and a bare echo")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure all setups in turns and write the summary
    Run(run::Options),
    /// Measure the audit log alone beside a bare write and sync, and write the summary
    Audit(audit::Options),
    /// Measure results in pieces through the host beside a bare relay
    Stream(stream::Options),
    /// Answer calls at once: setup (a)
    Echo(Threads),
    /// Pass calls on to a runtime: setup (b)
    Relay {
        /// How it is served
        #[arg(long, value_enum, default_value_t)]
        served: relay::Served,
        #[command(flatten)]
        threads: Threads,
    },
    /// Attach to a relay or a host and answer every call
    Runtime(runtime::Options),
    /// Keep calls in flight and print what they took
    Load(load::Options),
    /// Send calls when they are due, whether they are answered or not, and print what became of them
    Flood(flood::Options),
    /// Ask five times more of a host than it can do, and write down what it is worth then
    Overload(overload::Options),
    /// Revoke somebody who keeps calling, and write down how soon that holds
    Revoke(revoke::Options),
    /// Tell what criterion has measured of single steps of a call
    Micro(micro::Options),
    /// Tell what all parts of the benchmark have written
    Report(report::Options),
}

#[derive(Debug, Clone, Copy, clap::Args)]
struct Threads {
    /// Worker threads; 0 runs everything on the one thread
    #[arg(long, default_value_t = 0)]
    workers: usize,
}

fn main() -> Fallible<()> {
    match Arguments::parse().command {
        Command::Run(options) => run::run(&options),
        Command::Audit(options) => audit::run(&options),
        Command::Stream(options) => Threads { workers: 0 }.block_on(stream::run(options)),
        Command::Echo(threads) => threads.block_on(async { echo::serve(listen().await?).await }),
        Command::Relay { served, threads } => threads.block_on(async { relay::serve(served, listen().await?).await }),
        Command::Runtime(options) => Threads { workers: 0 }.block_on(runtime::attach(options)),
        Command::Load(options) => Threads { workers: 0 }.block_on(load::load(options)),
        Command::Flood(options) => Threads { workers: 0 }.block_on(flood::flood(options)),
        Command::Overload(options) => overload::run(&options),
        Command::Revoke(options) => Threads { workers: 0 }.block_on(revoke::run(options)),
        Command::Micro(options) => micro::run(&options),
        Command::Report(options) => report::run(&options),
    }
}

impl Threads {
    fn block_on(self, work: impl Future<Output = Fallible<()>>) -> Fallible<()> {
        self.runtime()?.block_on(work)
    }

    fn runtime(self) -> std::io::Result<Runtime> {
        let mut builder = match self.workers {
            0 => tokio::runtime::Builder::new_current_thread(),
            workers => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(workers);
                builder
            }
        };
        builder.enable_all().build()
    }
}

/// A free port, told to whoever started this process.
async fn listen() -> Fallible<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(listener)
}

/// What the caller gets of it.
fn answer(result: v1::ToolResult) -> v1::CallToolResponse {
    v1::CallToolResponse {
        correlation_id: result.correlation_id.clone(),
        invocation_id: result.invocation_id.clone(),
        outcome: Some(Outcome::Result(result)),
        ..v1::CallToolResponse::default()
    }
}

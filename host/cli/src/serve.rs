//! `grid serve`: settles the configuration, starts the runtime that it asks for, and hands both to the host.

use std::thread::available_parallelism;

use clap::Args;

use super::{Context, Exit, Failure};
use grid_config::{Scheduler, Server};

/// Runs the host until it is asked to stop
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid serve --set manifest.path=manifests/tools.json
  grid serve --locked                            only with the contracts of grid.lock
  grid serve --set mode=development              runtimes may register tools for one session

The host stops at SIGTERM or Ctrl-C: it takes no new calls and gives those in flight `server.drain_grace`.")]
pub(super) struct Serve {
    /// Refuses to start where a contract is not as the lock says; the setting `manifest.locked`
    #[arg(long)]
    locked: bool,
}

impl Serve {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let locked = self.locked.then(|| "manifest.locked=true".to_owned());
        let reading = context.read_with(locked);
        for warning in reading.warnings() {
            context.output.warning(&warning.to_string());
        }
        let config = reading.settle().map_err(|all| context.invalid(&all))?;
        runtime(&config.server)
            .map_err(|error| Failure::new(Exit::Error, format!("cannot start threads: {error}")))?
            .block_on(grid_server::serve(&config))
            .map_err(|failure| failed(&failure))
    }
}

/// One thread serves more calls than two do where cores are few; measured.
fn runtime(server: &Server) -> std::io::Result<tokio::runtime::Runtime> {
    let cores = available_parallelism().map_or(1, usize::from);
    let one_thread = match server.runtime {
        Scheduler::CurrentThread => true,
        Scheduler::MultiThread => false,
        Scheduler::Auto => cores <= 2,
    };
    let mut builder = if one_thread {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    if !one_thread && server.workers > 0 {
        builder.worker_threads(server.workers);
    }
    builder.enable_all().build()
}

pub(super) fn failed(failure: &grid_server::Failure) -> Failure {
    let exit = if failure.is_of_configuration() { Exit::Invalid } else { Exit::Error };
    Failure::new(exit, failure.to_string())
}

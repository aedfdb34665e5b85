//! What is measured in Python: programs of the Python SDK's own tools, which print JSON.

use std::{ffi::OsString, path::Path, process::Command};

use grid_bench::{Fallible, process::Process};
use serde::{Deserialize, Serialize};

use crate::{calls::Took, run::Options};

/// Calls in flight at the Python runtime and at the bare server.
const IN_FLIGHT: usize = 64;

/// The Python runtime beside a bare `grpc.aio` server that does the same work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Served {
    /// `on_loop` or `on_thread`: where the tool runs.
    pub(crate) tool: String,
    in_flight: usize,
    pub(crate) calls_a_second: Sides,
    pub(crate) processor_us_a_call: Sides,
    pub(crate) rate_to_bare: f64,
    pub(crate) processor_to_bare: f64,
}

/// Of each side.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sides {
    pub(crate) runtime: f64,
    pub(crate) bare: f64,
}

/// Calls in the same four ways as in Rust.
pub(crate) fn calls(python: &Path, options: &Options, arguments: &[OsString]) -> Fallible<Took> {
    let mut command = Command::new(python);
    command.arg(options.tools.join("bench_local.py")).args(arguments);
    Ok(serde_json::from_str(&Process::start("the calls in Python", command)?.line()?)?)
}

/// The runtime beside the bare server, with a tool on the event loop and one on a thread.
pub(crate) fn served(python: &Path, options: &Options) -> Fallible<Vec<Served>> {
    eprintln!("the Python runtime beside a bare server");
    let mut command = Command::new(python);
    command.arg(options.tools.join("bench.py")).arg("--json");
    command.args(["--calls", &options.served.to_string(), "--rounds", &options.rounds.to_string()]);
    command.args(["--in-flight", &IN_FLIGHT.to_string()]);
    let mut process = Process::start("the Python benchmark", command)?;
    (0..2).map(|_| Ok(serde_json::from_str(&process.line()?)?)).collect()
}

//! What a runtime costs that is only connected: the host's memory with many of them, less its memory with none.

use std::{fs, path::Path};

use grid_bench::{
    Fallible,
    host::{self, MANIFEST},
};
use serde::Serialize;

use crate::{
    growth::{SETTINGS, crowd},
    run::Options,
};

/// Memory of a host with many runtimes.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    pub(crate) runtimes: usize,
    /// Resident, with all of them.
    pub(crate) mib: f64,
    /// Resident before the first.
    pub(crate) before_mib: f64,
    pub(crate) kib_a_runtime: f64,
}

pub(crate) fn measure(options: &Options, data: &Path) -> Fallible<Idle> {
    let runtimes = options.idle;
    let host = host::start(&options.grid, &data.join("idle"), false, MANIFEST, SETTINGS)?;
    let before = resident(host.process.id())?;
    eprintln!("idle: {runtimes} runtimes attach, each on a connection of its own");
    let crowd = crowd(&host, runtimes, 1)?;
    let with = resident(host.process.id())?;
    drop(crowd);
    let kib_a_runtime = with.saturating_sub(before) as f64 / runtimes.max(1) as f64;
    Ok(Idle { runtimes, mib: with as f64 / 1024.0, before_mib: before as f64 / 1024.0, kib_a_runtime })
}

/// KiB that the process has in memory.
fn resident(pid: u32) -> Fallible<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.ok_or_else(|| "`/proc/<pid>/status` has another form than known".into())
}

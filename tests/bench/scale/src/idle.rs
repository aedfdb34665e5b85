//! What a runtime costs that is only connected: memory and processor of the host with many of them, less its memory with
//! none. The runtimes are spread over processes, none of which needs more descriptors than a shell gives it.

use std::{fs, path::Path, thread, time::Duration};

use grid_bench::{
    Fallible,
    calls::{authorized, bearer, connect},
    clock::now,
    cpu::Used,
    host::{self, Host, MANIFEST},
    process::Process,
};
use grid_proto::v1::{StatusRequest, admin_service_client::AdminServiceClient};
use serde::Serialize;

use crate::{
    growth::{Crowd, SETTINGS},
    run::Options,
};

/// Runtimes of one process.
const EACH: usize = 500;
/// As long as two heartbeats of each runtime take.
const REST: Duration = Duration::from_secs(10);

/// A host with many runtimes, in STRICT.
#[derive(Debug, Serialize)]
pub(crate) struct Idle {
    /// Attached and alive after a while, by the host's own account.
    pub(crate) runtimes: usize,
    /// Resident when the last had attached.
    pub(crate) attached_mib: f64,
    /// Resident after a rest, with all of them.
    pub(crate) mib: f64,
    /// Resident before the first.
    pub(crate) before_mib: f64,
    pub(crate) kib_a_runtime: f64,
    /// From the first to the last.
    pub(crate) attaching_seconds: f64,
    /// Of one core, for nothing but heartbeats.
    pub(crate) processor_percent: f64,
}

pub(crate) fn measure(options: &Options, data: &Path) -> Fallible<Idle> {
    let host = host::start(&options.grid, &data.join("idle"), true, MANIFEST, SETTINGS)?;
    let before = resident(host.process.id())?;
    let began = now();
    let crowds = attached(options.idle, &host)?;
    let (took, attached) = (began.elapsed(), resident(host.process.id())?);
    eprintln!("idle: {} s of rest", REST.as_secs());
    let begin = Used::by(host.process.id())?;
    thread::sleep(REST);
    let used = Used::by(host.process.id())?.seconds_since(&begin);
    let (with, runtimes) = (resident(host.process.id())?, connected(&host)?);
    drop(crowds);
    if runtimes != options.idle {
        return Err(format!("of {} runtimes {runtimes} are there after a while", options.idle).into());
    }
    Ok(Idle {
        runtimes,
        attached_mib: attached as f64 / 1024.0,
        mib: with as f64 / 1024.0,
        before_mib: before as f64 / 1024.0,
        kib_a_runtime: with.saturating_sub(before) as f64 / runtimes.max(1) as f64,
        attaching_seconds: took.as_secs_f64(),
        processor_percent: used / REST.as_secs_f64() * 100.0,
    })
}

fn attached(runtimes: usize, host: &Host) -> Fallible<Vec<Process>> {
    let mut crowds = Vec::new();
    for first in (0..runtimes).step_by(EACH) {
        let here = EACH.min(runtimes - first);
        crowds.push(Crowd { first, runtimes: here, ..Crowd::of(host) }.attach()?);
        eprintln!("idle: {} of {runtimes} runtimes attached, each on a connection of its own", first + here);
    }
    Ok(crowds)
}

/// Runtimes that are attached, as the host says.
fn connected(host: &Host) -> Fallible<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut admin = AdminServiceClient::new(connect(&host.admin, None).await?);
        let request = authorized(StatusRequest {}, &bearer(&host.operator_token)?);
        let status = admin.get_status(request).await?.into_inner();
        match status.error {
            Some(error) => Err(format!("no status: {} {}", error.r#type, error.message).into()),
            None => Ok(usize::try_from(status.runtimes)?),
        }
    })
}

/// KiB that the process has in memory.
fn resident(pid: u32) -> Fallible<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse().ok());
    number.ok_or_else(|| "`/proc/<pid>/status` has another form than known".into())
}

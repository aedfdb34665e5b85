//! `grid-ledger-probe`: a process that keeps one audit log and says on standard output what it was acknowledged,
//! after it was. Tests kill it, let its system calls fail and fill its disk; what they heard are their receipts.
//!
//! It opens the log on its main thread, does its steps in order, closes the log and ends. Exit codes: 0 done,
//! 2 flags that cannot be read, 3 another process has the log, 4 the log is damaged, 5 it cannot be opened for
//! another reason, 6 a write or a sync failed, 7 nobody listens.

mod log;
mod say;
mod steps;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use grid_audit::{Error, Ledger, Recovered, Unavailable};
use grid_core::{clock::SharedClock, clock::SystemClock};

use crate::{
    say::say,
    steps::{Step, Steps},
};

/// How long the log is asked for more after it has failed; every answer has to be no.
const STUBBORN: Duration = Duration::from_millis(100);

#[derive(Debug, Parser)]
#[command(about = "Keeps an audit log and says what was acknowledged")]
struct Arguments {
    /// The log's directory; made where it is missing
    #[arg(long)]
    dir: PathBuf,
    /// Bytes of a segment
    #[arg(long, default_value_t = 64 << 10)]
    segment: u64,
    /// Milliseconds between two looks of the publisher
    #[arg(long, default_value_t = 1000)]
    publish: u64,
    /// What to do, in this order; see `steps.rs`
    steps: Vec<Step>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let Ok(runtime) = runtime else {
        return ended(5, "no threads");
    };
    let clock = SystemClock::shared();
    let began = clock.elapsed();
    let publish = Duration::from_millis(arguments.publish);
    let opened = log::open(&arguments.dir, arguments.segment, publish, &clock, runtime.handle());
    let (ledger, recovered) = match opened {
        Ok(opened) => opened,
        Err(error) => return refused(&error),
    };
    let took = (clock.elapsed() - began).as_millis();
    let Recovered { records, cut, closed, .. } = recovered;
    say(&format!("opened {records} {cut} {} {took}", closed.len()));
    // Not dropped: tasks that wait for the log must not keep a process from ending that has nothing to say any more.
    let code = runtime.block_on(work(&ledger, &clock, arguments.steps));
    runtime.shutdown_background();
    code
}

fn refused(error: &Error) -> ExitCode {
    let code = match error {
        Error::Locked { .. } => 3,
        Error::Damaged { .. } => 4,
        _ => 5,
    };
    ended(code, &error.to_string())
}

fn ended(code: u8, why: &str) -> ExitCode {
    eprintln!("grid-ledger-probe: {why}");
    ExitCode::from(code)
}

async fn work(ledger: &Ledger, clock: &SharedClock, steps: Vec<Step>) -> ExitCode {
    let mut steps = Steps::new(ledger.clone(), clock.clone(), steps);
    let done = async {
        steps.run().await;
        ledger.clone().close().await
    };
    let failure = tokio::select! {
        biased;
        failure = ledger.failed() => failure,
        Ok(()) = done => {
            say(&format!("closed {}", ledger.status().records));
            return ExitCode::SUCCESS;
        }
    };
    failed(ledger, clock, &failure).await
}

/// The log has failed. What it acknowledges from here on is a fault, and is said like everything else.
async fn failed(ledger: &Ledger, clock: &SharedClock, failure: &Unavailable) -> ExitCode {
    say(&format!("failed {} {failure}", ledger.status().records));
    let until = clock.elapsed() + STUBBORN;
    while clock.elapsed() < until {
        steps::insist(ledger, clock).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ended(6, failure.message())
}

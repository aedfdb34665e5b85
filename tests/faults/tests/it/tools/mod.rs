//! What the tests share: the probe as a process, its receipts, strace, disks, and sizes from the environment.

use std::sync::{Mutex, MutexGuard, PoisonError};

mod disk;
mod probe;
mod receipts;
mod scenario;
mod sizes;
mod strace;

pub use disk::{Ballast, Disk};
pub use probe::{End, Probe, Run, Said};
pub use receipts::Receipts;
pub use scenario::{Log, Scenario, acknowledged, scenarios};
pub use sizes::{Random, size};
pub use strace::{Beside, Call, Strace, thread_named};

/// One test at a time: they wait for system calls to happen, and some measure how long things take.
pub fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

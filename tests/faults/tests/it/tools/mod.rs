//! What the tests share: the probe as a process, its receipts, strace, disks, and sizes from the environment.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

mod disk;
mod probe;
mod receipts;
mod scenario;
mod sizes;
mod skip;
mod strace;

pub use disk::{Ballast, Disk};
pub use probe::{End, Probe, Run, Said};
pub use receipts::Receipts;
pub use scenario::{Log, Scenario, acknowledged, scenarios};
pub use sizes::{Random, size};
pub use skip::skip;
pub use strace::{Beside, Call, Strace, thread_named};

static TURN: RwLock<()> = RwLock::new(());

/// For a test that measures how long things take: no other one runs meanwhile.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    TURN.write().unwrap_or_else(PoisonError::into_inner)
}

/// For a test that mostly waits for processes and disks, which several can do at once.
pub fn with_others() -> RwLockReadGuard<'static, ()> {
    TURN.read().unwrap_or_else(PoisonError::into_inner)
}

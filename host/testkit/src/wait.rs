//! Waiting for other tasks and threads without sleeping.

use std::time::Duration;

use grid_core::clock::SystemClock;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lets everybody else go on until `done` holds. Tokio's own clock may be paused: it does not move meanwhile.
///
/// # Panics
/// Where it never does.
pub async fn until(what: &str, done: impl Fn() -> bool) {
    let clock = SystemClock::shared();
    while !done() {
        assert!(clock.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

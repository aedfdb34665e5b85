//! Waiting for other tasks and threads without sleeping.

use std::{pin::pin, time::Duration};

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

/// Waits for what other tasks and threads bring about. Where Tokio's clock is paused it moves while everybody waits, also
/// for a thread that it knows nothing of, so that its own minute proves nothing: the clock on the wall has to agree.
///
/// # Panics
/// Where it never comes.
pub async fn soon<T>(what: &str, comes: impl Future<Output = T>) -> T {
    let (clock, mut comes) = (SystemClock::shared(), pin!(comes));
    loop {
        match tokio::time::timeout(PATIENCE, comes.as_mut()).await {
            Ok(come) => return come,
            Err(_) => assert!(clock.elapsed() < PATIENCE, "waited in vain for {what}"),
        }
        std::thread::yield_now();
    }
}

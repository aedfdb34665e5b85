//! A host as a process, and those who talk to it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

mod caller;
mod canary;
mod collector;
mod contracts;
mod host;
mod local;
mod peer;
mod program;
mod sdk;
mod sink;

pub use caller::{Caller, content, failure, refusal};
pub use canary::{Form, assert_clean, assert_clean_files, forms_of_number, forms_of_text};
pub use collector::Collector;
pub use contracts::manifest;
pub use host::{Host, Setup, check_log, files, free_port, kind, text};
pub use local::Grant;
pub use peer::{Peer, announcement, answer, answered, error_of};
pub use program::{Ended, grid, root, signal};
pub use sdk::{Serving, add, hang, serve};
pub use sink::Sink;

/// What has not happened by then does not happen.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at something that cannot be waited for.
const LOOK: Duration = Duration::from_millis(5);

/// Looks until there is something to see.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(seen) = look().await {
                return seen;
            }
            sleep(LOOK).await;
        }
    };
    timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never seen: {what}"))
}

/// Fails the test instead of hanging it.
pub async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.unwrap_or_else(|_| panic!("never done: {what}"))
}

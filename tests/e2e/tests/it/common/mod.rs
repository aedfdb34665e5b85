//! A host as a process, and those who talk to it.

use std::time::Duration;

use tokio::time::{sleep, timeout};

mod caller;
mod contracts;
mod host;
mod local;
mod peer;
mod program;
mod sdk;

pub use caller::{Caller, content, failure, refusal};
pub use contracts::manifest;
pub use host::{Host, Setup, check_log, files, kind, text};
pub use local::Grant;
pub use peer::{Peer, announcement, answer, answered, error_of};
pub use program::{Ended, root, signal};
pub use sdk::{Serving, hang, serve};

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

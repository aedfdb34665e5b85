//! Follows the host's policy epoch for a session, so that no tool starts under rights that were made void.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use grid_sdk::{Code, Error, Session};

use crate::clock;

const FIRST: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(15);

/// Ends where the host says that it never will tell, or that the session is over.
pub(crate) async fn follow(session: Session, epoch: Arc<AtomicU64>) {
    let mut pause = FIRST;
    loop {
        let before = epoch.load(Ordering::Acquire);
        if let Err(error) = watch(&session, &epoch).await {
            if is_final(&error) {
                tracing::debug!(%error, session = session.id(), "the policy epoch is no longer followed");
                return;
            }
            tracing::debug!(%error, session = session.id(), "the policy epoch is followed again soon");
        }
        let heard = epoch.load(Ordering::Acquire) > before;
        pause = if heard { FIRST } else { (pause * 2).min(LONGEST) };
        tokio::time::sleep(clock::jittered(pause)).await;
    }
}

async fn watch(session: &Session, epoch: &AtomicU64) -> Result<(), Error> {
    let mut watch = session.watch_grants().await?;
    while let Some(invalidation) = watch.next().await? {
        let before = epoch.fetch_max(invalidation.epoch, Ordering::AcqRel);
        if before > 0 && invalidation.epoch > before {
            tracing::info!(epoch = invalidation.epoch, reason = invalidation.reason, "earlier grants are void");
        }
    }
    Ok(())
}

fn is_final(error: &Error) -> bool {
    let code = error.code();
    [Code::FEATURE_UNAVAILABLE, Code::INVALID_SESSION, Code::SESSION_EXPIRED].contains(code)
}

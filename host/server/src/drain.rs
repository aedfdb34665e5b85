//! The end of a host that was asked to stop: nothing new begins, what has begun has the grace to end, and all of it is
//! over a second later (SV-6).

use std::{sync::Arc, time::Duration};

use grid_contract::Contracts;
use grid_core::{event::Kind, frame::HostFrame, runtime::Runtime as _};
use grid_grpc::Running;
use tokio::time::{Instant, timeout, timeout_at};

use crate::{host::Host, limits, serve::settling};

/// What runtimes are told, and calls that they still hold.
const STOPS: &str = "the host stops";
/// Runtimes that still have calls are told so long before the grace is over, so that they can end them in words of their
/// own.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How often it is looked whether grants are open.
const LOOK: Duration = Duration::from_millis(20);
/// Once the grace is over: for the records of calls that were cut off.
const RECORDS: Duration = Duration::from_millis(300);
/// Then: for answers that are on their way, on each port.
const ANSWERS: Duration = Duration::from_millis(200);

/// No new calls; those in flight have the grace to end; every runtime is told; the log is closed last. Connections of
/// `callers` were asked to go already.
///
/// Runtimes are told when no call is left, or shortly before the grace is over: one that is told leaves as soon as it has
/// nothing to do, and calls that are on their way to it, or that other calls make, would find nobody.
pub(crate) async fn drain<C: Contracts>(host: &Arc<Host<C>>, callers: Running, operators: Running, grace: Duration) {
    let over = Instant::now() + grace;
    host.stopping.cancel();
    callers.health().set(false).await;
    stop_waiting(host).await;
    host.tasks.close();
    let warned = over.checked_sub(LAST_WORDS.min(grace / 4)).unwrap_or(over);
    // Grants run out meanwhile as at any other time.
    let (quiet, settling) = (quiet(host), settling(host));
    tokio::pin!(quiet, settling);
    let ended = tokio::select! {
        ended = timeout_at(warned, &mut quiet) => ended.is_ok(),
        () = &mut settling => true,
    };
    tell_runtimes(host, over);
    let ended = ended
        || tokio::select! {
            ended = timeout_at(over, &mut quiet) => ended.is_ok(),
            () = &mut settling => true,
        };
    if !ended {
        tracing::warn!(
            calls = host.tasks.len(),
            grants = host.grants.count(),
            "the grace is over; calls that go on are cut off, and grants are left to the next start"
        );
    }
    for wire in host.hub.list() {
        wire.offer(HostFrame::Bye { reason: STOPS.to_owned() });
        wire.crash(STOPS);
    }
    if timeout(RECORDS, host.tasks.wait()).await.is_err() {
        tracing::warn!(calls = host.tasks.len(), "some calls did not end; the next start records them as unknown");
    }
    callers.shutdown(ANSWERS).await;
    close(host).await;
    operators.shutdown(ANSWERS).await;
}

/// Nobody waits for a person any more: that it ended is on record before the host goes.
async fn stop_waiting<C: Contracts>(host: &Host<C>) {
    for ending in host.approvals.stop() {
        if let Err(error) = host.conclude_wait(ending).await {
            tracing::error!(%error, "the end of an approval could not be recorded");
        }
    }
}

/// Until no call is in flight and no grant is open.
async fn quiet<C: Contracts>(host: &Host<C>) {
    host.tasks.wait().await;
    while host.grants.count() > 0 {
        tokio::time::sleep(LOOK).await;
    }
    // A report may still be on its way to the log.
    host.tasks.wait().await;
}

fn tell_runtimes<C: Contracts>(host: &Host<C>, over: Instant) {
    let left = over.saturating_duration_since(Instant::now());
    let grace_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    for wire in host.hub.list() {
        wire.card().load.drain();
        wire.offer(HostFrame::Drain { reason: STOPS.to_owned(), grace_ms });
    }
}

async fn close<C: Contracts>(host: &Arc<Host<C>>) {
    let correlation = host.correlation("");
    host.ledger.note(host.event(Kind::HostStopped, &correlation)).await;
    if let Some(error) = limits::write_budgets(host).await {
        tracing::error!(%error, "what was spent of budgets could not be written down");
    }
    let outlets = Arc::clone(host);
    if tokio::task::spawn_blocking(move || outlets.outlets.stop()).await.is_err() {
        tracing::error!("exporters and witnesses did not end in order");
    }
    if let Err(error) = host.ledger.clone().close().await {
        tracing::error!(%error, "the log was not closed in order");
    }
    host.archive.close();
}

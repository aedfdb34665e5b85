//! Stage: resolve. Takes an [`Approved`] call, gives a [`RoutedCall`] with the provider that is chosen for it, the runtime
//! of it that will run it, and a place in that runtime's queue. Refuses with SERVICE_UNAVAILABLE where nobody may have the
//! call, and with RESOURCE_EXHAUSTED where whoever is chosen has no room in time.
//!
//! A provider is chosen first: a selection of the call, the session, the tenant or the host, then the runtime that has the
//! session's state, then priority, stack level, and whoever was first seen last. Ranks are the host's own ([`file`]), never
//! a runtime's. Then its runtime with fewest calls in flight. A provider that is full is still chosen: the call waits for
//! it, and goes to no other that does the same work differently.

#![deny(missing_docs)]

mod book;
mod evidence;
mod explain;
pub mod file;
pub mod limit;
mod line;
mod order;
mod rank;
mod refuse;
mod roster;
mod table;
mod tools;

pub use book::What;
pub use evidence::{Beside, RoutedCall, admission, attempted, hedged};
pub use explain::View;
pub use grid_approve::{Approved, CheckedCall, Consent, Decision};
pub use rank::{Facts, Hooks, Ranks, Selection, Whose};
pub use roster::{Roster, Unreadable};
pub use table::{Admits, Barrier, Scope, Unguarded};

use std::{sync::Arc, time::Duration};

use grid_core::{Code, Refusal, Stage, clock::Clock, id::ConnectionId, runtime::Runtime};

use crate::{
    evidence::Place,
    limit::{Limit, Times},
    line::Line,
    roster::{Attempt, Query, Want},
};

/// The stage: the provider that is chosen, and among its runtimes the one with fewest calls in flight, then the one that
/// was idle longest. Where all are full it waits as long as the contract says, first come first served; dropping the
/// future leaves the line.
///
/// # Errors
/// SERVICE_UNAVAILABLE, RESOURCE_EXHAUSTED; TIMEOUT where the caller's own deadline has passed.
pub async fn route(
    roster: &Roster,
    clock: &Arc<dyn Clock>,
    call: Approved<CheckedCall>,
) -> Result<RoutedCall, Refusal> {
    let (call, consent) = call.into_parts();
    let permitted = call.call().call();
    let (contract, request) = (permitted.contract(), permitted.call().request());
    let left = left_of(request.deadline_unix_ms, clock.unix_ms())?;
    let total = contract.conduct().total;
    let came = clock.elapsed();
    let patience = Times::new(came, total.unwrap_or(Duration::MAX), total, left);
    let wish = request.provider.as_deref();
    let want = Want { contract, session: permitted.call().session(), wish, avoid: &[] };
    let place = place(roster, clock, &want, Some((patience.left(came), patience.ends_by()))).await?;
    // The wait is no part of the contract's `timeout`, but of what it and the caller give the call in all.
    let now = clock.elapsed();
    let waited = now.saturating_sub(came);
    let rest = |time: Duration| time.saturating_sub(waited);
    let times = Times::new(now, contract.timeout(), total.map(rest), left.map(rest));
    Ok(RoutedCall::new(call, consent, place, (clock.unix_ms(), now), times))
}

/// The same for a call that failed at a runtime and may be tried at another: none of `avoid`. Its own place goes back
/// when it has another one.
///
/// # Errors
/// As [`route`]; the call then still has the place that it had.
pub async fn route_again(roster: &Roster, call: &mut RoutedCall, avoid: &[ConnectionId]) -> Result<(), Refusal> {
    let Beside(place) = route_beside(roster, call, avoid).await?;
    call.moved(place);
    Ok(())
}

/// A place at a second runtime for a call that goes on at its own: none of `avoid`.
///
/// # Errors
/// As [`route`].
pub async fn route_beside(roster: &Roster, call: &RoutedCall, avoid: &[ConnectionId]) -> Result<Beside, Refusal> {
    let clock = Arc::clone(call.clock());
    let left = call.total_left();
    let wish = call.call().call().call().call().request().provider.clone();
    let want = Want { contract: call.contract(), session: call.session(), wish: wish.as_deref(), avoid };
    place(roster, &clock, &want, Some((left, call.limit()))).await.map(Beside)
}

async fn place(
    roster: &Roster,
    clock: &Arc<dyn Clock>,
    want: &Want<'_>,
    left: Option<(Duration, Limit)>,
) -> Result<Place, Refusal> {
    let tool = want.contract.name();
    let (provider, waiting) = match roster.0.attempt(clock, want, true) {
        Attempt::Taken(place) => return Ok(place),
        Attempt::Nobody(refusal) => return Err(refusal),
        Attempt::Full(provider, waiting) => (provider, waiting),
    };
    let most = want.contract.conduct().queue;
    if most.is_zero() {
        return Err(refuse::full(tool));
    }
    let query = Query::new(roster, clock, want);
    let Some(mut waits) = Line::join(&provider, query, &waiting, roster.0.queue()) else {
        return Err(refuse::crowded(tool, roster.0.queue()));
    };
    let patience = left.map_or(most, |(left, _)| left.min(most));
    match tokio::time::timeout(patience, waits.placed()).await {
        Ok(Some(placed)) => placed,
        Ok(None) | Err(_) => match left {
            Some((left, by)) if left <= most => Err(too_late(by)),
            _ => Err(refuse::waited(tool)),
        },
    }
}

fn left_of(deadline: Option<u64>, now_ms: u64) -> Result<Option<Duration>, Refusal> {
    let left = deadline.map(|deadline| Duration::from_millis(deadline.saturating_sub(now_ms)));
    if left.is_some_and(|left| left.is_zero()) { Err(too_late(Limit::Deadline)) } else { Ok(left) }
}

fn too_late(by: Limit) -> Refusal {
    let message = match by {
        Limit::Deadline => "the deadline of the call has passed before it could begin; send it with more time",
        _ => "the time that its contract gives the call in all was over before it could begin; call again later",
    };
    Refusal::new(Code::Timeout, Stage::Resolve, message).with(Limit::DETAIL, by.as_str())
}

/// Breakers keep calls away from everybody who serves the tool.
#[must_use]
pub fn kept_away(tool: &str, wait: Duration) -> Refusal {
    refuse::nobody(tool, &order::Nobody::Unable(Some(order::Why::Breaker(wait))))
}

/// The runtime's own name in refusals and logs.
#[must_use]
pub fn name_of(runtime: &dyn Runtime) -> String {
    runtime.card().id.to_string()
}

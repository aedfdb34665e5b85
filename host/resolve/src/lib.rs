//! Stage: resolve. Takes an [`Approved`] call, gives a [`RoutedCall`] with the runtime that will run it and a place
//! in that runtime's queue. Refuses with SERVICE_UNAVAILABLE where no runtime serves the contract, and with
//! RESOURCE_EXHAUSTED where all that do are full.

mod again;
mod evidence;
mod roster;
mod times;

pub use again::again;
pub use evidence::{RoutedCall, admission, attempted};
pub use grid_approve::{Approved, CheckedCall, Consent, Decision};
pub use roster::{Admits, Barrier, Roster, Scope};
pub use times::Limit;

use std::{sync::Arc, time::Duration};

use grid_core::{Code, Refusal, Stage, clock::Clock, provider::Reason, runtime::Runtime};

use crate::{evidence::Place, times::Times};

/// When a caller may look again for a runtime.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The stage: among the runtimes that fulfil the contract for this session, the one with fewest calls in flight,
/// then the one that was idle longest.
///
/// # Errors
/// SERVICE_UNAVAILABLE, RESOURCE_EXHAUSTED; TIMEOUT where the caller's own deadline has passed.
pub fn route(roster: &Roster, clock: &Arc<dyn Clock>, call: Approved<CheckedCall>) -> Result<RoutedCall, Refusal> {
    let (call, consent) = call.into_parts();
    let permitted = call.call().call();
    let contract = permitted.contract();
    let session = permitted.call().session();
    let now_ms = clock.unix_ms();
    let times = Times::new(contract, permitted.call().request().deadline_unix_ms, now_ms, clock.elapsed())?;
    let mut full = false;
    loop {
        let chosen = roster.choose(contract, session, &[]);
        let Some(runtime) = chosen else { break };
        if runtime.card().load.enter(runtime.card().limit) {
            let place = Place::new(Arc::clone(&runtime), Arc::clone(clock));
            return Ok(RoutedCall::new(call, consent, place, now_ms, times));
        }
        // Somebody took its last place meanwhile. Another may still have room; if none has, all are full.
        full = true;
        if roster.all_full(contract, session) {
            break;
        }
    }
    let full = full || roster.any(contract, session);
    match roster.kept_away(contract, session).filter(|_| !full) {
        Some(wait) => Err(kept_away(contract.name(), wait)),
        None => Err(refuse(contract.name(), full)),
    }
}

fn refuse(tool: &str, full: bool) -> Refusal {
    if full {
        let message = format!("every runtime that serves `{tool}` is full; call again a little later");
        return Refusal::new(Code::ResourceExhausted, Stage::Resolve, message).retry_after(LOOK_AGAIN);
    }
    let message = format!("no runtime serves `{tool}` now; start one, or call again when it is back");
    Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message).retry_after(LOOK_AGAIN)
}

/// Breakers keep calls away from everybody who serves the tool.
#[must_use]
pub fn kept_away(tool: &str, wait: Duration) -> Refusal {
    let message = format!("every runtime that serves `{tool}` failed too often and gets no calls for a while; call again");
    let refusal = Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message).retry_after(wait);
    refusal.with(Reason::DETAIL, Reason::BreakerOpen.as_str()).with("sent", "false")
}

/// The runtime's own name in refusals and logs.
#[must_use]
pub fn name_of(runtime: &dyn Runtime) -> String {
    runtime.card().id.to_string()
}

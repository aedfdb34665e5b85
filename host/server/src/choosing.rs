//! A runtime for a call: whether its caller may name the provider, and the wait for a place.

use std::sync::Arc;

use grid_authorize::PermittedCall;
use grid_contract::Contracts;
use grid_core::{Code, Refusal, Stage};
use grid_dispatch::RoutedCall;
use grid_resolve::{Approved, CheckedCall};
use grid_session::Ticket;

use crate::host::Host;

/// Naming the provider of a call takes a role.
pub(crate) fn may_select<C: Contracts>(host: &Host<C>, call: &PermittedCall) -> Result<(), Refusal> {
    let session_call = call.call().call();
    let who = &session_call.context().principal;
    let role = &host.rules.select_role;
    // Whoever asks for somebody needs it, too.
    let lacks = [Some(who), session_call.via()].into_iter().flatten().find(|who| !who.has_role(role));
    let Some(lacking) = lacks.filter(|_| session_call.request().provider.is_some()) else { return Ok(()) };
    let message = format!("`{}` may not choose the provider of a call: it lacks the role `{role}`", lacking.id);
    Err(Refusal::new(Code::PermissionDenied, Stage::Resolve, message))
}

/// The stage, given up when somebody asks the call to stop or the host does.
pub(crate) async fn routed<C: Contracts>(
    host: &Arc<Host<C>>,
    call: Approved<CheckedCall>,
    ticket: &Ticket,
) -> Result<RoutedCall, Refusal> {
    tokio::select! {
        biased;
        routed = grid_resolve::route(&host.roster, &host.clock, call) => routed,
        () = ticket.cancelled().cancelled() => {
            let message = "the call was cancelled while it waited for a runtime; nothing ran";
            Err(Refusal::new(Code::Cancelled, Stage::Resolve, message))
        }
        () = host.stopping.cancelled() => {
            let message = "the host stops, and the call still waited for a runtime; nothing ran";
            Err(Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message))
        }
    }
}

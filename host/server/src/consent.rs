//! Where a person has to say yes: a call that a runtime runs waits here, one that its caller runs is told to come back.
//! That somebody was asked, and how it ended, is in the log before anything comes of it.

use std::{sync::Arc, time::Duration};

use grid_approve::{Approved, Asked, Asking, Checked, CheckedCall, DigestedCall, End, Ending, Judged, Needs, Request};
use grid_audit::Unavailable;
use grid_contract::Contracts;
use grid_core::{Code, Refusal, Stage, local::Waits};
use grid_session::Ticket;

use crate::{
    host::{Host, unwritable},
    trail::Trail,
};

/// How soon a caller that runs its call itself may ask again; sooner where less time is left.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What becomes of a call that its caller runs.
#[derive(Debug)]
pub(crate) enum Answer<T> {
    /// It may go on.
    Given(Approved<T>),
    /// Nobody has decided yet.
    Waits(Box<Waits>),
}

/// Holds a call until somebody has said yes. It holds no place at a runtime meanwhile.
pub(crate) async fn wait<C: Contracts>(
    host: &Arc<Host<C>>,
    judged: Judged<CheckedCall>,
    ticket: &Ticket,
    trail: &mut Trail,
) -> Result<Approved<CheckedCall>, Refusal> {
    let judged = match judged.go_on() {
        Ok(approved) => return Ok(approved),
        Err(judged) => *judged,
    };
    let request = match host.approvals.ask(&judged)? {
        Asking::New(request) => request,
        Asking::Allowed(approval) => return consume(host, approval, judged, trail),
        Asking::Over(refusal) => return Err(refusal),
        Asking::Waiting(asked) => return Err(asked_twice(&asked)),
    };
    let asked = Arc::clone(request.asked());
    let mut waiter = host.ask(request, trail).await?.open();
    let end = tokio::select! {
        biased;
        () = waiter.ended() => None,
        () = ticket.cancelled().cancelled() => Some(End::Cancelled),
        () = host.stopping.cancelled() => Some(End::Stopped),
        () = tokio::time::sleep(asked.time_left(host.clock.elapsed())) => Some(End::Expired),
    };
    if let Some(end) = end {
        match host.approvals.end(asked.approval(), end) {
            Some(ending) => host.conclude_wait(ending).await.map_err(|error| unwritable(&error))?,
            // Somebody was first, and is writing that down.
            None => waiter.ended().await,
        }
    }
    let approved = consume(host, asked.approval(), judged, trail)?;
    still_permitted(host, approved.call(), asked.need()).await?;
    Ok(approved)
}

/// Asks a person, or takes their yes; never waits for it.
pub(crate) async fn ask<C: Contracts>(
    host: &Arc<Host<C>>,
    judged: Judged<DigestedCall>,
    trail: &mut Trail,
) -> Result<Answer<DigestedCall>, Refusal> {
    let judged = match judged.go_on() {
        Ok(approved) => return Ok(Answer::Given(approved)),
        Err(judged) => *judged,
    };
    let asked = match host.approvals.ask(&judged)? {
        Asking::New(request) => {
            let asked = Arc::clone(request.asked());
            // Whoever decides wakes nobody: the caller comes back.
            drop(host.ask(request, trail).await?.open());
            asked
        }
        Asking::Waiting(asked) => asked,
        Asking::Allowed(approval) => return consume(host, approval, judged, trail).map(Answer::Given),
        Asking::Over(refusal) => return Err(refusal),
    };
    let left = asked.time_left(host.clock.elapsed());
    let message = format!(
        "a person with the role `{}` has to approve this call; ask for the same call again until they have",
        asked.need().role
    );
    let refusal = Refusal::new(Code::PermissionDenied, Stage::Approve, message)
        .with("approval_id", asked.approval().to_string())
        .with("expires_at_ms", asked.expires_at_ms().to_string())
        .with("role", asked.need().role.clone());
    Ok(Answer::Waits(Box::new(Waits {
        approval: asked.approval(),
        expires_at_ms: asked.expires_at_ms(),
        retry_after: ASK_AGAIN.min(left),
        refusal: trail.fill(refusal),
    })))
}

/// A denial that a repeat of the call hears too; what else ended the wait is not held against one.
pub(crate) fn is_kept(refusal: &Refusal) -> bool {
    refusal.code() == Code::PermissionDenied
}

/// People take their time, and a rule may read the time: what is not permitted any more does not go on, nor what needs
/// somebody else now.
async fn still_permitted<C: Contracts>(host: &Host<C>, call: &CheckedCall, met: &Needs) -> Result<(), Refusal> {
    let decision = host.authorize.judge(call.permitted(), Some(call.args())).await?;
    if decision.needs.is_none_or(|needs| *needs == *met) {
        return Ok(());
    }
    let message = "while the call waited, the rules came to ask for somebody else; call again under a new `call_id`";
    Err(Refusal::new(Code::PermissionDenied, Stage::Approve, message))
}

fn consume<C: Contracts, T: Checked>(
    host: &Host<C>,
    approval: grid_core::id::ApprovalId,
    judged: Judged<T>,
    trail: &mut Trail,
) -> Result<Approved<T>, Refusal> {
    trail.approval(approval);
    host.approvals.consume(approval, judged, host.authorize.epoch())
}

/// A call that was approved and finds nobody who runs it did not begin: it may use its approval when it is sent again.
pub(crate) fn unused<C: Contracts>(
    host: &Host<C>,
    approval: Option<grid_core::id::ApprovalId>,
    refusal: Refusal,
) -> Refusal {
    match approval.filter(|approval| host.approvals.give_back(*approval)) {
        Some(approval) => refusal.with("approval_id", approval.to_string()).with(
            "approval",
            "unused: send the same call with the same `call_id` while it lasts, and nobody is asked again",
        ),
        None => refusal,
    }
}

/// Cannot happen while a call_id is claimed by one call alone.
fn asked_twice(asked: &Asked) -> Refusal {
    let message = format!("`{}` waits for this very call; wait for that, or use a new `call_id`", asked.approval());
    Refusal::new(Code::MalformedRequest, Stage::Approve, message)
}

impl<C: Contracts> Host<C> {
    /// Writes down that somebody is asked.
    async fn ask(&self, request: Request, trail: &mut Trail) -> Result<Request, Refusal> {
        trail.approval(request.asked().approval());
        self.ledger.record(request.event()).await.map_err(|error| unwritable(&error))?;
        self.metrics.approval("requested");
        self.outlets.tell(request.asked());
        Ok(request)
    }

    /// Writes down how a wait ended; then whoever waits hears of it.
    pub(crate) async fn conclude_wait(&self, ending: Ending) -> Result<(), Unavailable> {
        self.ledger.record(ending.event(self.clock.unix_ms())).await?;
        self.metrics.approval(ending.verdict());
        ending.settle();
        Ok(())
    }

    /// Ends every wait whose time is over or whose rights are void.
    pub(crate) async fn settle_approvals(&self) {
        for ending in self.approvals.due() {
            if let Err(error) = self.conclude_wait(ending).await {
                tracing::error!(%error, "the end of an approval could not be recorded; it will be tried again");
            }
        }
    }
}

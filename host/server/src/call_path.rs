//! The path of a call, for every caller and every transport. There is no second one: it parts in two where a call that
//! may run is run, at a runtime ([`walk`]) or by its caller ([`grant`]). Each stage takes the evidence of the stage
//! before; leaving one out does not compile.

use std::sync::Arc;

use grid_adm::Digest;
use grid_authorize::PermittedCall;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, Envelope, TraceContext},
    id::{CallId, CorrelationId},
    outcome::CallAnswer,
};
use grid_dispatch::Outcome;
use grid_local::Issued;
use grid_session::{Claim, Ended, SessionRequest, Ticket};

use crate::{
    host::{Host, unwitnessed, unwritable},
    trail::Trail,
};

/// Why the path ended without the tool's answer.
#[derive(Debug)]
pub(crate) enum Stop {
    /// Before admission: still to be recorded.
    Refused(Refusal),
    /// After admission: recorded with its conclusion.
    Concluded(Refusal),
    /// The same call was asked before: this is how it ended then.
    Repeated(Box<Ended>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Walks the path to its end: the call ran at a runtime.
pub(crate) async fn walk<C: Contracts>(
    host: &Host<C>,
    credentials: &Credentials,
    envelope: Envelope,
    trail: &mut Trail,
) -> Result<CallAnswer, Stop> {
    let call = permitted(host, credentials, envelope, trail).await?;
    let call = trail.stage(Stage::Limits, || host.limits.enter(call))?;
    let call = trail.stage(Stage::Validate, || grid_validate::check(call))?;
    let call = trail.wait(Stage::Approve, grid_approve::judge(&host.authorize, call)).await?;

    let ticket = match claim(host, call.call().call(), call.call().digest()) {
        Claim::First(ticket) => ticket,
        other => return Err(repeat(other).await),
    };

    let call = call.go_on();
    let call = trail.stage(Stage::Resolve, || grid_resolve::route(&host.roster, &host.clock, call))?;
    trail.routed(&call);

    witnessed(host)?;
    let admission = host.ledger.admit(grid_resolve::admission(&call));
    let receipt = trail.wait(Stage::Audit, admission).await.map_err(|error| unwritable(&error))?;

    let outcome = grid_dispatch::run(call, receipt, ticket.cancelled(), &host.clock);
    let outcome = trail.wait(Stage::Dispatch, outcome).await;

    conclude(host, outcome, ticket, trail).await
}

/// Walks it to the admission, which is the grant: the caller may run the call itself. Nothing is routed.
pub(crate) async fn grant<C: Contracts>(
    host: &Arc<Host<C>>,
    credentials: &Credentials,
    envelope: Envelope,
    trail: &mut Trail,
) -> Result<Issued, Refusal> {
    let call = permitted(host, credentials, envelope, trail).await?;
    let call = trail.stage(Stage::Limits, || host.limits.enter(call))?;
    let call = trail.stage(Stage::Validate, || grid_validate::digested(call))?;
    let call = trail.wait(Stage::Approve, grid_approve::judge(&host.authorize, call)).await?;

    let Claim::First(ticket) = claim(host, call.call().call(), call.call().digest()) else {
        let message = "this `call_id` was used in the session before; give that grant back, or use a new one";
        return Err(Refusal::new(Code::MalformedRequest, Stage::Repeat, message));
    };

    let mut call = trail.stage(Stage::Local, || host.grants.hold(call.go_on(), ticket))?;
    trail.held(&call);

    witnessed(host)?;
    let admission = host.ledger.admit_proved(call.admission());
    let receipt = trail.wait(Stage::Audit, admission).await.map_err(|error| unwritable(&error))?;

    let opened = trail.stage(Stage::Local, || host.grants.open(call, &receipt));
    if opened.is_err() {
        // It ended while it was decided; the log has it as admitted, and has its end before anybody is told.
        host.settle_grants().await;
    }
    opened
}

/// What both ways have in common: who asks, in which session, for which contract, and whether they may.
async fn permitted<C: Contracts>(
    host: &Host<C>,
    credentials: &Credentials,
    mut envelope: Envelope,
    trail: &mut Trail,
) -> Result<PermittedCall, Refusal> {
    let caller = trail.wait(Stage::Identity, host.identity.prove_soon(credentials)).await?;
    trail.principal(caller.principal());
    // What a request says of its sender may not contradict what was proved; it is written down of whom.
    let claim = envelope.claim.take();
    trail.stage(Stage::Identity, || grid_identity::agree(caller.principal(), claim.as_ref()))?;

    let (correlation, trace) = (trail.correlation(), trail.handed_on(envelope.trace.take()));
    let (session_id, request) = trail.stage(Stage::Transport, || read(envelope, correlation, trace))?;
    let call = trail.stage(Stage::Session, || host.sessions.enter(caller, &session_id, request))?;
    trail.session(call.session());

    let call = trail.stage(Stage::Contract, || host.contracts.bind(call))?;
    trail.contract(call.contract());

    trail.wait(Stage::Authorize, host.authorize.permit(call)).await
}

/// The form of what does not depend on who asks.
fn read(
    envelope: Envelope,
    correlation: CorrelationId,
    trace: Option<Box<TraceContext>>,
) -> Result<(String, SessionRequest), Refusal> {
    let malformed = |message: &str| Refusal::new(Code::MalformedRequest, Stage::Transport, message);
    if envelope.streaming {
        let message = "results are not streamed by this host; call without `streaming`";
        return Err(Refusal::new(Code::FeatureUnavailable, Stage::Transport, message));
    }
    if !envelope.parent_invocation_id.is_empty() {
        let message = "calls with a parent invocation are not taken here; leave `parent_invocation_id` out";
        return Err(Refusal::new(Code::FeatureUnavailable, Stage::Transport, message));
    }
    let call_id = CallId::parse(&envelope.call_id)
        .map_err(|_| malformed("`call.call_id` must be 1 to 128 printable ASCII characters, not all blank"))?;
    let request = SessionRequest {
        correlation,
        call_id,
        name: envelope.name,
        args: envelope.args,
        deadline_unix_ms: envelope.deadline_unix_ms,
        unseen: envelope.unseen,
        trace,
    };
    Ok((envelope.session_id, request))
}

/// Nothing is admitted while the log waits for its witnesses, where the operator wants it so.
fn witnessed<C: Contracts>(host: &Host<C>) -> Result<(), Refusal> {
    if host.outlets.hold() { Err(unwitnessed()) } else { Ok(()) }
}

/// A call_id runs once in its session, whoever runs it.
fn claim<C: Contracts>(host: &Host<C>, call: &PermittedCall, args: Digest) -> Claim {
    let contracted = call.call();
    let session_call = contracted.call();
    let call_id = &session_call.request().call_id;
    session_call.session().claim(call_id, contracted.contract().name(), *args.as_bytes(), host.clock.elapsed())
}

async fn repeat(claim: Claim) -> Stop {
    let refused = |code, message: &str| Stop::Refused(Refusal::new(code, Stage::Repeat, message));
    match claim {
        Claim::Done(ended) => Stop::Repeated(ended),
        Claim::Joined(outcome) => match outcome.await {
            Ok(ended) => Stop::Repeated(Box::new(ended)),
            Err(_) => refused(Code::ServiceUnavailable, "the call that this one repeats was never run; send it again"),
        },
        Claim::Conflict => refused(
            Code::MalformedRequest,
            "this `call_id` was used in the session for another tool or other arguments; use a new one",
        ),
        Claim::Closed | Claim::First(_) => {
            refused(Code::InvalidSession, "the session has just ended; open a new one and call again")
        }
    }
}

/// Writes the conclusion down, then lets the outcome out. One that cannot be written is no success.
async fn conclude<C: Contracts>(
    host: &Host<C>,
    outcome: Outcome,
    ticket: Ticket,
    trail: &mut Trail,
) -> Result<CallAnswer, Stop> {
    let record = host.ledger.conclude(grid_dispatch::conclusion(&outcome, host.clock.unix_ms()));
    let written = trail.wait(Stage::Audit, record).await;
    let call = outcome.call();
    let request = call.call().call().call().call().request();
    let (correlation_id, call_id) = (request.correlation.clone(), request.call_id.clone());
    let (invocation_id, name) = (call.invocation(), call.contract().name().clone());
    let receipt = written.as_ref().ok().and_then(|stored| trail.receipt(stored.as_ref()));
    let result = match written {
        Ok(_) => outcome.into_result(),
        Err(error) => Err(unaudited(&error.to_string())),
    };
    let ended = match result {
        Ok(answer) => Ok(CallAnswer { invocation_id, correlation_id, call_id, name, answer, repeated: false, receipt }),
        Err(refusal) => Err(trail.fill(refusal).with_receipt(receipt)),
    };
    // What failed and may be run again is not held against a repeat.
    let keep = ended.as_ref().map_or_else(|refusal| !refusal.context().repeatable, |_| true);
    ticket.end(&ended, keep, host.clock.elapsed());
    ended.map_err(Stop::Concluded)
}

fn unaudited(why: &str) -> Refusal {
    let message = "the call ran, but its outcome could not be written down and is withheld; ask an operator";
    Refusal::new(Code::OutcomeUnaudited, Stage::Audit, message).because(why)
}

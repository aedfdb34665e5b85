//! The path of a call, for every caller and every transport. There is no second one: it parts in two where a call that
//! may run is run, at a runtime ([`walk`]) or by its caller ([`grant`]). Each stage takes the evidence of the stage
//! before; leaving one out does not compile.

use std::sync::Arc;

use grid_adm::Digest;
use grid_approve::{Checked, Consent, Decision};
use grid_authorize::PermittedCall;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Envelope, TraceContext},
    gate::Pass,
    id::{CallId, CorrelationId},
    local::Waits,
    outcome::{Attempt, CallAnswer, Carried},
};
use grid_dispatch::{Delivery, Outcome, RoutedCall};
use grid_local::{Held, Issued};
use grid_session::{Claim, Ended, SessionRequest, Ticket};

use crate::{
    asker::Asker,
    attempts::{self, Asked},
    choosing,
    consent::{self, Answer},
    host::{Host, unwitnessed, unwritable},
    nested::Nested,
    reusing::Reusing,
    streams,
    trail::Trail,
};

/// How often an admission that an invalidation overtook is decided anew before the call has to be sent again.
const ADMISSIONS: usize = 3;

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

/// What becomes of a call that its caller would run.
#[derive(Debug)]
pub(crate) enum Granting {
    /// It may.
    Issued(Box<Issued>),
    /// A person has to say so first.
    Waits(Box<Waits>),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Walks the path to its end: the call ran at a runtime.
pub(crate) async fn walk<C: Contracts>(
    host: &Arc<Host<C>>,
    asker: &Asker,
    mut envelope: Envelope,
    trail: &mut Trail,
    delivery: Option<&mut Delivery>,
) -> Result<CallAnswer, Stop> {
    let begun = host.authorize.epoch();
    envelope.streaming &= delivery.is_none();
    let call = permitted(host, asker, envelope, false, trail).await?;
    trail.stage(Stage::Resolve, || choosing::may_select(host, &call))?;
    let call = trail.wait(Stage::Limits, host.limits.enter(call)).await?;
    let call = trail.stage(Stage::Validate, || grid_validate::check(call))?;
    let call = trail.wait(Stage::Approve, grid_approve::judge(&host.authorize, call)).await?;

    let ticket = match claim(host, asker, call.call().permitted(), call.call().digest()) {
        Claim::First(ticket) => ticket,
        other => {
            host.limits.unspent(call.call().permitted());
            return Err(repeat(other, asker).await);
        }
    };
    let _watch = delivery.as_deref().map(|delivery| streams::watch(&host.tasks, delivery, &ticket));
    let call = match consent::wait(host, call, &ticket, trail).await {
        Ok(call) => call,
        Err(refusal) => return Err(unwanted(host, refusal, ticket, trail)),
    };
    trail.thought();
    let approval = call.consent().approval;
    let routed = trail.wait(Stage::Resolve, choosing::routed(host, call, &ticket)).await;
    let mut call = routed.map_err(|refusal| consent::unused(host, approval, refusal))?;
    let reusing = Reusing::look(host, &call);
    let pass = if reusing.is_found() { None } else { host.guard.pass(&host.roster, &mut call).await? };
    trail.routed(&call);

    witnessed(host)?;
    let mut attempts = 0..ADMISSIONS;
    let receipt = loop {
        renew(host, asker, begun, &mut call).await?;
        let admission = host.ledger.admit(reusing.told(grid_resolve::admission(&call)));
        match trail.wait(Stage::Audit, admission).await {
            Ok(receipt) => break receipt,
            Err(error) if error.is_overtaken() && attempts.next().is_some() => {}
            Err(error) => return Err(unwritable(&error).into()),
        }
    };

    let (outcome, tried) = match reusing.found() {
        Some(kept) => (Outcome::reused(call, receipt, kept, |decision| host.authorize.begin(decision)), Vec::new()),
        None => {
            let asked = Asked { host, asker, begun, ticket: &ticket };
            let _away = (asker.pass().map(Pass::stand_back), host.lineages.enter(&call, asker));
            attempts::carry_out(&asked, call, receipt, pass, trail, delivery).await
        }
    };
    let answer = conclude(host, outcome, tried, ticket, trail).await?;
    reusing.keep(host, &answer);
    Ok(answer)
}

/// Walks it to the admission, which is the grant: the caller may run the call itself. Nothing is routed.
pub(crate) async fn grant<C: Contracts>(
    host: &Arc<Host<C>>,
    asker: &Asker,
    envelope: Envelope,
    trail: &mut Trail,
) -> Result<Granting, Refusal> {
    let begun = host.authorize.epoch();
    let call = permitted(host, asker, envelope, true, trail).await?;
    let call = trail.stage(Stage::Limits, || host.limits.enter_local(call))?;
    let call = trail.stage(Stage::Validate, || grid_validate::digested(call))?;
    let call = trail.wait(Stage::Approve, grid_approve::judge(&host.authorize, call)).await?;

    let Claim::First(ticket) = claim(host, asker, call.call().permitted(), call.call().digest()) else {
        host.limits.unspent(call.call().permitted());
        let message = "this `call_id` was used in the session before; give that grant back, or use a new one";
        return Err(Refusal::new(Code::MalformedRequest, Stage::Repeat, message));
    };

    let call = match consent::ask(host, call, trail).await? {
        Answer::Given(call) => call,
        // The ticket goes back with this: the same call is asked again.
        Answer::Waits(waits) => return Ok(Granting::Waits(waits)),
    };
    let mut call = trail.stage(Stage::Local, || host.grants.hold(call, ticket))?;
    trail.held(&call);

    witnessed(host)?;
    let mut attempts = 0..ADMISSIONS;
    let receipt = loop {
        renew(host, asker, begun, &mut call).await?;
        let admission = host.ledger.admit_proved(call.admission());
        match trail.wait(Stage::Audit, admission).await {
            Ok(receipt) => break receipt,
            Err(error) if error.is_overtaken() && attempts.next().is_some() => {}
            Err(error) => return Err(unwritable(&error)),
        }
    };

    let opened = trail.stage(Stage::Local, || host.grants.open(call, &receipt));
    if opened.is_err() {
        // It ended while it was decided; the log has it as admitted, and has its end before anybody is told.
        host.settle_grants().await;
    }
    opened.map(|issued| Granting::Issued(Box::new(issued)))
}

/// Nobody said yes. Those who sent the same call hear so too.
fn unwanted<C: Contracts>(host: &Host<C>, refusal: Refusal, ticket: Ticket, trail: &Trail) -> Stop {
    let keep = consent::is_kept(&refusal);
    ticket.end(&Err(trail.fill(refusal.clone())), keep, host.clock.elapsed());
    Stop::Refused(refusal)
}

/// What both ways have in common: who asks, in which session, for which contract, and whether they may.
async fn permitted<C: Contracts>(
    host: &Host<C>,
    asker: &Asker,
    mut envelope: Envelope,
    local: bool,
    trail: &mut Trail,
) -> Result<PermittedCall, Refusal> {
    let caller = trail.wait(Stage::Identity, asker.prove_soon(&host.identity)).await?;
    trail.principal(caller.principal());
    // What a request says of its sender may not contradict what was proved; it is written down of whom.
    let claim = envelope.claim.take();
    trail.stage(Stage::Identity, || grid_identity::agree(caller.principal(), claim.as_ref()))?;
    trail.stage(Stage::Limits, || host.limits.may_ask(asker.sender().unwrap_or(caller.principal())))?;
    if let Some(nested) = asker.nested() {
        trail.stage(Stage::Link, || nested.admits(&envelope))?;
    }

    let (correlation, trace) = (trail.correlation(), trail.handed_on(envelope.trace.take()));
    let (session_id, request) = trail.stage(Stage::Transport, || read(envelope, asker, correlation, trace))?;
    let call = trail.stage(Stage::Session, || host.sessions.enter(caller, &session_id, request))?;
    trail.session(call.session());

    let call = trail.stage(Stage::Contract, || host.contracts.bind(call))?;
    trail.contract(call.contract());

    trail.wait(Stage::Authorize, host.authorize.permit(call, local)).await
}

/// The form of what does not depend on who asks.
fn read(
    envelope: Envelope,
    asker: &Asker,
    correlation: CorrelationId,
    trace: Option<Box<TraceContext>>,
) -> Result<(String, SessionRequest), Refusal> {
    let malformed = |message: &str| Refusal::new(Code::MalformedRequest, Stage::Transport, message);
    if envelope.streaming {
        let message =
            "one answer has no room for a stream; send the call with `StreamToolCall`, or without `streaming`";
        return Err(Refusal::new(Code::FeatureUnavailable, Stage::Transport, message));
    }
    let parent = asker.nested().map(Nested::parent);
    if parent.is_none() && !envelope.parent_invocation_id.is_empty() {
        let message = "only runtimes call for an execution; leave `parent_invocation_id` out";
        return Err(Refusal::new(Code::FeatureUnavailable, Stage::Transport, message));
    }
    let call_id = CallId::parse(&envelope.call_id)
        .map_err(|_| malformed("`call.call_id` must be 1 to 128 printable ASCII characters, not all blank"))?;
    let request = SessionRequest {
        correlation,
        call_id,
        name: envelope.name,
        args: envelope.args,
        provider: Some(envelope.provider).filter(|name| !name.is_empty()).map(Arc::from),
        deadline_unix_ms: envelope.deadline_unix_ms,
        unseen: envelope.unseen,
        trace,
        parent,
    };
    Ok((envelope.session_id, request))
}

/// A call whose decision may have been made void on its way.
pub(crate) trait Renewable {
    fn checked(&self) -> (&PermittedCall, Option<&str>);
    fn consent(&self) -> &Consent;
    fn renew(&mut self, decision: Decision) -> Result<(), Box<Decision>>;
}

impl Renewable for RoutedCall {
    fn checked(&self) -> (&PermittedCall, Option<&str>) {
        (self.call().permitted(), Checked::args(self.call()))
    }

    fn consent(&self) -> &Consent {
        self.consent()
    }

    fn renew(&mut self, decision: Decision) -> Result<(), Box<Decision>> {
        self.renew(decision)
    }
}

impl Renewable for Held {
    fn checked(&self) -> (&PermittedCall, Option<&str>) {
        (self.call().permitted(), Checked::args(self.call()))
    }

    fn consent(&self) -> &Consent {
        self.consent()
    }

    fn renew(&mut self, decision: Decision) -> Result<(), Box<Decision>> {
        self.renew(decision)
    }
}

/// What an invalidation or another policy set overtook is decided again. It has to be permitted as it was, without
/// anybody who has to be asked; and who asks has to be proved again, because what proved them may have been revoked since
/// the epoch in which the request `begun`.
pub(crate) async fn renew<C: Contracts>(
    host: &Host<C>,
    asker: &Asker,
    begun: u64,
    call: &mut (impl Renewable + Sync),
) -> Result<(), Refusal> {
    let anew = match host.authorize.holds(&call.consent().decision) {
        true => None,
        false => {
            let (permitted, args) = call.checked();
            Some(host.authorize.judge(permitted, args).await?)
        }
    };
    if anew.as_ref().map_or(call.consent().decision.epoch, |decision| decision.epoch) != begun {
        // The decision is of its epoch, and proofs are revoked before an epoch begins: this sees all of them. The call
        // gets the decision only then, or it could still begin by it.
        asker.prove(&host.identity)?;
    }
    let Some(decision) = anew else { return Ok(()) };
    call.renew(decision).map_err(|_| {
        let message = "rights changed while the call waited for consent, which ends with them; ask again";
        Refusal::new(Code::PermissionDenied, Stage::Approve, message)
    })
}

/// Nothing is admitted while the log waits for its witnesses, where the operator wants it so.
fn witnessed<C: Contracts>(host: &Host<C>) -> Result<(), Refusal> {
    if host.outlets.hold() { Err(unwitnessed()) } else { Ok(()) }
}

/// A call_id runs once in its session, whoever runs it.
fn claim<C: Contracts>(host: &Host<C>, asker: &Asker, call: &PermittedCall, args: Digest) -> Claim {
    let contracted = call.call();
    let session_call = contracted.call();
    let call_id = &session_call.request().call_id;
    let (session, tool, now) = (session_call.session(), contracted.contract().name(), host.clock.elapsed());
    match asker.nested() {
        None => session.claim(call_id, tool, *args.as_bytes(), now),
        Some(nested) => session.claim_under((nested.parent(), nested.over()), call_id, tool, *args.as_bytes(), now),
    }
}

async fn repeat(claim: Claim, asker: &Asker) -> Stop {
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
        Claim::Closed if asker.nested().is_some_and(|nested| nested.over().is_cancelled()) => {
            refused(Code::Cancelled, "the execution that this call is for has ended, or took it back; nothing ran")
        }
        Claim::Closed | Claim::First(_) => {
            refused(Code::InvalidSession, "the session has just ended; open a new one and call again")
        }
    }
}

/// Writes the conclusion down, then lets the outcome out. One that cannot be written is no success.
async fn conclude<C: Contracts>(
    host: &Host<C>,
    outcome: Outcome,
    tried: Vec<Attempt>,
    ticket: Ticket,
    trail: &mut Trail,
) -> Result<CallAnswer, Stop> {
    let record = host.ledger.conclude(grid_dispatch::conclusion(&outcome, host.clock.unix_ms()));
    let written = trail.wait(Stage::Audit, record).await;
    let call = outcome.call();
    let request = call.call().call().call().call().request();
    let (correlation_id, call_id) = (request.correlation.clone(), request.call_id.clone());
    let (invocation_id, name) = (call.invocation(), call.contract().name().clone());
    let carried = Carried {
        provider: Some(Arc::from(call.runtime().card().provider())),
        attempts: if outcome.reuses().is_some() { 0 } else { call.attempt() },
        reused: outcome.reuses().is_some(),
        tried: attempts::disclosed(host.authorize.disclosure(), tried),
    };
    let receipt = written.as_ref().ok().and_then(|stored| trail.receipt(stored.as_ref()));
    let result = match written {
        Ok(_) => outcome.into_result(),
        Err(error) => Err(unaudited(&error.to_string())),
    };
    let ended = match result {
        Ok(answer) => {
            let repeated = false;
            Ok(CallAnswer { invocation_id, correlation_id, call_id, name, answer, carried, repeated, receipt })
        }
        Err(refusal) => {
            let carried = Carried { provider: None, ..carried };
            Err(trail.fill(refusal).with_receipt(receipt).carried(carried))
        }
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

//! A call's attempts. It is handed to one runtime after the other, as far as its contract's effect and its time permit:
//! `pure` and `read` may run again, a `write` only where it was certainly not sent. Every further hand-over is durable
//! before its runtime can see it. One call has one admission and one conclusion, whatever the number of attempts.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use grid_authorize::Disclosure;
use grid_breaker::Pass;
use grid_contract::{Contracts, Retry};
use grid_core::{
    Code, Refusal, Stage,
    code::Fault,
    event::{Event, Kind},
    id::{CallId, ConnectionId},
    outcome::{Attempt, Ended, ToolAnswer},
    runtime::{Card, Runtime},
};
use grid_dispatch::{Beside, Delivery, Outcome, Receipt, RoutedCall, Stop};
use grid_session::Ticket;

use crate::{asker::Asker, call_path::renew, host::Host, trail::Trail};

/// Of contracts that do not say otherwise.
const USUAL: Retry = Retry { attempts: 2, first: Duration::from_millis(100), most: Duration::from_secs(10) };

/// Who asked for the call, and how it is asked to stop.
#[derive(Debug)]
pub(crate) struct Asked<'a, C> {
    pub(crate) host: &'a Arc<Host<C>>,
    pub(crate) asker: &'a Asker,
    /// The epoch in which the request began.
    pub(crate) begun: u64,
    pub(crate) ticket: &'a Ticket,
}

/// What a contract permits.
#[derive(Debug, Clone, Copy)]
struct Policy {
    retry: Retry,
    /// A second run does no harm.
    repeatable: bool,
    /// The contract itself asks for so many attempts: where there are fewer runtimes, the same ones get it again.
    asked: bool,
}

/// Where the call was.
#[derive(Debug, Default)]
struct Tried {
    all: Vec<ConnectionId>,
    /// Those that may still answer: a second hand-over there could be answered by the first one's result.
    open: Vec<ConnectionId>,
    /// For the caller.
    told: Vec<Attempt>,
}

/// The runtime that was asked beside the first.
#[derive(Debug)]
struct Second {
    runtime: Arc<dyn Runtime>,
    pass: Option<Pass>,
}

impl Policy {
    fn of(call: &RoutedCall) -> Self {
        let contract = call.contract();
        let own = contract.conduct().retry;
        Self { retry: own.unwrap_or(USUAL), repeatable: contract.effect().is_repeatable(), asked: own.is_some() }
    }

    /// An attempt can follow the one of this number.
    fn may_follow(&self, attempt: u32) -> bool {
        attempt < self.retry.attempts
    }

    /// An attempt may follow one that ended so.
    fn permits(&self, refusal: &Refusal) -> bool {
        let code = refusal.code();
        let elsewhere = code.facts().fault == Fault::Runtime && !code.security();
        elsewhere && (self.repeatable || is_unsent(refusal))
    }

    /// The wait before the attempt after the one of this number: twice as long each time, and any part of that, so that
    /// calls that failed together do not come back together. Which part, their names say.
    fn wait(&self, attempt: u32, call_id: &CallId) -> Duration {
        let doubled = self.retry.first.saturating_mul(1_u32.checked_shl(attempt.saturating_sub(1)).unwrap_or(u32::MAX));
        let most = doubled.min(self.retry.most);
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let mut part = DefaultHasher::new();
        (call_id.as_str(), attempt).hash(&mut part);
        Duration::from_nanos(part.finish() % nanos.saturating_add(1).max(1))
    }
}

/// Carries the call out, in as many attempts as it needs and may have, which come with the outcome.
pub(crate) async fn carry_out<C: Contracts>(
    asked: &Asked<'_, C>,
    mut call: RoutedCall,
    mut receipt: Receipt,
    mut pass: Option<Pass>,
    trail: &mut Trail,
    mut delivery: Option<&mut Delivery>,
) -> (Outcome, Vec<Attempt>) {
    let host = asked.host;
    let began = host.clock.elapsed();
    let policy = Policy::of(&call);
    let mut tried = Tried::default();
    // Where this is refused, dispatch is too, and the conclusion says so. Further attempts are decided anew before they
    // are on record.
    let _ = renew(host, asked.asker, asked.begun, &mut call).await;
    loop {
        call.keep_for_another(policy.may_follow(call.attempt()));
        let to = delivery.as_deref_mut();
        let (outcome, last) = attempt(asked, call, receipt, (pass.take(), to), &mut tried, trail).await;
        host.guard.report(&host.roster, last, &outcome);
        let took = |outcome: Outcome| outcome.taking(host.clock.elapsed().saturating_sub(began));
        let follows = |refusal: &Refusal| policy.permits(refusal) && policy.may_follow(outcome.call().attempt());
        // Who has a part of one runtime's result cannot use another's.
        let begun = delivery.as_deref().is_some_and(Delivery::has_begun);
        if begun || !outcome.result().as_ref().is_err_and(follows) {
            return (took(outcome), tried.told);
        }
        match again(asked, policy, &mut tried, outcome, trail).await {
            Ok(next) => (call, receipt, pass) = *next,
            Err(outcome) => return (took(*outcome), tried.told),
        }
    }
}

/// One attempt, or two at once; and the pass of whoever it ended with.
async fn attempt<C: Contracts>(
    asked: &Asked<'_, C>,
    mut call: RoutedCall,
    receipt: Receipt,
    (pass, delivery): (Option<Pass>, Option<&mut Delivery>),
    tried: &mut Tried,
    trail: &mut Trail,
) -> (Outcome, Option<Pass>) {
    let host = asked.host;
    let begin = |decision: &grid_dispatch::Decision| host.authorize.begin(decision);
    let stop = Stop { asked: asked.ticket.cancelled(), why: asked.ticket.why() };
    let Some(after) = call.contract().conduct().hedge.filter(|_| call.attempt() == 1 && delivery.is_none()) else {
        let outcome = grid_dispatch::run(call, receipt, stop, &host.clock, delivery, begin);
        let outcome = trail.wait(Stage::Dispatch, outcome).await;
        tried.tell(outcome.call().runtime().card(), ended(outcome.result()));
        return (outcome, pass);
    };
    call.keep_for_another(true);
    let runtime = Arc::clone(call.runtime());
    let first = runtime.card().connection;
    let other = Mutex::new(None);
    let outcome = {
        let second = async |call: &RoutedCall| beside(host, call, first, &other).await;
        let outcome = grid_dispatch::run_hedged(call, receipt, stop, &host.clock, begin, (after, second));
        trail.wait(Stage::Dispatch, outcome).await
    };
    let other = other.into_inner().unwrap_or_else(PoisonError::into_inner);
    let end = ended(outcome.result());
    let Some(other) = other.filter(|_| outcome.call().attempt() > 1) else {
        tried.tell(runtime.card(), end);
        return (outcome, pass);
    };
    // Both end with the call; one that failed before it did so by itself.
    let loser = match (outcome.failed_beside(), end) {
        (Some(code), _) | (None, Ended::Failed(code)) => Ended::Failed(code),
        (None, _) => Ended::Overtaken,
    };
    let is_first = outcome.call().runtime().card().connection == first;
    if outcome.answered_beside() {
        let mut record = asked.host.event(Kind::LateResult, &trail.correlation());
        record.invocation = Some(outcome.call().invocation());
        note_late(asked.host, record, if is_first { &other.runtime } else { &runtime }).await;
    }
    let (of_first, of_other) = if is_first { (end, loser) } else { (loser, end) };
    tried.tell(runtime.card(), of_first);
    tried.tell(other.runtime.card(), of_other);
    if is_first {
        return (outcome, pass);
    }
    // The first one may still answer, too late.
    tried.all.push(first);
    tried.open.push(first);
    trail.routed(outcome.call());
    (outcome, other.pass)
}

/// An answer that came with another one to the same call is late, though its line did not know.
async fn note_late<C: Contracts>(host: &Host<C>, record: Event, runtime: &Arc<dyn Runtime>) {
    let card = runtime.card();
    let (runtime, connection) = (Some(card.id.clone()), Some(card.connection));
    host.ledger.note(Event { runtime, connection, ..record }).await;
}

/// A second runtime for a call that the first one has, on record.
async fn beside<C: Contracts>(
    host: &Arc<Host<C>>,
    call: &RoutedCall,
    first: ConnectionId,
    other: &Mutex<Option<Second>>,
) -> Option<Beside> {
    let beside = grid_resolve::route_beside(&host.roster, call, &[first]).await.ok()?;
    let entered = host.guard.enter_at(call, beside.runtime().card()).ok()?;
    let second = Second { runtime: Arc::clone(beside.runtime()), pass: entered };
    *other.lock().unwrap_or_else(PoisonError::into_inner) = Some(second);
    let record = Event {
        detail: Some("beside the runtime before, which was silent".to_owned()),
        ..grid_resolve::hedged(call, &beside, host.clock.unix_ms())
    };
    host.ledger.record(record).await.ok()?;
    host.metrics.attempted("hedge");
    Some(beside)
}

type Next = (RoutedCall, Receipt, Option<Pass>);

/// Another runtime, a wait where it is due, and a record of it.
async fn again<C: Contracts>(
    asked: &Asked<'_, C>,
    policy: Policy,
    tried: &mut Tried,
    outcome: Outcome,
    trail: &mut Trail,
) -> Result<Box<Next>, Box<Outcome>> {
    let host = asked.host;
    let (mut call, receipt, refusal) = outcome.into_attempt()?;
    tried.note(call.runtime().card().connection, &refusal);
    let elsewhere = host.roster.other(call.contract(), call.session(), &tried.all, None);
    let call_id = &call.call().call().call().call().request().call_id;
    let wait = if elsewhere && is_unsent(&refusal) { Duration::ZERO } else { policy.wait(call.attempt(), call_id) };
    if wait >= call.total_left() {
        return Err(Box::new(Outcome::of_attempt(call, receipt, refusal)));
    }
    if !wait.is_zero() {
        tokio::select! {
            biased;
            () = asked.ticket.cancelled().cancelled() => {
                return Err(Box::new(Outcome::of_attempt(call, receipt, cancelled(&refusal, asked.ticket))));
            }
            () = tokio::time::sleep(wait) => {}
        }
    }
    // Where those who could have it are full, it waits in their line as any call does.
    let found = tokio::select! {
        biased;
        () = asked.ticket.cancelled().cancelled() => None,
        found = find(host, policy, tried, &mut call) => found,
    };
    let Some(pass) = found else {
        let is_cancelled = asked.ticket.cancelled().is_cancelled();
        let refusal = if is_cancelled { cancelled(&refusal, asked.ticket) } else { refusal };
        return Err(Box::new(Outcome::of_attempt(call, receipt, refusal)));
    };
    if let Err(refused) = renew(host, asked.asker, asked.begun, &mut call).await {
        return Err(Box::new(Outcome::of_attempt(call, receipt, refused)));
    }
    call.begin_attempt();
    let record = Event {
        code: Some(refusal.code()),
        detail: Some(format!("after an attempt that ended so: {}", refusal.internal().unwrap_or(refusal.message()))),
        ..grid_resolve::attempted(&call, host.clock.unix_ms())
    };
    if let Err(error) = trail.wait(Stage::Audit, host.ledger.record(record)).await {
        tracing::error!(%error, "a further attempt could not be recorded, so it is not made");
        return Err(Box::new(Outcome::of_attempt(call, receipt, refusal)));
    }
    host.metrics.attempted("retry");
    trail.routed(&call);
    Ok(Box::new((call, receipt, pass)))
}

/// Moves the call to a runtime that was not tried yet, or to one that was where the contract asks for more attempts than
/// there are runtimes.
async fn find<C: Contracts>(
    host: &Host<C>,
    policy: Policy,
    tried: &mut Tried,
    call: &mut RoutedCall,
) -> Option<Option<Pass>> {
    let mut avoid = tried.all.clone();
    let mut same = policy.asked;
    loop {
        if grid_resolve::route_again(&host.roster, call, &avoid).await.is_ok() {
            match host.guard.enter(call) {
                Ok(pass) => return Some(pass),
                Err(_) => {
                    let kept_away = call.runtime().card().connection;
                    avoid.push(kept_away);
                    tried.open.push(kept_away);
                }
            }
        } else if std::mem::take(&mut same) {
            avoid.clone_from(&tried.open);
        } else {
            return None;
        }
    }
}

impl Tried {
    fn tell(&mut self, card: &Card, ended: Ended) {
        self.told.push(Attempt { provider: Arc::from(card.provider()), runtime: Some(card.id.clone()), ended });
    }

    fn note(&mut self, connection: ConnectionId, refusal: &Refusal) {
        self.all.push(connection);
        if refusal.code() == Code::Timeout && !is_unsent(refusal) {
            self.open.push(connection);
        }
    }
}

/// What a caller may know of those who had the call: all of it, no more than their providers, or nothing.
pub(crate) fn disclosed(disclosure: Disclosure, tried: Vec<Attempt>) -> Vec<Attempt> {
    match disclosure {
        Disclosure::Full => tried,
        Disclosure::Rule => tried.into_iter().map(|attempt| Attempt { runtime: None, ..attempt }).collect(),
        Disclosure::None => Vec::new(),
    }
}

fn ended(result: &Result<ToolAnswer, Refusal>) -> Ended {
    match result {
        Ok(ToolAnswer::Success(_) | ToolAnswer::Streamed(_)) => Ended::Success,
        Ok(ToolAnswer::Error { .. }) => Ended::ToolError,
        Err(refusal) => Ended::Failed(refusal.code()),
    }
}

/// Nothing ran: the frame was never handed over.
fn is_unsent(refusal: &Refusal) -> bool {
    refusal.details().iter().any(|(key, value)| *key == "sent" && value == "false")
}

fn cancelled(last: &Refusal, ticket: &Ticket) -> Refusal {
    let code = last.code();
    let message =
        format!("the call was cancelled while it waited to be tried again; its last attempt ended with {code}");
    let refusal = Refusal::new(Code::Cancelled, Stage::Dispatch, message);
    match ticket.why().get() {
        Some(why) => refusal.because(&**why),
        None => refusal,
    }
}

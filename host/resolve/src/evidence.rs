//! Evidence that a call has a runtime and a place there.

use std::{sync::Arc, time::Duration};

use grid_approve::{CheckedCall, Consent, Contract, Decision, Session};
use grid_core::{
    clock::Clock,
    event::{Event, Kind},
    frame::CallFrame,
    id::InvocationId,
    provider::Rule,
    runtime::Runtime,
};

use crate::{
    limit::{Limit, Times},
    table::Seat,
};

/// A place in a runtime's queue, given back when the call is over.
#[derive(Debug)]
pub(crate) struct Place {
    seat: Arc<Seat>,
    clock: Arc<dyn Clock>,
    rule: Rule,
    failed: bool,
    /// Nobody is told that it is free again.
    quiet: bool,
    left: bool,
}

impl Place {
    /// Of a seat that was entered.
    pub(crate) fn new(seat: Arc<Seat>, clock: Arc<dyn Clock>, rule: Rule) -> Self {
        Self { seat, clock, rule, failed: false, quiet: false, left: false }
    }

    /// Goes back without a call. Whoever holds it looks after those who wait.
    pub(crate) fn unused(mut self) {
        self.quiet = true;
    }
}

impl Place {
    fn leave(&mut self) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        self.seat.leave(self.clock.elapsed(), self.failed);
        if !self.quiet {
            self.seat.provider.line.given_back();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A place at a second runtime for a call that has one, given back with this.
#[derive(Debug)]
pub struct Beside(pub(crate) Place);

impl Beside {
    /// The second runtime.
    #[must_use]
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.0.seat.runtime
    }
}

/// A call with its runtime. Only this crate makes one.
#[derive(Debug)]
pub struct RoutedCall {
    call: CheckedCall,
    consent: Consent,
    invocation: InvocationId,
    place: Place,
    times: Times,
    routed_at_ms: u64,
    routed_at: Duration,
    /// Of this attempt.
    timeout: Duration,
    limit: Limit,
    attempt: u32,
    /// Another attempt may follow, and needs the arguments.
    keep: bool,
}

impl RoutedCall {
    /// Now is the wall clock's and the clock's; `times` begin then, so that the first attempt has all that its contract says.
    pub(crate) fn new(
        call: CheckedCall,
        consent: Consent,
        mut place: Place,
        (routed_at_ms, routed_at): (u64, Duration),
        times: Times,
    ) -> Self {
        place.failed = true;
        let (timeout, limit) = times.attempt(routed_at);
        let (invocation, attempt, keep) = (InvocationId::mint(), 1, false);
        Self { call, consent, invocation, place, times, routed_at_ms, routed_at, timeout, limit, attempt, keep }
    }

    /// Minted with the choice.
    #[must_use]
    pub fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// The runtime that will run it.
    #[must_use]
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.place.seat.runtime
    }

    /// The provider that was chosen.
    #[must_use]
    pub fn provider(&self) -> &Arc<str> {
        &self.place.seat.provider.name
    }

    /// By which rule.
    #[must_use]
    pub fn chosen_by(&self) -> Rule {
        self.place.rule
    }

    /// Puts another place in place of its own, which goes back.
    pub(crate) fn moved(&mut self, mut place: Place) {
        place.failed = true;
        self.place = place;
        (self.routed_at_ms, self.routed_at) = (self.place.clock.unix_ms(), self.place.clock.elapsed());
        (self.timeout, self.limit) = self.times.attempt(self.routed_at);
    }

    /// The runtime that was asked beside its own gave the answer; its own place goes back.
    pub fn won_by(&mut self, beside: Beside) {
        self.moved(beside.0);
    }

    /// It needs no runtime after all: the place there goes back at once.
    pub fn stand_down(&mut self) {
        self.place.failed = false;
        self.place.leave();
    }

    /// Which runtime in turn it is handed to, from 1 on.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The next attempt begins.
    pub fn begin_attempt(&mut self) {
        self.attempt += 1;
    }

    /// Whether another attempt may follow, so that the arguments are kept for it; otherwise they move into the frame.
    pub fn keep_for_another(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// Which limit [`RoutedCall::timeout`] is.
    #[must_use]
    pub fn limit(&self) -> Limit {
        self.limit
    }

    /// What is left of its time, all attempts together.
    #[must_use]
    pub fn total_left(&self) -> Duration {
        self.times.left(self.place.clock.elapsed())
    }

    pub(crate) fn clock(&self) -> &Arc<dyn Clock> {
        &self.place.clock
    }

    /// How long this attempt may take from when it was routed.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// What is left of that; writing the admission down takes its part.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        let gone = self.place.clock.elapsed().saturating_sub(self.routed_at);
        self.timeout.saturating_sub(gone)
    }

    /// The host's contract.
    #[must_use]
    pub fn contract(&self) -> &Arc<Contract> {
        self.call.call().call().contract()
    }

    /// The caller's session.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        self.call.call().call().call().session()
    }

    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &CheckedCall {
        &self.call
    }

    /// Why it may run.
    #[must_use]
    pub fn consent(&self) -> &Consent {
        &self.consent
    }

    /// Puts a later decision in place of one that was made void; see [`Consent::renew`].
    ///
    /// # Errors
    /// The decision, where it is not enough.
    pub fn renew(&mut self, decision: Decision) -> Result<(), Box<Decision>> {
        self.consent.renew(decision)
    }

    /// The frame for the runtime. The arguments move into it; nothing is copied but where another attempt may follow.
    #[must_use]
    pub fn frame(&mut self) -> CallFrame {
        let keep = self.keep;
        let args = if keep { self.call.args().to_owned() } else { self.call.take_args() };
        let session_call = self.call.call_mut().call_mut().call_mut();
        let trace = if keep { session_call.request().trace.clone() } else { session_call.take_trace() };
        let request = session_call.request();
        CallFrame {
            invocation_id: self.invocation,
            correlation_id: request.correlation.clone(),
            session_id: session_call.session().id(),
            call_id: request.call_id.clone(),
            name: Arc::clone(self.contract().name()),
            args,
            deadline_unix_ms: self.deadline_ms(),
            trace,
            streaming: false,
        }
    }

    /// The tool answered; the runtime is not to blame for what follows.
    pub fn succeeded(&mut self) {
        self.place.failed = false;
    }

    /// When it has to end, all attempts together, in milliseconds since 1970.
    #[must_use]
    pub fn ends_ms(&self) -> u64 {
        later(self.place.clock.unix_ms(), self.total_left())
    }

    /// Of this attempt.
    fn deadline_ms(&self) -> u64 {
        later(self.routed_at_ms, self.timeout)
    }

    /// The ids that every record of this call carries.
    #[must_use]
    pub fn event(&self, kind: Kind, at_ms: u64) -> Event {
        let session_call = self.call.call().call().call();
        let request = session_call.request();
        Event {
            principal: Some(Arc::clone(&session_call.context().principal)),
            session: Some(session_call.session().id()),
            invocation: Some(self.invocation),
            call_id: Some(request.call_id.clone()),
            tool: Some(Arc::clone(self.contract().name())),
            runtime: Some(self.runtime().card().id.clone()),
            parent: request.parent,
            ..Event::new(kind, at_ms, request.correlation.clone())
        }
    }
}

/// The record that must be durable before a runtime may see the call.
#[must_use]
pub fn admission(call: &RoutedCall) -> Event {
    let contract = call.contract();
    let event = call.consent.told(call.event(Kind::Admitted, call.routed_at_ms));
    Event {
        contract: Some(*contract.digest().as_bytes()),
        effect: Some(contract.effect().as_str()),
        dynamic: contract.is_dynamic(),
        args_digest: Some(*call.call.digest().as_bytes()),
        args_shape: Some(call.call.shape().to_owned()),
        cost: Some(contract.cost()),
        deadline_ms: Some(later(call.routed_at_ms, call.times.left(call.routed_at))),
        connection: Some(call.runtime().card().connection),
        provider: Some(Arc::clone(call.provider())),
        chosen_by: Some(call.chosen_by().as_str()),
        ..event
    }
}

/// The record that must be durable before a second runtime may see a call beside the first.
#[must_use]
pub fn hedged(call: &RoutedCall, beside: &Beside, at_ms: u64) -> Event {
    let card = beside.runtime().card();
    Event {
        attempt: Some(call.attempt + 1),
        runtime: Some(card.id.clone()),
        connection: Some(card.connection),
        provider: Some(Arc::clone(&beside.0.seat.provider.name)),
        chosen_by: Some(beside.0.rule.as_str()),
        ..attempted(call, at_ms)
    }
}

/// The record that must be durable before a further runtime may see the call.
#[must_use]
pub fn attempted(call: &RoutedCall, at_ms: u64) -> Event {
    Event {
        attempt: Some(call.attempt),
        epoch: Some(call.consent.decision.epoch),
        deadline_ms: Some(call.deadline_ms()),
        connection: Some(call.runtime().card().connection),
        provider: Some(Arc::clone(call.provider())),
        chosen_by: Some(call.chosen_by().as_str()),
        ..call.event(Kind::Attempted, at_ms)
    }
}

fn later(ms: u64, by: Duration) -> u64 {
    ms.saturating_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX))
}

//! Evidence that a call has a runtime and a place there.

use std::{sync::Arc, time::Duration};

use grid_approve::{CheckedCall, Consent, Contract, Decision, Session};
use grid_core::{
    clock::Clock,
    event::{Event, Kind},
    frame::CallFrame,
    id::InvocationId,
    runtime::Runtime,
};

/// A place in a runtime's queue, given back when the call is over.
#[derive(Debug)]
pub(crate) struct Place {
    runtime: Arc<dyn Runtime>,
    clock: Arc<dyn Clock>,
    failed: bool,
}

impl Place {
    pub(crate) fn new(runtime: Arc<dyn Runtime>, clock: Arc<dyn Clock>) -> Self {
        Self { runtime, clock, failed: true }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.runtime.card().load.leave(self.clock.elapsed(), self.failed);
    }
}

/// A call with its runtime. Only this crate makes one.
#[derive(Debug)]
pub struct RoutedCall {
    call: CheckedCall,
    consent: Consent,
    renewed: bool,
    invocation: InvocationId,
    place: Place,
    routed_at_ms: u64,
    routed_at: Duration,
    timeout: Duration,
}

impl RoutedCall {
    pub(crate) fn new(call: CheckedCall, consent: Consent, place: Place, routed_at_ms: u64, timeout: Duration) -> Self {
        let routed_at = place.clock.elapsed();
        let invocation = InvocationId::mint();
        Self { call, consent, renewed: false, invocation, place, routed_at_ms, routed_at, timeout }
    }

    /// Minted with the choice.
    #[must_use]
    pub fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// The runtime that will run it.
    #[must_use]
    pub fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.place.runtime
    }

    /// How long it may take from when it was routed.
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
        self.consent.renew(decision)?;
        self.renewed = true;
        Ok(())
    }

    /// The frame for the runtime. The arguments move into it; nothing is copied.
    #[must_use]
    pub fn frame(&mut self) -> CallFrame {
        let args = self.call.take_args();
        let session_call = self.call.call_mut().call_mut().call_mut();
        let trace = session_call.take_trace();
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
        }
    }

    /// The tool answered; the runtime is not to blame for what follows.
    pub fn succeeded(&mut self) {
        self.place.failed = false;
    }

    /// When it has to end, in milliseconds since 1970.
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.routed_at_ms.saturating_add(u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX))
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
        deadline_ms: Some(call.deadline_ms()),
        connection: Some(call.runtime().card().connection),
        ..event
    }
}

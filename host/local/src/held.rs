//! Evidence on the way to a grant: a place that is held, and the grant that was issued.

use std::{sync::Arc, time::Duration};

use grid_approve::{Consent, Decision, DigestedCall};
use grid_audit::encode::encode;
use grid_core::{
    event::{Event, Kind},
    id::InvocationId,
};
use grid_session::Ticket;
use grid_tlog::Proof;

use crate::{grant::Grant, grant::Times, places::Place};

/// A call with a place among the open grants, whose admission is still to be written. Only this crate makes one;
/// dropped, it gives place and call_id back.
#[derive(Debug)]
pub struct Held {
    pub(crate) call: DigestedCall,
    pub(crate) consent: Consent,
    pub(crate) ticket: Ticket,
    pub(crate) place: Place,
    pub(crate) invocation: InvocationId,
    pub(crate) times: Times,
    pub(crate) record: Vec<u8>,
}

impl Held {
    /// Minted with the place.
    #[must_use]
    pub fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &DigestedCall {
        &self.call
    }

    /// Why it may run.
    #[must_use]
    pub fn consent(&self) -> &Consent {
        &self.consent
    }

    /// Puts a later decision in place of one that was made void before the admission; see [`Consent::renew`].
    ///
    /// # Errors
    /// The decision, where it is not enough.
    pub fn renew(&mut self, decision: Decision) -> Result<(), Box<Decision>> {
        self.consent.renew(decision)
    }

    /// The record that must be in the log before the caller may run anything. Its bytes are kept: they are the grant.
    #[must_use]
    pub fn admission(&mut self) -> Event {
        let contracted = self.call.call().call();
        let (contract, session_call) = (contracted.contract(), contracted.call());
        let request = session_call.request();
        let ttl = self.times.expires.saturating_sub(self.times.since);
        let event = Event {
            principal: Some(Arc::clone(&session_call.context().principal)),
            session: Some(session_call.session().id()),
            invocation: Some(self.invocation),
            call_id: Some(request.call_id.clone()),
            tool: Some(Arc::clone(contract.name())),
            contract: Some(*contract.digest().as_bytes()),
            effect: Some(contract.effect().as_str()),
            dynamic: contract.is_dynamic(),
            args_digest: Some(*self.call.digest().as_bytes()),
            args_shape: self.call.shape().map(str::to_owned),
            args_bytes: self.call.bytes(),
            cost: Some(contract.cost()),
            local: true,
            expires_ms: Some(self.times.given_at_ms.saturating_add(millis(ttl))),
            ..self.consent.told(Event::new(Kind::Admitted, self.times.given_at_ms, request.correlation.clone()))
        };
        self.record.clear();
        encode(&event, &mut self.record);
        event
    }

    pub(crate) fn grant(&self, leaf: [u8; 32]) -> Grant {
        let contracted = self.call.call().call();
        let (contract, session_call) = (contracted.contract(), contracted.call());
        let request = session_call.request();
        Grant {
            invocation: self.invocation,
            leaf,
            principal: Arc::clone(&session_call.context().principal),
            session: session_call.session().id(),
            call_id: request.call_id.clone(),
            tool: Arc::clone(contract.name()),
            contract: Some(*contract.digest().as_bytes()),
            effect: Some(contract.effect().as_str()),
            dynamic: contract.is_dynamic(),
            correlation: request.correlation.clone(),
            args: *self.call.digest().as_bytes(),
            epoch: self.consent.decision.epoch,
            times: self.times,
        }
    }
}

/// A grant that may leave the host: its admission is in the log. Only this crate makes one.
#[derive(Debug)]
pub struct Issued {
    /// What it is for.
    pub grant: Arc<Grant>,
    /// The admission's record.
    pub record: Vec<u8>,
    /// That it is in the log.
    pub proof: Proof,
    /// The arguments to run with, where the contract made others of those that were sent.
    pub args: Option<String>,
    /// How long it is good from now on.
    pub ttl: Duration,
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

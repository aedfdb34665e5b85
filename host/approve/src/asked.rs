//! What an approval is for: one exact call of one principal, under one epoch, until a time. It never changes.

use std::{sync::Arc, time::Duration};

use grid_core::{
    consent::WaitingCall,
    event::{Event, Kind, Sha256},
    id::{ApprovalId, CallId, CorrelationId, InvocationId, PrincipalId, SessionId, TenantId},
    principal::Principal,
};

use crate::{Checked, Judged, Needs};

/// A call that a person was asked about.
#[derive(Debug)]
pub struct Asked {
    pub(crate) approval: ApprovalId,
    pub(crate) principal: Arc<Principal>,
    /// The runtime that calls for the principal, where one does.
    pub(crate) via: Option<Arc<Principal>>,
    pub(crate) correlation: CorrelationId,
    pub(crate) key: Key,
    pub(crate) tool: Arc<str>,
    pub(crate) effect: &'static str,
    pub(crate) dynamic: bool,
    pub(crate) contract: Sha256,
    pub(crate) epoch: u64,
    pub(crate) policy: Option<Sha256>,
    pub(crate) need: Arc<Needs>,
    pub(crate) args_bytes: Option<u64>,
    pub(crate) requested_at_ms: u64,
    pub(crate) expires_at_ms: u64,
    /// By the monotonic clock, which alone decides.
    pub(crate) expires: Duration,
}

/// The same call, asked again: whose, in which session, named how, with what, run by whom. Its contract and epoch are
/// compared besides.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) tenant: TenantId,
    pub(crate) principal: PrincipalId,
    pub(crate) session: SessionId,
    pub(crate) call_id: CallId,
    pub(crate) args: Sha256,
    pub(crate) local: bool,
    /// The execution that makes the call, where one does.
    pub(crate) parent: Option<InvocationId>,
}

impl Key {
    pub(crate) fn of<T: Checked>(judged: &Judged<T>) -> Self {
        let call = judged.call();
        let session_call = call.permitted().call().call();
        let principal = &session_call.context().principal;
        Self {
            tenant: principal.tenant.clone(),
            principal: principal.id.clone(),
            session: session_call.session().id(),
            call_id: session_call.request().call_id.clone(),
            args: call.args_digest(),
            local: call.permitted().is_local(),
            parent: session_call.request().parent,
        }
    }
}

impl Asked {
    /// Names it.
    #[must_use]
    pub fn approval(&self) -> ApprovalId {
        self.approval
    }

    /// Who wants the call.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// Function name.
    #[must_use]
    pub fn tool(&self) -> &Arc<str> {
        &self.tool
    }

    /// Whom it waits for, and why.
    #[must_use]
    pub fn need(&self) -> &Needs {
        &self.need
    }

    /// Digest of the contract.
    #[must_use]
    pub fn contract(&self) -> Sha256 {
        self.contract
    }

    /// Digest of the arguments.
    #[must_use]
    pub fn args_digest(&self) -> Sha256 {
        self.key.args
    }

    /// Until when, in milliseconds since 1970.
    #[must_use]
    pub fn expires_at_ms(&self) -> u64 {
        self.expires_at_ms
    }

    /// When it began to wait, in milliseconds since 1970.
    #[must_use]
    pub fn requested_at_ms(&self) -> u64 {
        self.requested_at_ms
    }

    /// What is left of its time.
    #[must_use]
    pub fn time_left(&self, now: Duration) -> Duration {
        self.expires.saturating_sub(now)
    }

    /// Whether `judged` is the very call that was asked about.
    pub(crate) fn is_of<T: Checked>(&self, judged: &Judged<T>) -> bool {
        let contract = judged.call().permitted().call().contract();
        self.key == Key::of(judged)
            && self.contract == *contract.digest().as_bytes()
            && self.epoch == judged.decision().epoch
    }

    /// Whether this principal may decide: of the same tenant, with the role, and not the caller.
    pub(crate) fn may_be_decided_by(&self, who: &Principal, holds: impl Fn(&str) -> bool) -> bool {
        who.tenant == self.key.tenant && !self.is_asked_by(who) && self.need.roles().iter().all(|role| holds(role))
    }

    /// Whether it is this principal's own call, or one that it makes as a runtime.
    pub(crate) fn is_asked_by(&self, who: &Principal) -> bool {
        who.id == self.key.principal || self.via.as_ref().is_some_and(|via| via.id == who.id)
    }

    /// What every record of it carries.
    pub(crate) fn event(&self, kind: Kind, at_ms: u64) -> Event {
        Event {
            principal: Some(Arc::clone(&self.principal)),
            session: Some(self.key.session),
            call_id: Some(self.key.call_id.clone()),
            tool: Some(Arc::clone(&self.tool)),
            contract: Some(self.contract),
            effect: Some(self.effect),
            dynamic: self.dynamic,
            args_digest: Some(self.key.args),
            rule: Some(Arc::from(self.need.rule.as_str())),
            policy: self.policy,
            epoch: Some(self.epoch),
            approval: Some(self.approval),
            parent: self.key.parent,
            ..Event::new(kind, at_ms, self.correlation.clone())
        }
    }

    /// As those see it who may decide.
    pub(crate) fn shown(&self, args: Option<String>, now: Duration) -> WaitingCall {
        WaitingCall {
            approval: self.approval,
            tenant: self.key.tenant.clone(),
            principal: self.key.principal.clone(),
            session: self.key.session,
            correlation: self.correlation.clone(),
            tool: Arc::clone(&self.tool),
            contract: self.contract,
            args_digest: self.key.args,
            args,
            args_bytes: self.args_bytes,
            role: self.need.role.clone(),
            rule: Arc::from(self.need.rule.as_str()),
            reason: self.need.message.clone(),
            epoch: self.epoch,
            requested_at_ms: self.requested_at_ms,
            expires_at_ms: self.expires_at_ms,
            time_left_ms: u64::try_from(self.time_left(now).as_millis()).unwrap_or(u64::MAX),
            local: self.key.local,
        }
    }
}

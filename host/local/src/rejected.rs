//! A report or a request that fits no open grant: what its sender hears, and what the record says.

use std::{sync::Arc, time::Duration};

use grid_adm::Digest;
use grid_audit::Record;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind, Signal},
    id::{CallId, InvocationId},
    principal::Principal,
};

use crate::{Claim, Grant, held::millis};

/// Why something was not taken. Only this crate makes one.
#[derive(Debug)]
pub struct Rejected {
    pub(crate) signal: Signal,
    pub(crate) grant: Option<Arc<Grant>>,
    claim: Option<Box<Claim>>,
}

impl Rejected {
    pub(crate) fn unknown() -> Self {
        Self { signal: Signal::UnknownGrant, grant: None, claim: None }
    }

    pub(crate) fn of(grant: &Arc<Grant>, signal: Signal) -> Self {
        Self { signal, grant: Some(Arc::clone(grant)), claim: None }
    }

    pub(crate) fn claiming(self, claim: Claim) -> Self {
        Self { claim: Some(Box::new(claim)), ..self }
    }

    /// The execution of a report that nobody here remembers; the log may.
    #[must_use]
    pub fn forgotten(&self) -> Option<InvocationId> {
        self.claim.as_ref().filter(|_| self.grant.is_none())?.invocation
    }

    /// What the log has of that execution: whether the same report is in it. This table forgets what ended long ago or
    /// before the host was started; a caller that repeats its report shall hear the same as before.
    ///
    /// # Errors
    /// The rejection, as the log has it.
    pub fn by_log(mut self, caller: &Principal, records: &[Record]) -> Result<(), Self> {
        let Some(claim) = self.claim.take() else { return Err(self) };
        let named = claim.invocation.map(|invocation| invocation.to_string());
        let mut records = records.iter().filter(|record| record.invocation() == named.as_deref());
        let admitted = records.find_map(|record| Grant::of(record, Duration::ZERO, 0, Duration::ZERO));
        let Some(grant) = admitted.map(Arc::new) else { return Err(self.claiming(*claim)) };
        if let Err(rejected) = grant.owned_by(caller, claim.session, claim.told.grant) {
            return Err(rejected.claiming(*claim));
        }
        let Some(concluded) = records.find(|record| record.kind() == Kind::Concluded.as_str()) else {
            return Err(self.claiming(*claim));
        };
        let digest = |field| Some(*concluded.text(field)?.parse::<Digest>().ok()?.as_bytes());
        let claimed = concluded.fields().contains_key("claimed");
        let same = claimed
            && concluded.outcome() == Some(claim.told.outcome.as_str())
            && digest("result_digest") == Some(claim.told.result)
            && claim.told.args == Some(grant.args);
        if same {
            return Ok(());
        }
        let signal = match concluded.outcome() {
            _ if claimed => Signal::Reused,
            Some("unreported") => Signal::Expired,
            Some("revoked") => Signal::Revoked,
            _ => Signal::Cancelled,
        };
        Err(Self::of(&grant, signal).claiming(*claim))
    }

    /// What was wrong.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// For the sender. Whoever does not own the grant hears what a stranger to it would.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        let (code, told, message) = match self.signal {
            Signal::UnknownGrant | Signal::ForeignSession | Signal::ForeignPrincipal => (
                Code::SecurityViolation,
                Signal::UnknownGrant,
                "no such grant; report with the invocation, the session and the receipt that came with it",
            ),
            Signal::Reused => (
                Code::SecurityViolation,
                Signal::Reused,
                "the grant was reported before, and differently; what was logged first stands",
            ),
            Signal::Expired => (
                Code::Timeout,
                Signal::Expired,
                "the time of the grant had passed, so the call is on record as unreported; the report was noted",
            ),
            Signal::Cancelled => (
                Code::Cancelled,
                Signal::Cancelled,
                "the grant had been given back or its session had ended; nothing may run under it",
            ),
            Signal::Revoked => (
                Code::PermissionDenied,
                Signal::Revoked,
                "the rights behind the grant were made void, and the grant with them; ask for another",
            ),
            Signal::ArgsMismatch => (
                Code::SecurityViolation,
                Signal::ArgsMismatch,
                "the grant is for other arguments; report the digest of those that it was given for",
            ),
            Signal::CallMismatch => (
                Code::SecurityViolation,
                Signal::CallMismatch,
                "the grant is for another call; report the call_id and the name that it was given for",
            ),
            Signal::ImpossibleTime => (
                Code::SecurityViolation,
                Signal::ImpossibleTime,
                "the run cannot have taken that long or ended then; report its own times, by a clock that is right",
            ),
        };
        Refusal::new(code, Stage::Local, message).with("signal", told.as_str())
    }

    /// The record of it, made of one that has the sender and the ids as sent. What came too late is told apart, so
    /// that a tool that ran all the same is found.
    #[must_use]
    pub fn event(&self, base: Event) -> Event {
        let claim = self.claim.as_deref();
        let late = self.signal == Signal::Expired && claim.is_some();
        Event {
            kind: if late { Kind::LateResult } else { Kind::RejectedResult },
            local: true,
            claimed: claim.is_some(),
            signal: Some(self.signal),
            code: Some(self.refusal().code()),
            invocation: claim.and_then(|claim| claim.invocation).or(base.invocation),
            session: claim.and_then(|claim| claim.session).or(base.session),
            call_id: claim.and_then(|claim| CallId::parse(&claim.call_id).ok()),
            stage: Some(Stage::Local),
            outcome: claim.map(|claim| claim.told.outcome),
            args_digest: claim.and_then(|claim| claim.told.args),
            result_digest: claim.map(|claim| claim.told.result),
            result_bytes: claim.map(|claim| claim.bytes),
            duration_us: claim.map(|claim| millis(claim.took).saturating_mul(1000)),
            tool: self.owned().map(|grant| Arc::clone(&grant.tool)).or(base.tool),
            ..base
        }
    }

    /// The grant, where the sender owns it.
    fn owned(&self) -> Option<&Arc<Grant>> {
        let foreign = matches!(self.signal, Signal::ForeignPrincipal | Signal::ForeignSession | Signal::UnknownGrant);
        self.grant.as_ref().filter(|_| !foreign)
    }
}

//! What a grant is for: the facts of its admission, as they were decided or as the log has them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use grid_adm::Digest;
use grid_audit::Record;
use grid_core::{
    event::{Event, Kind, Sha256, Signal},
    id::{CallId, CorrelationId, InvocationId, PrincipalId, SessionId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
};
use grid_tlog::Hash;

use crate::{Claim, Rejected};

/// A clock that a caller measures with may be that coarse.
const COARSE: Duration = Duration::from_secs(1);
/// So far the wall clocks of a caller and of the host may be apart.
const SKEW_MS: u64 = 300_000;

/// A call that its caller may run. It never changes.
#[derive(Debug)]
pub struct Grant {
    pub(crate) invocation: InvocationId,
    /// Leaf hash of the admission's record: its name.
    pub(crate) leaf: Sha256,
    pub(crate) principal: Arc<Principal>,
    pub(crate) session: SessionId,
    pub(crate) call_id: CallId,
    pub(crate) tool: Arc<str>,
    pub(crate) contract: Option<Sha256>,
    pub(crate) effect: Option<&'static str>,
    pub(crate) dynamic: bool,
    pub(crate) correlation: CorrelationId,
    pub(crate) args: Sha256,
    pub(crate) epoch: u64,
    pub(crate) times: Times,
}

/// By the monotonic clock, so that nobody's wall clock makes a grant live longer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// When this process took it up.
    pub(crate) since: Duration,
    /// How old it was then.
    pub(crate) age: Duration,
    /// When it ends.
    pub(crate) expires: Duration,
    /// When it was given, in milliseconds since 1970.
    pub(crate) given_at_ms: u64,
}

impl Grant {
    /// The execution.
    #[must_use]
    pub fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// The function.
    #[must_use]
    pub fn tool(&self) -> &Arc<str> {
        &self.tool
    }

    /// Whom it was given to.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// In which session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// SHA-256 of the contract; absent where a record does not say.
    #[must_use]
    pub fn contract(&self) -> Option<&Sha256> {
        self.contract.as_ref()
    }

    /// The policy epoch of the decision that it rests on.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Running it twice does no harm.
    pub(crate) fn is_repeatable(&self) -> bool {
        matches!(self.effect, Some("pure" | "read"))
    }

    /// How long it has been given.
    pub(crate) fn age(&self, now: Duration) -> Duration {
        self.times.age.saturating_add(now.saturating_sub(self.times.since))
    }

    /// What every record of it carries.
    pub(crate) fn event(&self, kind: Kind, at_ms: u64) -> Event {
        Event {
            principal: Some(Arc::clone(&self.principal)),
            session: Some(self.session),
            invocation: Some(self.invocation),
            call_id: Some(self.call_id.clone()),
            tool: Some(Arc::clone(&self.tool)),
            contract: self.contract,
            effect: self.effect,
            dynamic: self.dynamic,
            local: true,
            ..Event::new(kind, at_ms, self.correlation.clone())
        }
    }

    /// Whether whoever names the grant so is the one that it was given to.
    pub(crate) fn owned_by(
        self: &Arc<Self>,
        caller: &Principal,
        session: Option<SessionId>,
        leaf: Option<Sha256>,
    ) -> Result<(), Rejected> {
        if caller.tenant != self.principal.tenant {
            // As unknown as one that was never given, in the record too.
            return Err(Rejected::unknown());
        }
        if leaf != Some(self.leaf) {
            return Err(Rejected::of(self, Signal::UnknownGrant));
        }
        if caller.id != self.principal.id {
            return Err(Rejected::of(self, Signal::ForeignPrincipal));
        }
        if session != Some(self.session) {
            return Err(Rejected::of(self, Signal::ForeignSession));
        }
        Ok(())
    }

    /// When it was given, and to whom for what where several were at once.
    pub(crate) fn order(&self) -> (u64, &str, &str, &str) {
        let who = &self.principal;
        (self.times.given_at_ms, who.tenant.as_str(), who.id.as_str(), self.call_id.as_str())
    }

    /// What of a report cannot be true of this grant.
    pub(crate) fn contradicts(&self, claim: &Claim, now: Duration, now_ms: u64) -> Option<Signal> {
        if claim.told.args != Some(self.args) {
            return Some(Signal::ArgsMismatch);
        }
        if claim.call_id != self.call_id.as_str() || *claim.name != *self.tool {
            return Some(Signal::CallMismatch);
        }
        let given = self.times.given_at_ms;
        let thinkable = given.saturating_sub(SKEW_MS)..=now_ms.max(given).saturating_add(SKEW_MS);
        let ended_then = claim.ended_at_ms == 0 || thinkable.contains(&claim.ended_at_ms);
        let took_that = claim.took <= self.age(now).saturating_add(COARSE);
        (!ended_then || !took_that).then_some(Signal::ImpossibleTime)
    }

    /// As an admission's record says; `None` where it is none of a local run. It lives until the record says so, but
    /// not longer than `longest` from now on: the clock may have been set back meanwhile.
    pub(crate) fn of(record: &Record, now: Duration, now_ms: u64, longest: Duration) -> Option<Self> {
        // A truth is in a record or it is left out; there is no other way to write it.
        let local = record.fields().contains_key("local");
        let digest = |field| Some(*record.text(field)?.parse::<Digest>().ok()?.as_bytes());
        let effect = ["pure", "read", "write"].into_iter().find(|effect| record.text("effect") == Some(effect));
        let proof = Proof::ALL.into_iter().find(|proof| record.proof() == Some(proof.as_str()));
        let principal = Principal {
            id: PrincipalId::parse(record.principal()?).ok()?,
            tenant: TenantId::parse(record.tenant()?).ok()?,
            roles: BTreeSet::new(),
            claims: BTreeMap::new(),
            proof: proof?,
            digest: ClaimsDigest([0; 32]),
            credential: None,
            runtime: None,
            issued_at_ms: None,
            expires_at_ms: None,
        };
        let left = Duration::from_millis(record.number("expires_ms")?.saturating_sub(now_ms)).min(longest);
        let given_at_ms = record.at_ms();
        (local && record.kind() == Kind::Admitted.as_str()).then_some(Self {
            invocation: record.invocation()?.parse().ok()?,
            leaf: *Hash::leaf(record.line().as_bytes()).as_bytes(),
            principal: Arc::new(principal),
            session: record.session()?.parse().ok()?,
            call_id: CallId::parse(record.call_id()?).ok()?,
            tool: Arc::from(record.tool()?),
            contract: digest("contract"),
            effect,
            dynamic: record.fields().contains_key("dynamic"),
            correlation: CorrelationId::parse(record.correlation()?).ok()?,
            args: digest("args_digest")?,
            epoch: record.number("epoch")?,
            times: Times {
                since: now,
                age: Duration::from_millis(now_ms.saturating_sub(given_at_ms)),
                expires: now.saturating_add(left),
                given_at_ms,
            },
        })
    }
}

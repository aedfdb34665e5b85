//! One session: whose it is, until when, and its calls. Tenant and principal never change.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use grid_core::{
    id::SessionId,
    principal::{Principal, SecurityClaim, SecurityContext},
};

use grid_identity::Caller;

use crate::calls::Calls;

/// A live session.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    context: SecurityContext,
    label: String,
    metadata: BTreeMap<String, String>,
    enhanced: bool,
    features: Vec<&'static str>,
    created_at_ms: u64,
    expires_at_ms: u64,
    expires: Duration,
    pub(crate) calls: Calls,
}

/// What a new session is made of.
pub(crate) struct Parts {
    pub(crate) principal: Arc<Principal>,
    pub(crate) claim: Option<Arc<SecurityClaim>>,
    pub(crate) label: String,
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) enhanced: bool,
    pub(crate) features: Vec<&'static str>,
    pub(crate) created_at_ms: u64,
    pub(crate) now: Duration,
    pub(crate) ttl: Duration,
    pub(crate) window: Duration,
}

impl Session {
    pub(crate) fn new(parts: Parts) -> Self {
        let ttl_ms = u64::try_from(parts.ttl.as_millis()).unwrap_or(u64::MAX);
        Self {
            id: SessionId::mint(),
            context: SecurityContext { principal: parts.principal, claim: parts.claim },
            label: parts.label,
            metadata: parts.metadata,
            enhanced: parts.enhanced,
            features: parts.features,
            created_at_ms: parts.created_at_ms,
            expires_at_ms: parts.created_at_ms.saturating_add(ttl_ms),
            expires: parts.now.saturating_add(parts.ttl),
            calls: Calls::new(parts.window),
        }
    }

    /// Its id, minted by the host.
    #[must_use]
    pub fn id(&self) -> SessionId {
        self.id
    }

    /// Who opened it.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.context.principal
    }

    /// All that is known about who asks now: the rights that this request's own credentials prove, and the claim
    /// that the session was opened with. A session lends nobody the rights of its opener.
    #[must_use]
    pub fn context_of(&self, caller: &Caller) -> SecurityContext {
        SecurityContext { principal: Arc::clone(caller.principal()), claim: self.context.claim.clone() }
    }

    /// The same for somebody who was proved before, to decide anew what they were granted.
    #[must_use]
    pub fn context_as(&self, principal: &Arc<Principal>) -> SecurityContext {
        SecurityContext { principal: Arc::clone(principal), claim: self.context.claim.clone() }
    }

    /// The id that the caller suggested.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.label
    }

    /// As the caller sent it; opaque.
    #[must_use]
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The client understands enhanced errors.
    #[must_use]
    pub fn is_enhanced(&self) -> bool {
        self.enhanced
    }

    /// Features that it has, of those that its opener wished for.
    #[must_use]
    pub fn features(&self) -> &[&'static str] {
        &self.features
    }

    /// What is left of its time, by the monotonic clock.
    #[must_use]
    pub fn time_left(&self, now: Duration) -> Duration {
        self.expires.saturating_sub(now)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn created_at_ms(&self) -> u64 {
        self.created_at_ms
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn expires_at_ms(&self) -> u64 {
        self.expires_at_ms
    }

    /// Whether its time is over, by the monotonic clock.
    #[must_use]
    pub fn is_expired(&self, now: Duration) -> bool {
        now >= self.expires
    }

    /// Calls that were claimed and have not ended.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.calls.in_flight()
    }

    pub(crate) fn belongs_to(&self, principal: &Principal) -> bool {
        self.principal().id == principal.id && self.principal().tenant == principal.tenant
    }
}

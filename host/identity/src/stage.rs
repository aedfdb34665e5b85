//! The stage itself. STRICT takes a verified token and nothing else; DEVELOPMENT gives a named principal to peers
//! on this machine that send none. A token that is sent and bad is refused by both.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use moka::sync::Cache;

use grid_core::{
    Refusal,
    clock::SharedClock,
    envelope::Credentials,
    id::{PrincipalId, TenantId},
    principal::{Principal, Proof},
};

use crate::{digest, fault::Fault, verifier::Verifier};

/// A verified token is believed this long without another look at its signature, and never past its end.
const CACHE_TTL: Duration = Duration::from_secs(60);
const CACHE_ENTRIES: u64 = 10_000;

/// Evidence that the sender of one request was proved. Only [`Identity::prove`] makes it.
#[derive(Debug)]
pub struct Caller(Arc<Principal>);

impl Caller {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.0
    }
}

/// Whom DEVELOPMENT takes a peer on this machine for.
#[derive(Debug, Clone)]
pub struct Development {
    /// The name.
    pub principal: PrincipalId,
    /// Its tenant.
    pub tenant: TenantId,
    /// Its roles.
    pub roles: BTreeSet<Arc<str>>,
}

/// The first stage of the path.
pub struct Identity {
    verifier: Option<Verifier>,
    unproved: Option<Arc<Principal>>,
    proved: Cache<[u8; 32], Proved>,
    clock: SharedClock,
}

#[derive(Clone)]
struct Proved {
    principal: Arc<Principal>,
    until: Duration,
}

impl Identity {
    /// Nobody without a verified token.
    #[must_use]
    pub fn strict(verifier: Verifier, clock: SharedClock) -> Self {
        Self::new(Some(verifier), None, clock)
    }

    /// Peers on this machine without a token are `principal`; without a verifier every token is refused.
    #[must_use]
    pub fn development(verifier: Option<Verifier>, principal: Development, clock: SharedClock) -> Self {
        let Development { principal: id, tenant, roles } = principal;
        let claims = std::collections::BTreeMap::new();
        let digest = digest::of(&id, &tenant, &roles, &claims, Proof::Development);
        let unproved = Principal {
            id,
            tenant,
            roles,
            claims,
            proof: Proof::Development,
            digest,
            issued_at_ms: None,
            expires_at_ms: None,
        };
        Self::new(verifier, Some(Arc::new(unproved)), clock)
    }

    fn new(verifier: Option<Verifier>, unproved: Option<Arc<Principal>>, clock: SharedClock) -> Self {
        Self {
            verifier,
            unproved,
            proved: Cache::builder().max_capacity(CACHE_ENTRIES).time_to_live(CACHE_TTL).build(),
            clock,
        }
    }

    /// Says who sent a request with these credentials.
    ///
    /// # Errors
    /// INVALID_CREDENTIALS; the reason is for the operator.
    pub fn prove(&self, credentials: &Credentials) -> Result<Caller, Refusal> {
        match &credentials.bearer {
            Some(token) => self.prove_token(token),
            None => match &self.unproved {
                Some(principal) if credentials.loopback => Ok(Caller(Arc::clone(principal))),
                Some(_) => Err(Fault::Remote.refusal()),
                None => Err(Fault::Missing.refusal()),
            },
        }
    }

    fn prove_token(&self, token: &str) -> Result<Caller, Refusal> {
        let Some(verifier) = &self.verifier else {
            return Err(Fault::Keyless.refusal());
        };
        let Some(key) = cache_key(token) else {
            return Err(Fault::TooLong(token.len()).refusal());
        };
        let (elapsed, now_ms) = (self.clock.elapsed(), self.clock.unix_ms());
        if let Some(known) = self.proved.get(&key) {
            let ended = known.principal.expires_at_ms.is_none_or(|end| now_ms >= end);
            if elapsed < known.until && !ended {
                return Ok(Caller(known.principal));
            }
        }
        let principal = verifier.verify(token, now_ms).map(Arc::new).map_err(|fault| fault.refusal())?;
        let proved = Proved { principal: Arc::clone(&principal), until: elapsed.saturating_add(CACHE_TTL) };
        self.proved.insert(key, proved);
        Ok(Caller(principal))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("verifier", &self.verifier)
            .field("unproved", &self.unproved)
            .finish_non_exhaustive()
    }
}

/// The token's digest, so that the host keeps no token in memory. `None` for what no verifier would look at.
fn cache_key(token: &str) -> Option<[u8; 32]> {
    if token.len() > crate::verifier::MAX_TOKEN {
        return None;
    }
    digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

//! The stage itself. STRICT takes a verified token, a certificate or a local user that a rule names, and nothing else;
//! DEVELOPMENT gives a named principal to peers on this machine that offer none. What is offered and bad is refused by both.

use std::{
    collections::BTreeSet,
    fmt, io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::digest::SHA256;
use moka::sync::Cache;

use grid_core::{
    Refusal,
    clock::SharedClock,
    envelope::{Credentials, LocalPeer, PeerCertificate},
    id::{PrincipalId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
};

use crate::{
    caller::Caller,
    digest,
    fault::Fault,
    header::clipped,
    keeper::Keeper,
    mapping::Mapping,
    metadata,
    revocation::{self, Revocation, Revocations},
    rules::{CertificateRule, LocalRule, Rules},
    verifier::{Issuer, Keys, Token, Verifier, issuer_of},
};

/// A verified token is believed this long without another look at its signature, and never past its end.
const CACHE_TTL: Duration = Duration::from_secs(60);
const CACHE_ENTRIES: u64 = 10_000;

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
    issuers: Vec<Issuer>,
    certificates: Vec<CertificateRule>,
    users: Vec<LocalRule>,
    unproved: Option<Arc<Principal>>,
    /// By the digest of a token.
    proved: Cache<[u8; 32], Proved>,
    /// By the digest of a certificate. Apart, because a token is a text that anybody may send.
    certified: Cache<[u8; 32], Certified>,
    revocations: Revocations,
    /// Raised when an issuer's keys change.
    keys: Arc<AtomicU64>,
    /// The URL by which OAuth clients know the host.
    resource: Option<String>,
    clock: SharedClock,
}

#[derive(Clone)]
struct Proved {
    principal: Arc<Principal>,
    until: Duration,
    /// Of the revocations, when it was last compared with them.
    version: u64,
    /// Of the issuers' keys, when its signature was checked.
    keys: u64,
    /// How far its issuer's clock may be ahead.
    slack_ms: u64,
}

#[derive(Clone)]
struct Certified {
    /// All that the transport says of it; the same certificate may be vouched for otherwise tomorrow.
    certificate: Arc<PeerCertificate>,
    principal: Arc<Principal>,
    binds_token: bool,
    version: u64,
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
        let unproved = digest::sealed(Principal {
            id,
            tenant,
            roles,
            claims,
            proof: Proof::Development,
            credential: None,
            runtime: None,
            digest: ClaimsDigest([0; 32]),
            issued_at_ms: None,
            expires_at_ms: None,
        });
        Self::new(verifier, Some(Arc::new(unproved)), clock)
    }

    fn new(verifier: Option<Verifier>, unproved: Option<Arc<Principal>>, clock: SharedClock) -> Self {
        Self {
            issuers: verifier.map(Verifier::issuer).into_iter().collect(),
            certificates: Vec::new(),
            users: Vec::new(),
            unproved,
            proved: Cache::builder().max_capacity(CACHE_ENTRIES).time_to_live(CACHE_TTL).build(),
            certified: Cache::builder().max_capacity(CACHE_ENTRIES).time_to_live(CACHE_TTL).build(),
            revocations: Revocations::in_memory(),
            keys: Arc::default(),
            resource: None,
            clock,
        }
    }

    /// The same with whom rules name. Starts a thread an issuer, which ends with this stage.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub fn ruled(mut self, rules: Rules) -> io::Result<Self> {
        for rule in rules.issuers {
            let name: Arc<str> = Arc::from(rule.issuer);
            let (clock, changes) = (self.clock.clone(), Arc::clone(&self.keys));
            let keeper = Keeper::start(Arc::clone(&name), rule.source, rule.first, clock, changes)?;
            self.issuers.push(Issuer {
                name,
                audiences: rule.audiences,
                algorithms: rule.algorithms,
                leeway_ms: u64::try_from(rule.leeway.as_millis()).unwrap_or(0),
                mapping: Mapping::Rules(Box::new(rule.claims)),
                keys: Keys::Kept(keeper),
            });
        }
        self.certificates = rules.certificates;
        self.users = rules.users;
        Ok(self)
    }

    /// The same with revocations that are kept.
    #[must_use]
    pub fn keeping(self, revocations: Revocations) -> Self {
        Self { revocations, ..self }
    }

    /// The same for a host that OAuth clients know by this URL.
    #[must_use]
    pub fn known_as(self, resource: Option<String>) -> Self {
        Self { resource, ..self }
    }

    /// What OAuth clients may know of the host (RFC 9728); `None` where they know no URL of it.
    #[must_use]
    pub fn metadata(&self) -> Option<String> {
        let issuers: Vec<&str> = self.issuers.iter().map(|issuer| &*issuer.name).collect();
        self.resource.as_deref().map(|resource| metadata::document(resource, &issuers))
    }

    /// Makes void everything that proved a principal until `now_ms`, milliseconds since 1970, and whatever comes until
    /// then. No request that is proved after this has returned is proved by it, also where the file was not written.
    /// Writes to the disk: not for a thread that serves requests.
    ///
    /// # Errors
    /// [`revocation::Error`]: it holds until the host stops and no longer, or there are too many.
    pub fn revoke(
        &self,
        tenant: &TenantId,
        principal: &PrincipalId,
        reason: &str,
        now_ms: u64,
    ) -> Result<Revocation, revocation::Error> {
        self.revocations.revoke(tenant, principal, reason, now_ms)
    }

    /// Takes a revocation back; `None` where there was none. Writes to the disk.
    ///
    /// # Errors
    /// [`revocation::Error`]: it still holds.
    pub fn restore(&self, tenant: &TenantId, principal: &PrincipalId) -> Result<Option<Revocation>, revocation::Error> {
        self.revocations.restore(tenant, principal)
    }

    /// A revocation is written to the disk; those of a host without files are in memory alone.
    #[must_use]
    pub fn keeps_revocations(&self) -> bool {
        self.revocations.are_kept()
    }

    /// All revocations, by tenant and principal.
    #[must_use]
    pub fn revoked(&self) -> Vec<Revocation> {
        self.revocations.list()
    }

    /// Says who sent a request with these credentials. A token goes before a certificate, and that before a local user.
    /// A token whose key is not known is refused, and its issuer asked for keys as soon as that is allowed.
    ///
    /// # Errors
    /// INVALID_CREDENTIALS; the reason is for the operator.
    pub fn prove(&self, credentials: &Credentials) -> Result<Caller, Refusal> {
        self.try_prove(credentials).map_err(|fault| fault.refusal())
    }

    /// As [`Self::prove`], and waits for keys that are on their way: two seconds at most, and only where an issuer may
    /// be asked just now.
    ///
    /// # Errors
    /// INVALID_CREDENTIALS; the reason is for the operator.
    pub async fn prove_soon(&self, credentials: &Credentials) -> Result<Caller, Refusal> {
        let fault = match self.try_prove(credentials) {
            Ok(caller) => return Ok(caller),
            Err(fault) => fault,
        };
        let Fault::UnknownKey { issuer } = &fault else { return Err(fault.refusal()) };
        match self.issuers.iter().find(|known| known.name == *issuer).map(|known| &known.keys) {
            Some(Keys::Kept(keeper)) => {
                // Also where nobody waited: they may have come in this moment.
                keeper.wanted().await;
                self.prove(credentials)
            }
            _ => Err(fault.refusal()),
        }
    }

    fn try_prove(&self, credentials: &Credentials) -> Result<Caller, Fault> {
        match (&credentials.bearer, &credentials.certificate, &credentials.local) {
            (Some(token), None, _) => self.prove_token(token),
            (Some(token), Some(certificate), _) => {
                let caller = self.prove_token(token)?;
                self.bound(&caller, certificate).map(|()| caller)
            }
            (None, Some(certificate), _) => self.prove_certificate(certificate).map(|(caller, _)| caller),
            (None, None, Some(peer)) => self.prove_local(*peer, credentials.loopback),
            (None, None, None) => self.prove_nobody(credentials.loopback),
        }
    }

    fn prove_nobody(&self, loopback: bool) -> Result<Caller, Fault> {
        match &self.unproved {
            Some(principal) if loopback => self.unless_revoked(Arc::clone(principal)),
            Some(_) => Err(Fault::Remote),
            None => Err(Fault::Missing),
        }
    }

    fn prove_local(&self, peer: LocalPeer, loopback: bool) -> Result<Caller, Fault> {
        match self.users.iter().find(|rule| rule.uid == peer.uid) {
            Some(rule) => self.unless_revoked(Arc::clone(&rule.principal)),
            None if self.unproved.is_some() => self.prove_nobody(loopback),
            None => Err(Fault::LocalUser(peer.uid)),
        }
    }

    /// Whom a certificate names, and whether a token beside it must name the same.
    fn prove_certificate(&self, certificate: &Arc<PeerCertificate>) -> Result<(Caller, bool), Fault> {
        let now_ms = self.clock.unix_ms();
        if now_ms >= certificate.not_after_ms {
            return Err(Fault::CertificateExpired { ago_ms: now_ms.saturating_sub(certificate.not_after_ms) });
        }
        let version = self.revocations.version();
        let known = self.certified.get(&certificate.thumbprint).filter(|known| known.certificate == *certificate);
        let mut known = match known {
            Some(known) if known.version == version => return Ok((Caller::of(known.principal, 0), known.binds_token)),
            Some(known) => known,
            None => self.certify(certificate)?,
        };
        if self.revocations.voids(&known.principal, 0) {
            return Err(Fault::Revoked);
        }
        known.version = version;
        self.certified.insert(certificate.thumbprint, known.clone());
        Ok((Caller::of(known.principal, 0), known.binds_token))
    }

    fn certify(&self, certificate: &Arc<PeerCertificate>) -> Result<Certified, Fault> {
        let named = self.certificates.iter().find_map(|rule| Some((rule.principal(certificate)?, rule.binds_token)));
        let (principal, binds_token) = named.ok_or_else(|| Fault::Certificate(shown(certificate)))?;
        let certificate = Arc::clone(certificate);
        Ok(Certified { certificate, principal: Arc::new(principal), binds_token, version: 0 })
    }

    /// A certificate beside a token is the channel and no more, unless its rule binds them.
    fn bound(&self, caller: &Caller, certificate: &Arc<PeerCertificate>) -> Result<(), Fault> {
        let named = match self.prove_certificate(certificate) {
            Ok((named, true)) => named,
            Ok((_, false)) | Err(Fault::Certificate(_)) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let (token, bound) = (caller.principal(), named.principal());
        if token.id == bound.id && token.tenant == bound.tenant {
            return Ok(());
        }
        let shown = |principal: &Principal| format!("{} of {}", principal.id, principal.tenant);
        Err(Fault::Bound { certificate: shown(bound), token: shown(token) })
    }

    fn prove_token(&self, token: &str) -> Result<Caller, Fault> {
        if self.issuers.is_empty() {
            return Err(Fault::Keyless);
        }
        let key = cache_key(token).ok_or(Fault::TooLong(token.len()))?;
        let (elapsed, now_ms) = (self.clock.elapsed(), self.clock.unix_ms());
        // Read first: what is revoked from here on is seen by the comparison, or by the next request.
        let (version, keys) = (self.revocations.version(), self.keys.load(Ordering::Acquire));
        if let Some(known) = self.proved.get(&key) {
            let ended = known.principal.expires_at_ms.is_none_or(|end| now_ms >= end);
            if elapsed < known.until && !ended && known.keys == keys {
                return self.again(key, known, version);
            }
        }
        let token = Token::read(token)?;
        let issuer = issuer_of(&self.issuers, &token)?;
        let principal = issuer.verify(&token, elapsed, now_ms).inspect_err(|fault| {
            if let (Fault::UnknownKey { .. }, Keys::Kept(keeper)) = (fault, &issuer.keys) {
                keeper.want();
            }
        })?;
        let (principal, until) = (Arc::new(principal), elapsed.saturating_add(CACHE_TTL));
        self.again(key, Proved { principal, until, version: 0, keys, slack_ms: issuer.slack_ms() }, version)
    }

    /// A proof that is as good as it was, unless somebody was revoked since.
    fn again(&self, key: [u8; 32], proved: Proved, version: u64) -> Result<Caller, Fault> {
        if proved.version != version {
            if self.revocations.voids(&proved.principal, proved.slack_ms) {
                self.proved.invalidate(&key);
                return Err(Fault::Revoked);
            }
            self.proved.insert(key, Proved { version, ..proved.clone() });
        }
        Ok(Caller::of(proved.principal, proved.slack_ms))
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.clock.unix_ms()
    }

    pub(crate) fn is_void(&self, principal: &Principal, slack_ms: u64) -> bool {
        self.revocations.voids(principal, slack_ms)
    }

    fn unless_revoked(&self, principal: Arc<Principal>) -> Result<Caller, Fault> {
        if self.revocations.voids(&principal, 0) { Err(Fault::Revoked) } else { Ok(Caller::of(principal, 0)) }
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("issuers", &self.issuers)
            .field("certificates", &self.certificates)
            .field("users", &self.users)
            .field("unproved", &self.unproved)
            .finish_non_exhaustive()
    }
}

/// The name of a certificate, for the operator.
fn shown(certificate: &PeerCertificate) -> String {
    let names = [certificate.spiffe_id.as_str(), certificate.common_name.as_str()];
    let dns = certificate.dns_names.first().map(String::as_str);
    let name = names.into_iter().chain(dns).find(|name| !name.is_empty()).unwrap_or("without a name");
    clipped(name)
}

/// The token's digest, so that the host keeps no token in memory. `None` for what no verifier would look at.
fn cache_key(token: &str) -> Option<[u8; 32]> {
    if token.len() > crate::verifier::MAX_TOKEN {
        return None;
    }
    aws_lc_rs::digest::digest(&SHA256, token.as_bytes()).as_ref().try_into().ok()
}

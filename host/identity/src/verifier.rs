//! Checks one token: size, shape, header, issuer, signature, claims, times, in this order. Of the claims only the issuer
//! is read before the signature is checked, to find its keys; the algorithm is that of the key and no other.

use std::{collections::BTreeSet, fmt, sync::Arc, time::Duration};

use grid_core::principal::Principal;

use crate::{
    claims::{Claims, Expected},
    fault::Fault,
    header::{self, Header, clipped},
    jwk::{Algorithm, KeySet, Meant},
    keeper::Keeper,
    key::VerifyingKey,
    mapping::Mapping,
};

pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// A token in its parts, of which nothing is believed.
pub(crate) struct Token<'a> {
    message: &'a str,
    signature: &'a str,
    header: Header,
    claims: Claims,
}

impl<'a> Token<'a> {
    pub(crate) fn read(token: &'a str) -> Result<Self, Fault> {
        if token.len() > MAX_TOKEN {
            return Err(Fault::TooLong(token.len()));
        }
        let mut parts = token.split('.');
        let (Some(head), Some(body), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::Shape);
        };
        let header = header::read(head)?;
        let claims = Claims::read(body)?;
        let message = token.get(..head.len() + 1 + body.len()).ok_or(Fault::Shape)?;
        Ok(Self { message, signature, header, claims })
    }

    /// Whose keys it says it is signed with.
    pub(crate) fn issuer(&self) -> Result<&str, Fault> {
        self.claims.text("iss")
    }
}

/// Where an issuer's keys come from.
#[derive(Debug)]
pub(crate) enum Keys {
    Fixed(Arc<KeySet>),
    Kept(Keeper),
}

/// Somebody whose tokens are believed.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) name: Arc<str>,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: BTreeSet<Algorithm>,
    pub(crate) leeway_ms: u64,
    pub(crate) mapping: Mapping,
    pub(crate) keys: Keys,
}

impl Issuer {
    /// Whom the token names. `elapsed` is the clock of the keys, `now_ms` that of the claims.
    pub(crate) fn verify(&self, token: &Token<'_>, elapsed: Duration, now_ms: u64) -> Result<Principal, Fault> {
        let algorithm = token.header.algorithm;
        if !self.algorithms.contains(&algorithm) {
            return Err(Fault::Algorithm(algorithm.as_str()));
        }
        let keys = match &self.keys {
            Keys::Fixed(keys) => Some(Arc::clone(keys)),
            Keys::Kept(keeper) => keeper.keys(elapsed),
        };
        let unknown = || Fault::UnknownKey { issuer: Arc::clone(&self.name) };
        let keys = keys.ok_or_else(unknown)?;
        let Meant::These(meant) = keys.meant(token.header.key.as_deref(), algorithm) else {
            return Err(unknown());
        };
        if !meant.iter().any(|key| key.verifies(token.message.as_bytes(), token.signature)) {
            return Err(Fault::Signature);
        }
        let expected = Expected { audiences: &self.audiences, leeway_ms: self.leeway_ms, now_ms };
        let times = token.claims.check(expected)?;
        self.mapping.principal(&token.claims, times)
    }

    /// How far its clock may be ahead of this one. That of the host's own key is this one.
    pub(crate) fn slack_ms(&self) -> u64 {
        if matches!(self.mapping, Mapping::Own) { 0 } else { self.leeway_ms }
    }
}

/// What a host believes of its own: a key, an issuer, an audience.
#[derive(Clone)]
pub struct Verifier {
    key: VerifyingKey,
    issuer: String,
    audience: String,
    leeway: Duration,
}

impl Verifier {
    /// Clocks may differ by this much and no more (RFC 7519 4.1.4 speaks of a few minutes; we do not).
    pub const MAX_LEEWAY: Duration = Duration::from_secs(30);

    /// A greater `leeway` than [`Self::MAX_LEEWAY`] counts as that.
    #[must_use]
    pub fn new(key: &VerifyingKey, issuer: impl Into<String>, audience: impl Into<String>, leeway: Duration) -> Self {
        let leeway = leeway.min(Self::MAX_LEEWAY);
        Self { key: key.clone(), issuer: issuer.into(), audience: audience.into(), leeway }
    }

    pub(crate) fn issuer(self) -> Issuer {
        Issuer {
            name: Arc::from(self.issuer),
            audiences: vec![self.audience],
            algorithms: [Algorithm::EdDsa].into(),
            leeway_ms: u64::try_from(self.leeway.as_millis()).unwrap_or(0),
            mapping: Mapping::Own,
            keys: Keys::Fixed(Arc::new(KeySet::of(self.key.decoding()))),
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("leeway", &self.leeway)
            .finish_non_exhaustive()
    }
}

/// The issuer that a token names, where it is one of these.
pub(crate) fn issuer_of<'a>(issuers: &'a [Issuer], token: &Token<'_>) -> Result<&'a Issuer, Fault> {
    let name = token.issuer()?;
    issuers.iter().find(|issuer| &*issuer.name == name).ok_or_else(|| Fault::Issuer(clipped(name)))
}

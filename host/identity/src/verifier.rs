//! Checks one token: size, shape, header, signature, claims, times, in this order. The signature is checked before
//! a single claim is read, by the algorithm of the key and no other.

use std::{fmt, time::Duration};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};

use grid_core::principal::Principal;

use crate::{
    claims::{Expected, Signed},
    fault::Fault,
    header,
    key::VerifyingKey,
};

pub(crate) const MAX_TOKEN: usize = 8 * 1024;

/// What a host believes: a key, an issuer, an audience.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
    rules: Validation,
    issuer: String,
    audience: String,
    leeway_ms: u64,
}

impl Verifier {
    /// Clocks may differ by this much and no more (RFC 7519 4.1.4 speaks of a few minutes; we do not).
    pub const MAX_LEEWAY: Duration = Duration::from_secs(30);

    /// A greater `leeway` than [`Self::MAX_LEEWAY`] counts as that.
    #[must_use]
    pub fn new(
        key: &VerifyingKey,
        issuer: impl Into<String>,
        audience: impl Into<String>,
        leeway: Duration,
    ) -> Self {
        let mut rules = Validation::new(Algorithm::EdDSA);
        // Claims and times are checked here, by the host's clock, with exact types.
        rules.required_spec_claims.clear();
        rules.validate_exp = false;
        rules.validate_aud = false;
        let leeway = leeway.min(Self::MAX_LEEWAY);
        Self {
            key: key.decoding(),
            rules,
            issuer: issuer.into(),
            audience: audience.into(),
            leeway_ms: u64::try_from(leeway.as_millis()).unwrap_or(0),
        }
    }

    pub(crate) fn verify(&self, token: &str, now_ms: u64) -> Result<Principal, Fault> {
        if token.len() > MAX_TOKEN {
            return Err(Fault::TooLong(token.len()));
        }
        let mut parts = token.split('.');
        let (Some(head), Some(_), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::Shape);
        };
        header::check(head)?;
        jsonwebtoken::decode::<Signed>(token, &self.key, &self.rules)
            .map_err(|fault| Fault::Unverified(fault.to_string()))?
            .claims
            .check(Expected {
                issuer: &self.issuer,
                audience: &self.audience,
                leeway_ms: self.leeway_ms,
                now_ms,
            })
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuer", &self.issuer)
            .field("audience", &self.audience)
            .field("leeway_ms", &self.leeway_ms)
            .finish_non_exhaustive()
    }
}

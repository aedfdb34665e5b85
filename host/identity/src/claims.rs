//! The claims of a token: read with their exact JSON types and no name twice, then checked against what the host
//! expects and against its clock (RFC 7519 4.1, RFC 8725 3.8 to 3.10).

use std::{collections::BTreeMap, collections::BTreeSet, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};

use grid_core::{
    id::{PrincipalId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
};

use crate::{digest, fault::Fault};

pub(crate) const MAX_ROLES: usize = 64;

/// As signed; right types, nothing else known yet.
#[derive(Debug)]
pub(crate) struct Signed {
    iss: String,
    aud: Vec<String>,
    sub: String,
    tenant: String,
    roles: Vec<String>,
    claims: BTreeMap<String, String>,
    iat: u64,
    exp: u64,
    nbf: Option<u64>,
}

/// What a host believes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) leeway_ms: u64,
    pub(crate) now_ms: u64,
}

impl Signed {
    pub(crate) fn check(self, expected: Expected<'_>) -> Result<Principal, Fault> {
        if self.iss != expected.issuer {
            return Err(Fault::Issuer(self.iss));
        }
        if !self.aud.iter().any(|aud| aud == expected.audience) {
            return Err(Fault::Audience(self.aud.join(" ")));
        }
        self.check_times(expected)?;
        if self.roles.len() > MAX_ROLES {
            return Err(Fault::TooManyRoles(self.roles.len()));
        }
        if !self.roles.iter().all(|role| is_plain(role)) {
            return Err(Fault::Name("roles"));
        }
        let id = PrincipalId::parse(&self.sub).map_err(|_| Fault::Name("sub"))?;
        let tenant = TenantId::parse(&self.tenant).map_err(|_| Fault::Name("tenant"))?;
        let roles: BTreeSet<Arc<str>> = self.roles.into_iter().map(Arc::from).collect();
        Ok(digest::sealed(Principal {
            id,
            tenant,
            roles,
            claims: self.claims,
            proof: Proof::Token,
            credential: None,
            runtime: None,
            digest: ClaimsDigest([0; 32]),
            issued_at_ms: Some(ms(self.iat)),
            expires_at_ms: Some(ms(self.exp)),
        }))
    }

    fn check_times(&self, expected: Expected<'_>) -> Result<(), Fault> {
        let Expected { leeway_ms, now_ms, .. } = expected;
        if self.exp <= self.iat {
            return Err(Fault::Backwards { iat: self.iat, exp: self.exp });
        }
        let end = ms(self.exp).saturating_add(leeway_ms);
        if now_ms >= end {
            return Err(Fault::Expired { ago_ms: now_ms.saturating_sub(ms(self.exp)) });
        }
        for (claim, begin) in [("iat", Some(self.iat)), ("nbf", self.nbf)] {
            let begin = begin.map_or(0, ms);
            if begin > now_ms.saturating_add(leeway_ms) {
                return Err(Fault::Early { claim, in_ms: begin - now_ms });
            }
        }
        Ok(())
    }
}

fn ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}

/// Roles follow the rule of all names that others choose.
pub(crate) fn is_plain(role: &str) -> bool {
    PrincipalId::parse(role).is_ok()
}

impl<'de> Deserialize<'de> for Signed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Walk)
    }
}

#[derive(Default)]
struct Found {
    iss: Option<String>,
    aud: Option<Audience>,
    sub: Option<String>,
    tenant: Option<String>,
    roles: Option<Vec<String>>,
    claims: Option<Pairs>,
    iat: Option<u64>,
    exp: Option<u64>,
    nbf: Option<u64>,
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Signed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Signed, A::Error> {
        let mut found = Found::default();
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            let read = match name.as_str() {
                "iss" => map.next_value().map(|value| found.iss = Some(value)),
                "aud" => map.next_value().map(|value| found.aud = Some(value)),
                "sub" => map.next_value().map(|value| found.sub = Some(value)),
                "tenant" => map.next_value().map(|value| found.tenant = Some(value)),
                "roles" => map.next_value().map(|value| found.roles = Some(value)),
                "claims" => map.next_value().map(|value| found.claims = Some(value)),
                "iat" => map.next_value().map(|value| found.iat = Some(value)),
                "exp" => map.next_value().map(|value| found.exp = Some(value)),
                "nbf" => map.next_value().map(|value| found.nbf = Some(value)),
                _ => map.next_value::<IgnoredAny>().map(|_| ()),
            };
            read.map_err(|fault| A::Error::custom(format!("claim `{name}`: {fault}")))?;
            if !seen.insert(name) {
                return Err(A::Error::custom("a claim is there twice"));
            }
        }
        let missing = |name| A::Error::custom(format!("claim `{name}` is missing"));
        Ok(Signed {
            iss: found.iss.ok_or_else(|| missing("iss"))?,
            aud: found.aud.ok_or_else(|| missing("aud"))?.0,
            sub: found.sub.ok_or_else(|| missing("sub"))?,
            tenant: found.tenant.ok_or_else(|| missing("tenant"))?,
            roles: found.roles.unwrap_or_default(),
            claims: found.claims.map(|pairs| pairs.0).unwrap_or_default(),
            iat: found.iat.ok_or_else(|| missing("iat"))?,
            exp: found.exp.ok_or_else(|| missing("exp"))?,
            nbf: found.nbf,
        })
    }
}

/// One name, or several (RFC 7519 4.1.3).
struct Audience(Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "expected a text or a list of texts")]
        enum Form {
            One(String),
            Several(Vec<String>),
        }
        Ok(Self(match Form::deserialize(deserializer)? {
            Form::One(one) => vec![one],
            Form::Several(several) => several,
        }))
    }
}

/// Text by name, no name twice.
struct Pairs(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(WalkPairs)
    }
}

struct WalkPairs;

impl<'de> Visitor<'de> for WalkPairs {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, String>()? {
            if pairs.insert(name, value).is_some() {
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        Ok(Pairs(pairs))
    }
}

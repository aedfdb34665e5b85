//! From claims to a principal: as `grid token new` writes them, or by the rules for an issuer whose tokens were made for
//! others too. Claims are read in exactly the place and type that a rule names; what no rule names means nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use grid_core::{
    id::{PrincipalId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
};

use crate::{
    claims::{Claims, Times, missing, odd},
    digest,
    fault::Fault,
    json::Json,
};

pub(crate) const MAX_ROLES: usize = 64;

/// Names into objects within each other.
pub(crate) type Path = Vec<String>;

/// How an issuer's claims are read.
#[derive(Debug, Clone)]
pub(crate) enum Mapping {
    /// As `grid token new` writes them: `sub`, `tenant`, `roles`, `claims`.
    Own,
    /// By rules.
    Rules(Box<ClaimRules>),
}

/// Where an issuer's tokens say what.
#[derive(Debug, Clone)]
pub(crate) struct ClaimRules {
    pub(crate) principal: Path,
    /// Put before the name, so that two issuers cannot name the same principal.
    pub(crate) principal_prefix: String,
    pub(crate) tenant: TenantRule,
    pub(crate) roles: RoleRule,
    /// The claim of this host for each claim of the issuer that is kept.
    pub(crate) claims: BTreeMap<String, Path>,
}

/// Whose tenant.
#[derive(Debug, Clone)]
pub(crate) enum TenantRule {
    /// Everybody of the issuer is of this one.
    Is(TenantId),
    /// The claim names it.
    Claim {
        path: Path,
        /// What the claim says, and what it means here; where there is a map, nothing else means anything.
        map: Option<BTreeMap<String, TenantId>>,
        /// Those that the issuer may name; empty means all.
        only: BTreeSet<TenantId>,
    },
}

/// With which roles.
#[derive(Debug, Clone, Default)]
pub(crate) struct RoleRule {
    pub(crate) path: Option<Path>,
    /// The claim is one text with blanks between the names, as `scope` is.
    pub(crate) split: bool,
    /// Only names that begin so count, and lose it.
    pub(crate) prefix: String,
    /// Where there is a map, names that are not in it mean nothing.
    pub(crate) map: Option<BTreeMap<String, Vec<String>>>,
    /// Everybody of the issuer has these.
    pub(crate) always: Vec<String>,
}

impl Mapping {
    /// Whom the claims name.
    pub(crate) fn principal(&self, claims: &Claims, times: Times) -> Result<Principal, Fault> {
        match self {
            Self::Own => own(claims, times),
            Self::Rules(rules) => rules.principal(claims, times),
        }
    }
}

fn own(claims: &Claims, times: Times) -> Result<Principal, Fault> {
    let id = PrincipalId::parse(claims.text("sub")?).map_err(|_| Fault::Name("sub"))?;
    let tenant = TenantId::parse(claims.text("tenant")?).map_err(|_| Fault::Name("tenant"))?;
    let roles = match claims.get("roles") {
        None => Vec::new(),
        Some(value) => texts("roles", value)?,
    };
    let further = match claims.get("claims") {
        None => BTreeMap::new(),
        Some(Json::Object(members)) => {
            let pair = |(name, value): (&String, &Json)| match value {
                Json::Text(text) => Ok((name.clone(), text.clone())),
                other => Err(odd("claims", other, "an object of texts")),
            };
            members.iter().map(pair).collect::<Result<_, _>>()?
        }
        Some(other) => return Err(odd("claims", other, "an object of texts")),
    };
    principal(id, tenant, roles.into_iter(), further, times)
}

impl ClaimRules {
    fn principal(&self, claims: &Claims, times: Times) -> Result<Principal, Fault> {
        let name = text(claims, &self.principal)?;
        // The prefix makes no name of what is none.
        PrincipalId::parse(name).map_err(|_| Fault::Name("of the principal"))?;
        let id = format!("{}{name}", self.principal_prefix);
        let id = PrincipalId::parse(&id).map_err(|_| Fault::Name("of the principal"))?;
        let tenant = self.tenant.of(claims)?;
        let roles = self.roles.of(claims)?;
        let mut kept = BTreeMap::new();
        for (name, path) in &self.claims {
            let value = match claims.at(path) {
                None => continue,
                Some(Json::Text(text)) => text.clone(),
                Some(Json::Bool(value)) => value.to_string(),
                Some(Json::Whole(value)) => value.to_string(),
                Some(other) => return Err(odd(&path.join("."), other, "a text, a whole number, true or false")),
            };
            kept.insert(name.clone(), value);
        }
        principal(id, tenant, roles.into_iter(), kept, times)
    }
}

impl TenantRule {
    fn of(&self, claims: &Claims) -> Result<TenantId, Fault> {
        let (path, map, only) = match self {
            Self::Is(tenant) => return Ok(tenant.clone()),
            Self::Claim { path, map, only } => (path, map, only),
        };
        let said = text(claims, path)?;
        let tenant = match map {
            Some(map) => map.get(said).cloned().ok_or(Fault::Tenant)?,
            None => TenantId::parse(said).map_err(|_| Fault::Name("of the tenant"))?,
        };
        // Who serves every tenant is for the operator to say, never for a claim.
        let is_any = map.is_none() && tenant.as_str() == Principal::ANY_TENANT;
        if is_any || !(only.is_empty() || only.contains(&tenant)) {
            return Err(Fault::Tenant);
        }
        Ok(tenant)
    }
}

impl RoleRule {
    fn of(&self, claims: &Claims) -> Result<Vec<String>, Fault> {
        let mut roles = self.always.clone();
        let Some(path) = &self.path else { return Ok(roles) };
        let Some(value) = claims.at(path) else { return Ok(roles) };
        let named = match value {
            Json::Text(text) if self.split => text.split(' ').filter(|name| !name.is_empty()).collect(),
            other => texts(&path.join("."), other)?,
        };
        let meant = named.into_iter().filter_map(|name| name.strip_prefix(self.prefix.as_str()));
        match &self.map {
            Some(map) => roles.extend(meant.filter_map(|name| map.get(name)).flatten().cloned()),
            None => roles.extend(meant.map(str::to_owned)),
        }
        Ok(roles)
    }
}

fn text<'a>(claims: &'a Claims, path: &Path) -> Result<&'a str, Fault> {
    let value = claims.at(path).ok_or_else(|| missing(&path.join(".")))?;
    value.text().ok_or_else(|| odd(&path.join("."), value, "a text"))
}

fn texts<'a>(name: &str, value: &'a Json) -> Result<Vec<&'a str>, Fault> {
    let Json::List(list) = value else { return Err(odd(name, value, "a list of texts")) };
    list.iter().map(|value| value.text().ok_or_else(|| odd(name, value, "a text in its list"))).collect()
}

fn principal<R: AsRef<str>>(
    id: PrincipalId,
    tenant: TenantId,
    roles: impl ExactSizeIterator<Item = R>,
    claims: BTreeMap<String, String>,
    times: Times,
) -> Result<Principal, Fault> {
    if roles.len() > MAX_ROLES {
        return Err(Fault::TooManyRoles(roles.len()));
    }
    let plain = |role: R| is_plain(role.as_ref()).then(|| Arc::from(role.as_ref())).ok_or(Fault::Name("roles"));
    Ok(digest::sealed(Principal {
        id,
        tenant,
        roles: roles.map(plain).collect::<Result<_, _>>()?,
        claims,
        proof: Proof::Token,
        credential: None,
        runtime: None,
        digest: ClaimsDigest([0; 32]),
        issued_at_ms: Some(times.issued_at_ms),
        expires_at_ms: Some(times.expires_at_ms),
    }))
}

/// Roles follow the rule of all names that others choose.
pub(crate) fn is_plain(role: &str) -> bool {
    PrincipalId::parse(role).is_ok()
}

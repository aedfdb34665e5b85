//! `[[certificate]]`: whom a client certificate names. The transport has verified its chain; what is decided here is what
//! its names mean.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use grid_core::{
    envelope::PeerCertificate,
    id::{PrincipalId, TenantId},
    principal::{ClaimsDigest, Principal, Proof, RuntimeScope},
};

use super::read::{Reader, Table};
use crate::digest;

/// Names of a certificate, one of which a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    /// `spiffe://<trust domain>/<path>`, at most one segment of which is `*`.
    Spiffe(String),
    /// A DNS name, as it stands.
    Dns(String),
    /// The common name, as it stands.
    CommonName(String),
}

/// Whom what is proved names.
#[derive(Debug, Clone)]
pub(super) struct Named {
    /// With `*` for what the pattern's `*` stands for.
    principal: String,
    tenant: TenantId,
    roles: BTreeSet<Arc<str>>,
    scope: Option<Arc<RuntimeScope>>,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct CertificateRule {
    pattern: Pattern,
    trust_domain: String,
    named: Named,
    /// A token on the same connection must name the same.
    pub(crate) binds_token: bool,
    at: usize,
}

impl CertificateRule {
    /// The principal of a certificate that the rule is about.
    pub(crate) fn principal(&self, certificate: &PeerCertificate) -> Option<Principal> {
        if certificate.trust_domain != self.trust_domain {
            return None;
        }
        let star = match &self.pattern {
            Pattern::Spiffe(pattern) => segment(pattern, &certificate.spiffe_id)?,
            Pattern::Dns(name) => certificate.dns_names.contains(name).then_some("")?,
            Pattern::CommonName(name) => (certificate.common_name == *name).then_some("")?,
        };
        let id = PrincipalId::parse(&self.named.principal.replacen('*', star, 1)).ok()?;
        Some(self.named.principal(
            id,
            Proof::Certificate,
            Some(certificate.thumbprint),
            (Some(certificate.not_before_ms), Some(certificate.not_after_ms)),
        ))
    }
}

impl Named {
    pub(super) fn principal(
        &self,
        id: PrincipalId,
        proof: Proof,
        credential: Option<[u8; 32]>,
        (issued_at_ms, expires_at_ms): (Option<u64>, Option<u64>),
    ) -> Principal {
        digest::sealed(Principal {
            id,
            tenant: self.tenant.clone(),
            roles: self.roles.clone(),
            claims: BTreeMap::new(),
            proof,
            credential,
            runtime: self.scope.clone(),
            digest: ClaimsDigest([0; 32]),
            issued_at_ms,
            expires_at_ms,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.principal
    }
}

/// Whether a name is of a pattern, and what its `*` stands for: one whole segment, never an empty one.
fn segment<'a>(pattern: &str, name: &'a str) -> Option<&'a str> {
    let Some((before, after)) = pattern.split_once('*') else {
        return (pattern == name).then_some("");
    };
    let star = name.strip_prefix(before)?.strip_suffix(after)?;
    (!star.is_empty() && !star.contains('/')).then_some(star)
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_>, runtime_role: &str) -> Option<CertificateRule> {
    let pattern = pattern(reader, table);
    let named = named(reader, table, runtime_role, pattern.as_ref().is_some_and(|(pattern, _)| pattern.has_star()));
    let runtime = table.flag(reader, "runtime").unwrap_or(false);
    let binds_token = table.flag(reader, "bind_token").unwrap_or(runtime);
    table.only(
        reader,
        &[
            "spiffe",
            "dns",
            "common_name",
            "trust_domain",
            "principal",
            "tenant",
            "tenants",
            "roles",
            "runtime",
            "runtime_id",
            "bind_token",
        ],
    );
    let (pattern, trust_domain) = pattern?;
    Some(CertificateRule { pattern, trust_domain, named: named?, binds_token, at: table.at })
}

impl Pattern {
    fn has_star(&self) -> bool {
        matches!(self, Self::Spiffe(pattern) if pattern.contains('*'))
    }

    /// Whether whatever the other is about is decided here already.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Spiffe(one), Self::Spiffe(other)) => one == other || segment(one, other).is_some(),
            (one, other) => one == other,
        }
    }
}

/// The first rule that is about a certificate decides; one that never does is a mistake.
pub(super) fn compare(reader: &mut Reader<'_>, rules: &[CertificateRule]) {
    for (place, rule) in rules.iter().enumerate() {
        let covers = |earlier: &&CertificateRule| {
            earlier.trust_domain == rule.trust_domain && earlier.pattern.covers(&rule.pattern)
        };
        if rules.iter().take(place).any(|earlier| covers(&earlier)) {
            let message =
                "is never used, because an earlier rule is about the same names; put it first, or take it out";
            reader.fault(Some(rule.at), "certificate", message);
        }
    }
}

fn pattern(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<(Pattern, String)> {
    let given = ["spiffe", "dns", "common_name"].into_iter().filter(|name| table.has(name)).collect::<Vec<_>>();
    let [name] = given.as_slice() else {
        table.wrong(
            reader,
            "needs exactly one of `spiffe`, `dns` and `common_name`, to say which certificates it is about",
        );
        return None;
    };
    let text = table.text(reader, name);
    let domain = table.text(reader, "trust_domain");
    let text = text?;
    if *name == "spiffe" {
        if table.has("trust_domain") {
            table.fault(reader, "trust_domain", "is part of `spiffe` already; leave it out");
        }
        let Some(own) = spiffe(&text) else {
            let message =
                "must be `spiffe://<trust domain>/<path>`, in which at most one whole segment of the path is `*`";
            table.fault(reader, name, message);
            return None;
        };
        return Some((Pattern::Spiffe(text.clone()), own.to_owned()));
    }
    if domain.is_none() {
        table.fault(reader, "trust_domain", "is missing; name the trust domain whose authorities vouch for the name");
    }
    if text.contains('*') {
        table.fault(reader, name, "has a `*`; such names are compared as they stand");
        return None;
    }
    let pattern = if *name == "dns" { Pattern::Dns(text) } else { Pattern::CommonName(text) };
    Some((pattern, domain?))
}

/// The trust domain of a pattern that is one.
fn spiffe(pattern: &str) -> Option<&str> {
    let (domain, path) = pattern.strip_prefix("spiffe://")?.split_once('/')?;
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let is_domain = !domain.is_empty() && plain(domain) && domain == domain.to_ascii_lowercase();
    let segments: Vec<&str> = path.split('/').collect();
    let fits = |segment: &&str| *segment == "*" || (plain(segment) && !["", ".", ".."].contains(segment));
    let stars = segments.iter().filter(|segment| **segment == "*").count();
    (is_domain && segments.iter().all(fits) && stars <= 1).then_some(domain)
}

/// What certificates and local users have in common.
pub(super) fn named(reader: &mut Reader<'_>, table: &Table<'_>, runtime_role: &str, star: bool) -> Option<Named> {
    let principal = match table.text(reader, "principal") {
        Some(name) => {
            let stars = name.matches('*').count();
            if (stars > 0 && !star) || stars > 1 || PrincipalId::parse(&name).is_err() {
                let message =
                    "must be a name of 1 to 128 printable ASCII characters, with a `*` only for the one of `spiffe`";
                table.fault(reader, "principal", message);
                None
            } else if star && stars == 0 {
                table.fault(
                    reader,
                    "principal",
                    "is one name for all that `*` stands for; put a `*` into it, or leave it out",
                );
                None
            } else {
                Some(name)
            }
        }
        None if table.has("principal") => None,
        None if star => Some("*".to_owned()),
        None => {
            table.fault(reader, "principal", "is missing; say whom it names");
            None
        }
    };
    let runtime = table.flag(reader, "runtime").unwrap_or(false);
    let (tenant, tenants) = tenants(reader, table, runtime)?;
    let ids = runtime_ids(reader, table, runtime, principal.as_deref());
    let mut roles: BTreeSet<Arc<str>> = table.roles(reader, "roles").into_iter().map(Arc::from).collect();
    if runtime {
        roles.insert(Arc::from(runtime_role));
    }
    let scope = (!tenants.is_empty() || !ids.is_empty()).then(|| Arc::new(RuntimeScope { tenants, ids }));
    Some(Named { principal: principal?, tenant, roles, scope })
}

/// The tenant, and those that `*` means where it does not mean all.
fn tenants(reader: &mut Reader<'_>, table: &Table<'_>, runtime: bool) -> Option<(TenantId, BTreeSet<TenantId>)> {
    let any = TenantId::parse(Principal::ANY_TENANT).ok()?;
    match (table.has("tenant"), table.has("tenants")) {
        (true, false) => {
            let tenant = table.tenant(reader, "tenant")?;
            if tenant == any && !runtime {
                table.fault(
                    reader,
                    "tenant",
                    "is `*`, which only a runtime may serve; set `runtime = true`, or name a tenant",
                );
            }
            Some((tenant, BTreeSet::new()))
        }
        (false, true) => {
            if !runtime {
                table.fault(
                    reader,
                    "tenants",
                    "is for runtimes, which serve several; set `runtime = true`, or name a `tenant`",
                );
            }
            if table.texts(reader, "tenants").is_some_and(|names| names == [Principal::ANY_TENANT]) {
                return Some((any, BTreeSet::new()));
            }
            let mut tenants = table.tenants(reader, "tenants");
            match (tenants.len(), tenants.pop_first()) {
                (_, None) => None,
                (1, Some(one)) => Some((one, BTreeSet::new())),
                (_, Some(first)) => {
                    tenants.insert(first);
                    Some((any, tenants))
                }
            }
        }
        (true, true) => {
            table.fault(reader, "tenants", "is there beside `tenant`; leave one of them out");
            None
        }
        (false, false) => {
            table.fault(reader, "tenant", "is missing; say whose tenant it is");
            None
        }
    }
}

/// A runtime's id begins with its principal; rules make that narrower, never wider.
fn runtime_ids(reader: &mut Reader<'_>, table: &Table<'_>, runtime: bool, principal: Option<&str>) -> Vec<String> {
    let ids = table.texts(reader, "runtime_id").unwrap_or_default();
    if !runtime && table.has("runtime_id") {
        table.fault(reader, "runtime_id", "is for runtimes; set `runtime = true`, or leave it out");
    }
    for id in &ids {
        let plain = id.strip_suffix('*').unwrap_or(id);
        let provider = plain.split('/').next().unwrap_or_default();
        let own = principal.is_none_or(|principal| principal.contains('*') || provider == principal);
        if plain.contains('*') || plain.is_empty() || !own {
            let message = format!(
                "has {id:?}; an id begins with the principal of the rule, as `weather` or `weather/2`, and may end with one `*`"
            );
            table.fault(reader, "runtime_id", message);
        }
    }
    ids
}

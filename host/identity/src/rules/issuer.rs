//! `[[issuer]]`: whose tokens are believed, with which keys, and what their claims mean here.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use super::read::{Reader, Table};
use crate::{
    fetch::{self, Web},
    jwk::{Algorithm, KeySet},
    keeper::Source,
    mapping::{ClaimRules, RoleRule, TenantRule},
    verifier::Verifier,
};

const KNOWN: [&str; 18] = [
    "issuer",
    "audience",
    "jwks",
    "ca_file",
    "refresh",
    "algorithms",
    "leeway",
    "principal_claim",
    "principal_prefix",
    "tenant",
    "tenant_claim",
    "tenant_map",
    "tenants",
    "roles_claim",
    "roles_split",
    "role_prefix",
    "role_map",
    "roles",
];
const CLAIMS: &str = "claims";
/// How often an address is asked where the rules do not say.
const REFRESH: Duration = Duration::from_secs(300);

/// One issuer.
#[derive(Debug)]
pub(crate) struct IssuerRule {
    pub(crate) issuer: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: BTreeSet<Algorithm>,
    pub(crate) leeway: Duration,
    pub(crate) source: Source,
    /// What a key file said.
    pub(crate) first: Option<KeySet>,
    pub(crate) claims: ClaimRules,
    at: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<IssuerRule> {
    let issuer = table.needed(reader, "issuer", "give the text that its tokens have as `iss`");
    if !table.has("audience") {
        table.fault(reader, "audience", "is missing; give the text that tokens for this host have as `aud`");
    }
    let audiences = table.texts(reader, "audience");
    let keys = keys(reader, table);
    let algorithms = algorithms(reader, table);
    let leeway = table.time(reader, "leeway", 0, Verifier::MAX_LEEWAY.as_secs());
    let claims = claims(reader, table);
    let mut known = KNOWN.to_vec();
    known.push(CLAIMS);
    table.only(reader, &known);
    let (source, first) = keys?;
    Some(IssuerRule {
        issuer: issuer?,
        audiences: audiences?,
        algorithms,
        leeway: leeway.unwrap_or(Verifier::MAX_LEEWAY),
        source,
        first,
        claims: claims?,
        at: table.at,
    })
}

/// An issuer has one set of keys.
pub(super) fn compare(reader: &mut Reader<'_>, issuers: &[IssuerRule], own: &str) {
    let mut seen = BTreeSet::from([own]);
    for rule in issuers {
        if !seen.insert(rule.issuer.as_str()) {
            let message = if rule.issuer == own {
                "is the host's own, whose key is `identity.key`; give the other a name of its own, or change the setting `identity.issuer`"
            } else {
                "is there twice; an issuer has one rule, so that it is clear which keys are its own"
            };
            reader.fault(Some(rule.at), "issuer.issuer", message);
        }
    }
}

fn keys(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<(Source, Option<KeySet>)> {
    let place = table.needed(reader, "jwks", "give the file of its key set, or the https URL where it is");
    let ca_file = table.text(reader, "ca_file").map(|path| reader.folder.join(path));
    let refresh = table.time(reader, "refresh", 60, 3_600);
    let place = place?;
    if place.contains("://") {
        return match Web::new(&place, ca_file.as_deref()) {
            Ok(web) => Some((Source::Web { web, refresh: refresh.unwrap_or(REFRESH) }, None)),
            Err(why) => {
                table.fault(reader, "jwks", format!("cannot be used: {why}"));
                None
            }
        };
    }
    for name in ["ca_file", "refresh"].into_iter().filter(|name| table.has(name)) {
        table.fault(reader, name, "is for keys behind a URL, and these are in a file; leave it out");
    }
    let path: PathBuf = reader.folder.join(place);
    match fetch::file(&path).and_then(|bytes| KeySet::read(&bytes)) {
        Ok((keys, left_out)) => {
            for why in left_out {
                tracing::warn!(file = %path.display(), why, "a key is left out");
            }
            Some((Source::File(path), Some(keys)))
        }
        Err(why) => {
            table.fault(reader, "jwks", format!("is no key set: {why}; give a file as RFC 7517 describes it"));
            None
        }
    }
}

fn algorithms(reader: &mut Reader<'_>, table: &Table<'_>) -> BTreeSet<Algorithm> {
    let Some(names) = table.texts(reader, "algorithms") else { return Algorithm::ALL.into() };
    let mut algorithms = BTreeSet::new();
    for name in names {
        match Algorithm::parse(&name) {
            Some(algorithm) => drop(algorithms.insert(algorithm)),
            None => table.fault(reader, "algorithms", format!("has {name:?}; there are EdDSA, ES256 and RS256")),
        }
    }
    algorithms
}

fn claims(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<ClaimRules> {
    let principal = match table.has("principal_claim") {
        true => table.path(reader, "principal_claim"),
        false => Some(vec!["sub".to_owned()]),
    };
    let principal_prefix = table.text(reader, "principal_prefix").unwrap_or_default();
    let tenant = tenant(reader, table);
    let roles = roles(reader, table);
    let mut kept = BTreeMap::new();
    if let Some(claims) = table.table(reader, CLAIMS) {
        for name in claims.names() {
            if let Some(path) = claims.path(reader, &name) {
                kept.insert(name, path);
            }
        }
    }
    Some(ClaimRules { principal: principal?, principal_prefix, tenant: tenant?, roles, claims: kept })
}

fn tenant(reader: &mut Reader<'_>, table: &Table<'_>) -> Option<TenantRule> {
    match (table.has("tenant"), table.has("tenant_claim")) {
        (true, false) => {
            for name in ["tenant_map", "tenants"].into_iter().filter(|name| table.has(name)) {
                table.fault(reader, name, "is for `tenant_claim`, and here `tenant` says it; leave one of them out");
            }
            table.tenant(reader, "tenant").map(TenantRule::Is)
        }
        (false, true) => {
            let map = table.table(reader, "tenant_map").map(|map| {
                let each = |name: String| Some((name.clone(), map.tenant(reader, &name)?));
                map.names().into_iter().filter_map(each).collect()
            });
            let only = table.tenants(reader, "tenants");
            table.path(reader, "tenant_claim").map(|path| TenantRule::Claim { path, map, only })
        }
        (true, true) => {
            table.fault(reader, "tenant_claim", "is there beside `tenant`; one of them says whose tenant it is");
            None
        }
        (false, false) => {
            table.fault(reader, "tenant", "is missing; give the tenant of all its tokens, or a `tenant_claim`");
            None
        }
    }
}

fn roles(reader: &mut Reader<'_>, table: &Table<'_>) -> RoleRule {
    let path = table.path(reader, "roles_claim");
    let split = table.flag(reader, "roles_split").unwrap_or(false);
    let prefix = table.text(reader, "role_prefix").unwrap_or_default();
    let map = table.table(reader, "role_map").map(|map| {
        map.names().into_iter().map(|name| (name.clone(), map.roles(reader, &name))).collect::<BTreeMap<_, _>>()
    });
    if !table.has("roles_claim") {
        for name in ["roles_split", "role_prefix", "role_map"].into_iter().filter(|name| table.has(name)) {
            table.fault(reader, name, "is of no use without `roles_claim`; name the claim that has the roles");
        }
    }
    RoleRule { path, split, prefix, map, always: table.roles(reader, "roles") }
}

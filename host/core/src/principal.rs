//! Who is asking, as the connection proved it. Nothing in a message can add to it.

use std::{collections::BTreeMap, collections::BTreeSet, fmt, sync::Arc};

use crate::id::{PrincipalId, TenantId};

/// How a principal was proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A signed token.
    Token,
    /// A client certificate.
    Certificate,
    /// The user of a process on this machine, by its Unix socket.
    LocalUser,
    /// The named principal that DEVELOPMENT gives to callers without a token.
    Development,
    /// A secret that another system shares with the host: it signs what it sends.
    SharedSecret,
}

impl Proof {
    /// Every one.
    pub const ALL: [Self; 5] = [Self::Token, Self::Certificate, Self::LocalUser, Self::Development, Self::SharedSecret];

    /// As the audit log writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Certificate => "certificate",
            Self::LocalUser => "local_user",
            Self::Development => "development",
            Self::SharedSecret => "shared_secret",
        }
    }
}

/// 32 bytes over everything about a principal that a decision may read.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimsDigest(pub [u8; 32]);

impl fmt::Debug for ClaimsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the rule that proved a runtime lets it be and serve, where that is more or less than its principal says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuntimeScope {
    /// The tenants that it serves and no others; its own tenant is then [`Principal::ANY_TENANT`]. Empty means that the
    /// principal's tenant says it.
    pub tenants: BTreeSet<TenantId>,
    /// Ids that it may announce: a text, with one `*` at its end for any further characters. Empty means all that
    /// begin with the principal.
    pub ids: Vec<String>,
}

impl RuntimeScope {
    /// Whether a runtime of this scope may announce itself as `id`.
    #[must_use]
    pub fn admits(&self, id: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => id.starts_with(start),
            None => id == pattern,
        };
        self.ids.is_empty() || self.ids.iter().any(fits)
    }
}

/// A proved identity.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The name within its tenant.
    pub id: PrincipalId,
    /// The tenant. For runtimes, [`Principal::ANY_TENANT`] means every tenant.
    pub tenant: TenantId,
    /// Roles, as signed.
    pub roles: BTreeSet<Arc<str>>,
    /// Further signed claims; opaque to the host.
    pub claims: BTreeMap<String, String>,
    /// How it was proved.
    pub proof: Proof,
    /// SHA-256 of the certificate that proved it; absent where something else did.
    pub credential: Option<[u8; 32]>,
    /// What bounds it as a runtime beside its name and tenant.
    pub runtime: Option<Arc<RuntimeScope>>,
    /// Covers all of the above.
    pub digest: ClaimsDigest,
    /// When the proof began, in milliseconds since 1970: what was issued before a revocation is void.
    pub issued_at_ms: Option<u64>,
    /// When the proof ends, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
}

impl Principal {
    /// The tenant name that stands for all of them; only a runtime may carry it.
    pub const ANY_TENANT: &'static str = "*";

    /// Whether it may act in `tenant`.
    #[must_use]
    pub fn serves(&self, tenant: &TenantId) -> bool {
        serves(&self.tenant, self.runtime.as_deref(), tenant)
    }

    /// What it serves, for people: a tenant, `*`, or names with commas.
    #[must_use]
    pub fn tenants(&self) -> String {
        shown(&self.tenant, self.runtime.as_deref())
    }

    /// Whether it holds `role`.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}

/// Whether somebody of tenant `own` may act in `tenant`. A list of tenants bounds what `*` means.
pub(crate) fn serves(own: &TenantId, scope: Option<&RuntimeScope>, tenant: &TenantId) -> bool {
    if own.as_str() != Principal::ANY_TENANT {
        return own == tenant;
    }
    scope.is_none_or(|scope| scope.tenants.is_empty() || scope.tenants.contains(tenant))
}

pub(crate) fn shown(own: &TenantId, scope: Option<&RuntimeScope>) -> String {
    match scope {
        Some(scope) if !scope.tenants.is_empty() => {
            scope.tenants.iter().map(TenantId::as_str).collect::<Vec<_>>().join(",")
        }
        _ => own.to_string(),
    }
}

/// What a message claims about its sender. Compared with what was proved, never believed (Q29).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityClaim {
    /// Empty where nothing is claimed.
    pub principal: String,
    /// Empty where nothing is claimed.
    pub tenant: String,
    /// Opaque.
    pub claims: BTreeMap<String, String>,
}

/// The whole context that an authorizer sees.
#[derive(Debug, Clone)]
pub struct SecurityContext {
    /// As proved.
    pub principal: Arc<Principal>,
    /// What the session was opened with; narrower than or equal to what was proved.
    pub claim: Option<Arc<SecurityClaim>>,
}

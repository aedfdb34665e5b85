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
}

impl Proof {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Token, Self::Certificate, Self::LocalUser, Self::Development];

    /// As the audit log writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Certificate => "certificate",
            Self::LocalUser => "local_user",
            Self::Development => "development",
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
        self.tenant == *tenant || self.tenant.as_str() == Self::ANY_TENANT
    }

    /// Whether it holds `role`.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
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

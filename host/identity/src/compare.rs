//! What a message claims about its sender, compared with what was proved (Q29, R-036): equal or narrower passes,
//! contradictory is PERMISSION_DENIED. It never widens anything.

use std::sync::Arc;

use grid_core::{
    Code, Refusal, Stage,
    id::TenantId,
    principal::{Principal, SecurityClaim},
};

/// A claim that contradicts nothing that was proved. Only [`compare`] makes it.
#[derive(Debug, Clone)]
pub struct Narrowed(Arc<SecurityClaim>);

impl Narrowed {
    /// The claim; its map of further claims is opaque.
    #[must_use]
    pub fn claim(&self) -> &Arc<SecurityClaim> {
        &self.0
    }

    /// The claim, to keep.
    #[must_use]
    pub fn into_claim(self) -> Arc<SecurityClaim> {
        self.0
    }
}

/// Gives `None` where nothing is claimed. A principal of every tenant may narrow itself to one.
///
/// # Errors
/// PERMISSION_DENIED where principal or tenant are claimed and are others than the proved ones.
pub fn compare(proved: &Principal, claim: &SecurityClaim) -> Result<Option<Narrowed>, Refusal> {
    if !claim.principal.is_empty() && claim.principal != proved.id.as_str() {
        return Err(contradiction("principal", &claim.principal, proved.id.as_str()));
    }
    let tenant_fits =
        claim.tenant.is_empty() || TenantId::parse(&claim.tenant).is_ok_and(|tenant| proved.serves(&tenant));
    if !tenant_fits {
        return Err(contradiction("tenant", &claim.tenant, proved.tenant.as_str()));
    }
    let is_empty = claim.principal.is_empty() && claim.tenant.is_empty() && claim.claims.is_empty();
    Ok((!is_empty).then(|| Narrowed(Arc::new(claim.clone()))))
}

/// As [`compare`] for a request that keeps nothing of it.
///
/// # Errors
/// As [`compare`].
pub fn agree(proved: &Principal, claim: Option<&SecurityClaim>) -> Result<(), Refusal> {
    claim.map_or(Ok(()), |claim| compare(proved, claim).map(|_| ()))
}

fn contradiction(what: &'static str, claimed: &str, proved: &str) -> Refusal {
    let claimed: String = claimed.chars().take(128).collect();
    Refusal::new(
        Code::PermissionDenied,
        Stage::Identity,
        format!("the security context names another {what} than what proved you; leave it out or make them equal"),
    )
    .because(format!("{what} `{claimed}` is claimed and `{proved}` is proved"))
}

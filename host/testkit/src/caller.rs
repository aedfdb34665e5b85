//! Proved callers, made by the identity stage itself: no other code can make one.

use std::sync::Arc;

use grid_core::{
    envelope::Credentials,
    id::{PrincipalId, TenantId},
    principal::Principal,
};
use grid_identity::{Caller, Development, Identity};

use crate::FakeClock;

/// A proved caller.
///
/// # Panics
/// Where the names are no ids.
#[must_use]
#[expect(clippy::expect_used, reason = "a test with a bad name should stop")]
pub fn caller(name: &str, tenant: &str, roles: &[&str]) -> Caller {
    let named = Development {
        principal: PrincipalId::parse(name).expect("a principal's name"),
        tenant: TenantId::parse(tenant).expect("a tenant's name"),
        roles: roles.iter().map(|role| Arc::from(*role)).collect(),
    };
    let here = Credentials { bearer: None, loopback: true, ..Credentials::default() };
    Identity::development(None, named, FakeClock::default().shared()).prove(&here).expect("a local peer is proved")
}

/// A proved principal.
#[must_use]
pub fn principal(name: &str, tenant: &str, roles: &[&str]) -> Arc<Principal> {
    Arc::clone(caller(name, tenant, roles).principal())
}

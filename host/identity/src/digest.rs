//! One digest over everything about a principal that a decision may read; part of every cache key.
//! Every text is preceded by its length, so that no two principals share an encoding.

use aws_lc_rs::digest::{Context, SHA256};

use grid_core::principal::{ClaimsDigest, Principal};

/// The principal with the digest over the rest of it.
pub(crate) fn sealed(principal: Principal) -> Principal {
    let mut hash = Context::new(&SHA256);
    text(&mut hash, "grid principal 2");
    text(&mut hash, principal.proof.as_str());
    text(&mut hash, principal.id.as_str());
    text(&mut hash, principal.tenant.as_str());
    count(&mut hash, principal.roles.len());
    for role in &principal.roles {
        text(&mut hash, role);
    }
    count(&mut hash, principal.claims.len());
    for (name, value) in &principal.claims {
        text(&mut hash, name);
        text(&mut hash, value);
    }
    let credential = principal.credential.as_ref().map_or(&[][..], |thumbprint| thumbprint.as_slice());
    count(&mut hash, credential.len());
    hash.update(credential);
    let (tenants, ids) = principal.runtime.as_deref().map_or((None, None), |s| (Some(&s.tenants), Some(&s.ids)));
    count(&mut hash, tenants.map_or(0, |tenants| tenants.len()));
    for tenant in tenants.into_iter().flatten() {
        text(&mut hash, tenant.as_str());
    }
    count(&mut hash, ids.map_or(0, Vec::len));
    for id in ids.into_iter().flatten() {
        text(&mut hash, id);
    }
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    Principal { digest: ClaimsDigest(digest), ..principal }
}

fn text(hash: &mut Context, text: &str) {
    count(hash, text.len());
    hash.update(text.as_bytes());
}

fn count(hash: &mut Context, count: usize) {
    hash.update(&(count as u64).to_be_bytes());
}

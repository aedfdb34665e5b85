//! One digest over everything about a principal that a decision may read; part of every cache key.
//! Every text is preceded by its length, so that no two principals share an encoding.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use aws_lc_rs::digest::{Context, SHA256};

use grid_core::{
    id::{PrincipalId, TenantId},
    principal::{ClaimsDigest, Proof},
};

pub(crate) fn of(
    id: &PrincipalId,
    tenant: &TenantId,
    roles: &BTreeSet<Arc<str>>,
    claims: &BTreeMap<String, String>,
    proof: Proof,
) -> ClaimsDigest {
    let mut hash = Context::new(&SHA256);
    text(&mut hash, "grid principal 1");
    text(&mut hash, proof.as_str());
    text(&mut hash, id.as_str());
    text(&mut hash, tenant.as_str());
    count(&mut hash, roles.len());
    for role in roles {
        text(&mut hash, role);
    }
    count(&mut hash, claims.len());
    for (name, value) in claims {
        text(&mut hash, name);
        text(&mut hash, value);
    }
    let mut digest = [0; 32];
    for (to, from) in digest.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    ClaimsDigest(digest)
}

fn text(hash: &mut Context, text: &str) {
    count(hash, text.len());
    hash.update(text.as_bytes());
}

fn count(hash: &mut Context, count: usize) {
    hash.update(&(count as u64).to_be_bytes());
}

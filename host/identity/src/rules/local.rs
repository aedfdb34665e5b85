//! `[[local_user]]`: whom a process on this machine is taken for, by the user that the kernel names.

use std::sync::Arc;

use grid_core::{
    id::PrincipalId,
    principal::{Principal, Proof},
};

use super::{
    certificate,
    read::{Reader, Table},
};

/// One rule.
#[derive(Debug)]
pub(crate) struct LocalRule {
    pub(crate) uid: u32,
    /// Whom it names, always the same.
    pub(crate) principal: Arc<Principal>,
    at: usize,
}

pub(super) fn read(reader: &mut Reader<'_>, table: &Table<'_>, runtime_role: &str) -> Option<LocalRule> {
    if !table.has("uid") {
        table.fault(reader, "uid", "is missing; give the number that `id -u` prints for the user");
    }
    let uid = table.whole(reader, "uid");
    let named = certificate::named(reader, table, runtime_role, false);
    table.only(reader, &["uid", "principal", "tenant", "tenants", "roles", "runtime", "runtime_id"]);
    let (uid, named) = (uid?, named?);
    let id = PrincipalId::parse(named.name()).ok()?;
    let principal = Arc::new(named.principal(id, Proof::LocalUser, None, (None, None)));
    Some(LocalRule { uid, principal, at: table.at })
}

/// A user is one principal.
pub(super) fn compare(reader: &mut Reader<'_>, rules: &[LocalRule]) {
    for (place, rule) in rules.iter().enumerate() {
        if rules.iter().take(place).any(|earlier| earlier.uid == rule.uid) {
            reader.fault(
                Some(rule.at),
                "local_user.uid",
                format!("{} is there twice; keep one of the rules", rule.uid),
            );
        }
    }
}

//! The graph of roles: which of them a principal holds, by its proof, by bindings and by what a role includes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use grid_core::principal::Principal;

/// Whom a binding means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whom {
    /// A principal by its name.
    Principal(String),
    /// Whoever has a claim of this name and value.
    Claim(String, String),
}

/// Roles that an operator gives to principals of a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Absent: of any tenant.
    pub tenant: Option<String>,
    /// Who gets them.
    pub whom: Whom,
    /// What they get.
    pub roles: Vec<Arc<str>>,
}

impl Binding {
    fn means(&self, principal: &Principal) -> bool {
        let whom = match &self.whom {
            Whom::Principal(name) => principal.id.as_str() == name,
            Whom::Claim(name, value) => principal.claims.get(name) == Some(value),
        };
        whom && self.tenant.as_deref().is_none_or(|tenant| principal.tenant.as_str() == tenant)
    }
}

/// What includes what, and who is bound to what. The empty graph knows the roles of proofs alone.
#[derive(Debug, Clone, Default)]
pub struct RoleGraph {
    /// A role and everything below it, itself left out.
    below: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    bindings: Vec<Binding>,
}

/// Roles that include each other, in a ring that begins and ends with the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ring(pub Vec<Arc<str>>);

impl RoleGraph {
    /// Takes what each role includes directly, and the bindings.
    ///
    /// # Errors
    /// The first ring.
    pub fn new(includes: &BTreeMap<Arc<str>, Vec<Arc<str>>>, bindings: Vec<Binding>) -> Result<Self, Ring> {
        let mut below = BTreeMap::new();
        for role in includes.keys() {
            let mut found = BTreeSet::new();
            let mut paths = vec![vec![Arc::clone(role)]];
            while let Some(path) = paths.pop() {
                let next = path.last().and_then(|last| includes.get(last)).into_iter().flatten();
                for included in next {
                    let longer: Vec<_> = path.iter().cloned().chain([Arc::clone(included)]).collect();
                    if included == role {
                        return Err(Ring(longer));
                    }
                    if found.insert(Arc::clone(included)) {
                        paths.push(longer);
                    }
                }
            }
            below.insert(Arc::clone(role), found);
        }
        Ok(Self { below, bindings })
    }

    /// Every role that the principal holds.
    #[must_use]
    pub fn effective(&self, principal: &Principal) -> BTreeSet<Arc<str>> {
        let bound = self.bindings.iter().filter(|binding| binding.means(principal)).flat_map(|binding| &binding.roles);
        let mut held = BTreeSet::new();
        for role in principal.roles.iter().chain(bound) {
            held.extend(self.below.get(role).into_iter().flatten().cloned());
            held.insert(Arc::clone(role));
        }
        held
    }

    /// Whether who holds `role` holds `other` too.
    #[must_use]
    pub fn includes(&self, role: &str, other: &str) -> bool {
        role == other || self.below.get(role).is_some_and(|below| below.contains(other))
    }

    /// Every role that the graph names.
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.below.keys()
    }

    /// The bindings, as they were given.
    #[must_use]
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }
}

//! Places of something that is held for long, of which no tenant gets more than its share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use grid_core::id::TenantId;

/// One tenant holds at most one in so many.
const SHARE: usize = 4;

/// A number of places.
#[derive(Debug)]
pub(crate) struct Places {
    count: usize,
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    all: usize,
    by: HashMap<TenantId, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    tenant: TenantId,
    held: Arc<Mutex<Held>>,
}

impl Places {
    pub(crate) fn new(count: usize) -> Self {
        Self { count, held: Arc::default() }
    }

    /// A place, where one is free and the tenant has not taken a quarter of them already; it may have one at least.
    pub(crate) fn take(&self, tenant: &TenantId) -> Option<Place> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let own = held.by.get(tenant).copied().unwrap_or(0);
        if held.all >= self.count || own >= (self.count / SHARE).max(1) {
            return None;
        }
        held.all += 1;
        held.by.insert(tenant.clone(), own + 1);
        Some(Place { tenant: tenant.clone(), held: Arc::clone(&self.held) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.all = held.all.saturating_sub(1);
        let own = held.by.get_mut(&self.tenant).map(|own| {
            *own = own.saturating_sub(1);
            *own
        });
        if own == Some(0) {
            held.by.remove(&self.tenant);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    #[test]
    fn a_tenant_gets_its_share_and_others_theirs_and_what_is_given_back_is_free() {
        let places = Places::new(8);
        let mut held: Vec<_> = (0..2).map(|_| places.take(&tenant("acme")).unwrap()).collect();
        assert!(places.take(&tenant("acme")).is_none(), "more than a quarter");
        for name in ["b", "c", "d"] {
            held.extend((0..2).map(|_| places.take(&tenant(name)).unwrap()));
        }
        assert!(places.take(&tenant("e")).is_none(), "more than there are");
        held.remove(0);
        assert!(places.take(&tenant("b")).is_none());
        let place = places.take(&tenant("e")).unwrap();
        drop((held, place));
        assert!(places.held.lock().unwrap().by.is_empty(), "nothing is kept of who holds none");
        let few = Places::new(2);
        let _one = few.take(&tenant("acme")).unwrap();
        assert!(few.take(&tenant("acme")).is_none() && few.take(&tenant("b")).is_some());
    }
}

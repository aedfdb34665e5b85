//! How many grants are open, in all and for each principal. A place is given back when it is dropped.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dashmap::{DashMap, Entry};
use grid_core::{
    Code, Refusal, Stage,
    id::{PrincipalId, TenantId},
    principal::Principal,
};

/// When somebody may ask again who has too many.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

type Owner = (TenantId, PrincipalId);

#[derive(Debug)]
pub(crate) struct Places {
    total: usize,
    each: usize,
    taken: AtomicUsize,
    owners: DashMap<Owner, usize>,
}

/// One of them.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    owner: Owner,
}

impl Places {
    pub(crate) fn new(total: usize, each: usize) -> Self {
        Self { total, each, taken: AtomicUsize::new(0), owners: DashMap::new() }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    /// A place for a new grant.
    pub(crate) fn take(self: &Arc<Self>, who: &Principal) -> Result<Place, Refusal> {
        let owner = (who.tenant.clone(), who.id.clone());
        let mut held = self.owners.entry(owner.clone()).or_insert(0);
        if *held >= self.each {
            let message = format!(
                "`{}` has {} grants open, which is the limit; report them or give them back, and ask again",
                who.id, *held
            );
            return Err(Refusal::new(Code::RateLimitExceeded, Stage::Local, message).retry_after(LOOK_AGAIN));
        }
        *held += 1;
        drop(held);
        let place = Place { places: Arc::clone(self), owner };
        // From here on the place gives back what it has, also where it is refused.
        if self.taken.fetch_add(1, Ordering::Relaxed) >= self.total {
            let message = "the host has as many grants open as it may; ask again a little later";
            return Err(Refusal::new(Code::ResourceExhausted, Stage::Local, message).retry_after(LOOK_AGAIN));
        }
        Ok(place)
    }

    /// A place for a grant that an earlier process gave; limits hold for new ones.
    pub(crate) fn again(self: &Arc<Self>, who: &Principal) -> Place {
        let owner = (who.tenant.clone(), who.id.clone());
        *self.owners.entry(owner.clone()).or_insert(0) += 1;
        self.taken.fetch_add(1, Ordering::Relaxed);
        Place { places: Arc::clone(self), owner }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken.fetch_sub(1, Ordering::Relaxed);
        if let Entry::Occupied(mut held) = self.places.owners.entry(self.owner.clone()) {
            if *held.get() <= 1 {
                held.remove();
            } else {
                *held.get_mut() -= 1;
            }
        }
    }
}

//! Every attached runtime. One id is attached once: a second connection with it is refused while the first is
//! alive; one that fell silent is ended and makes room.

use std::{sync::Arc, time::Duration};

use dashmap::{DashMap, Entry};
use grid_core::{
    id::{RuntimeId, TenantId},
    runtime::{Card, Runtime as _},
};

use crate::Wire;

/// The id is attached already; how long its runtime has been silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Since its last frame.
    pub silent_for: Duration,
}

/// Every attached runtime, by tenant and id: what another tenant calls its runtimes is nobody's business.
#[derive(Debug, Default)]
pub struct Hub {
    wires: DashMap<(TenantId, RuntimeId), Arc<Wire>>,
}

impl Hub {
    /// Attaches a runtime.
    ///
    /// # Errors
    /// [`Taken`] where a live runtime has its id.
    pub fn attach(&self, wire: &Arc<Wire>) -> Result<(), Taken> {
        let card = wire.card();
        match self.wires.entry((card.tenant.clone(), card.id.clone())) {
            Entry::Occupied(mut entry) if entry.get().ended().is_cancelled() => {
                entry.insert(Arc::clone(wire));
                Ok(())
            }
            Entry::Occupied(entry) => Err(Taken { silent_for: entry.get().silent_for() }),
            Entry::Vacant(entry) => {
                entry.insert(Arc::clone(wire));
                Ok(())
            }
        }
    }

    /// Detaches this connection; another one with the same id stays.
    pub fn detach(&self, card: &Card) {
        let key = (card.tenant.clone(), card.id.clone());
        self.wires.remove_if(&key, |_, wire| wire.card().connection == card.connection);
    }

    /// Ends every runtime that has been silent for longer than `limit`.
    pub fn end_silent(&self, limit: Duration) -> Vec<Arc<Wire>> {
        let silent: Vec<_> =
            self.list().into_iter().filter(|wire| !wire.ended().is_cancelled() && wire.silent_for() > limit).collect();
        for wire in &silent {
            wire.crash("it missed its heartbeats");
        }
        silent
    }

    /// Attached runtimes, by tenant and id.
    #[must_use]
    pub fn list(&self) -> Vec<Arc<Wire>> {
        let mut wires: Vec<_> = self.wires.iter().map(|entry| Arc::clone(entry.value())).collect();
        wires.sort_unstable_by(|one, other| {
            let of = |wire: &Arc<Wire>| (wire.card().tenant.clone(), wire.card().id.clone());
            of(one).cmp(&of(other))
        });
        wires
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.wires.len()
    }

    /// None.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.wires.is_empty()
    }
}

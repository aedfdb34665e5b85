//! Who serves what: the runtimes that fulfil each function, for all sessions or for one.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use dashmap::DashMap;
use grid_approve::{Contract, Session};
use grid_core::{
    id::{ConnectionId, SessionId},
    runtime::{Card, Runtime},
};

/// For which sessions a runtime fulfils a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every session of the tenants that it serves.
    Every,
    /// This one.
    Only(SessionId),
}

#[derive(Debug, Clone)]
struct Seat {
    runtime: Arc<dyn Runtime>,
    scope: Scope,
}

/// A breaker stands open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// When to ask again.
    pub retry_after: Duration,
}

/// What keeps calls away from runtimes that fail. Asked for every runtime that could be chosen: it must take no lock that
/// all calls share.
pub trait Admits: std::fmt::Debug + Send + Sync + 'static {
    /// Whether a call of `tool` could go there now. Counts and changes nothing.
    ///
    /// # Errors
    /// [`Barrier`] where it could not.
    fn admits(&self, tool: &str, card: &Card) -> Result<(), Barrier>;

    /// Where the breaker of a provider stands, for people: closed, half_open, open or recovering.
    fn state(&self, tool: &str, provider: &str) -> &'static str {
        let _ = (tool, provider);
        "closed"
    }
}

/// The table. A call reads one entry and clones nothing but what it chooses.
#[derive(Debug, Default)]
pub struct Roster {
    by_tool: DashMap<Arc<str>, Vec<Seat>>,
    guard: OnceLock<Arc<dyn Admits>>,
}

impl Roster {
    /// From now on `runtime` serves `tool`.
    pub fn seat(&self, tool: &Arc<str>, runtime: &Arc<dyn Runtime>, scope: Scope) {
        let mut seats = self.by_tool.entry(Arc::clone(tool)).or_default();
        let connection = runtime.card().connection;
        if !seats.iter().any(|seat| seat.runtime.card().connection == connection && seat.scope == scope) {
            seats.push(Seat { runtime: Arc::clone(runtime), scope });
        }
    }

    /// A runtime has gone.
    pub fn leave(&self, connection: ConnectionId) {
        self.retain(|seat| seat.runtime.card().connection != connection);
    }

    /// A session has ended.
    pub fn forget(&self, session: SessionId) {
        self.retain(|seat| seat.scope != Scope::Only(session));
    }

    /// From now on `guard` keeps calls away from runtimes that fail.
    pub fn guarded(&self, guard: Arc<dyn Admits>) {
        // The first one stays; a host has one.
        drop(self.guard.set(guard));
    }

    fn barrier(&self, tool: &str, seat: &Seat) -> Option<Barrier> {
        self.guard.get()?.admits(tool, seat.runtime.card()).err()
    }

    /// A runtime that is none of `not` could have the call; one of this provider where `provider` says one.
    #[must_use]
    pub fn other(&self, contract: &Contract, session: &Session, not: &[ConnectionId], provider: Option<&str>) -> bool {
        let fits = |seat: &Seat| {
            let card = seat.runtime.card();
            !not.contains(&card.connection)
                && provider.is_none_or(|provider| provider == card.provider())
                && seat.is_eligible(contract, session)
                && self.barrier(contract.name(), seat).is_none()
        };
        self.by_tool.get(contract.name()).is_some_and(|seats| seats.iter().any(fits))
    }

    /// When the first breaker that keeps a call away asks to be asked again; absent where none does.
    pub(crate) fn kept_away(&self, contract: &Contract, session: &Session) -> Option<Duration> {
        let seats = self.by_tool.get(contract.name())?;
        let barriers = seats.iter().filter(|seat| seat.is_eligible(contract, session));
        barriers.filter_map(|seat| Some(self.barrier(contract.name(), seat)?.retry_after)).min()
    }

    /// The best runtime that has room.
    #[must_use]
    pub fn choose(&self, contract: &Contract, session: &Session, avoid: &[ConnectionId]) -> Option<Arc<dyn Runtime>> {
        let seats = self.by_tool.get(contract.name())?;
        let load = |seat: &&Seat| {
            let load = &seat.runtime.card().load;
            (load.in_flight(), load.idle_since())
        };
        seats
            .iter()
            .filter(|seat| seat.is_eligible(contract, session) && seat.has_room())
            .filter(|seat| !avoid.contains(&seat.runtime.card().connection))
            .filter(|seat| self.barrier(contract.name(), seat).is_none())
            .min_by_key(load)
            .map(|seat| Arc::clone(&seat.runtime))
    }

    /// Somebody serves it, with or without room.
    #[must_use]
    pub fn any(&self, contract: &Contract, session: &Session) -> bool {
        self.by_tool
            .get(contract.name())
            .is_some_and(|seats| {
                let free = |seat: &&Seat| self.barrier(contract.name(), seat).is_none();
                seats.iter().filter(free).any(|seat| seat.is_eligible(contract, session))
            })
    }

    /// Nobody who serves it has room.
    #[must_use]
    pub fn all_full(&self, contract: &Contract, session: &Session) -> bool {
        !self
            .by_tool
            .get(contract.name())
            .is_some_and(|seats| seats.iter().any(|seat| seat.is_eligible(contract, session) && seat.has_room()))
    }

    /// The functions that a connection serves, by name.
    #[must_use]
    pub fn served_by(&self, connection: ConnectionId) -> Vec<String> {
        let serves = |seats: &[Seat]| seats.iter().any(|seat| seat.runtime.card().connection == connection);
        let mut names: Vec<String> =
            self.by_tool.iter().filter(|entry| serves(entry.value())).map(|entry| entry.key().to_string()).collect();
        names.sort_unstable();
        names
    }

    /// The runtimes that serve a function, by id.
    #[must_use]
    pub fn serving(&self, tool: &str) -> Vec<String> {
        let mut ids: Vec<String> = self
            .by_tool
            .get(tool)
            .map_or_else(Vec::new, |seats| seats.iter().map(|seat| seat.runtime.card().id.to_string()).collect());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    fn retain(&self, keep: impl Fn(&Seat) -> bool) {
        self.by_tool.retain(|_, seats| {
            seats.retain(&keep);
            !seats.is_empty()
        });
    }
}

impl Seat {
    fn is_eligible(&self, contract: &Contract, session: &Session) -> bool {
        let card = self.runtime.card();
        let in_scope = match self.scope {
            Scope::Every => !contract.is_dynamic(),
            Scope::Only(id) => id == session.id(),
        };
        in_scope
            && card.serves(&session.principal().tenant)
            && contract.admits_provider(card.provider())
            && !card.load.is_draining()
    }

    fn has_room(&self) -> bool {
        let card = self.runtime.card();
        card.load.in_flight() < card.limit
    }
}

#[cfg(test)]
mod tests;

//! One try to take a place for a call: the head of the order, and one of its runtimes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use grid_approve::{Contract, Session};
use grid_core::{Refusal, id::ConnectionId};

use super::{Roster, Shared, Time};
use crate::{
    evidence::Place,
    order::{Ask, Order, replica},
    refuse,
    table::{Entry, Provider},
};

/// Which call wants a place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want<'a> {
    pub(crate) contract: &'a Arc<Contract>,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) wish: Option<&'a str>,
    pub(crate) avoid: &'a [ConnectionId],
}

/// The same, for a call that waits.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    roster: Roster,
    clock: Time,
    contract: Arc<Contract>,
    session: Arc<Session>,
    wish: Option<Arc<str>>,
    avoid: Vec<ConnectionId>,
}

/// What came of a try.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// A place.
    Taken(Place),
    /// The one that is chosen has no room; its calls of this tool that wait are counted there.
    Full(Arc<Provider>, Arc<AtomicUsize>),
    /// Nobody can have the call.
    Nobody(Refusal),
}

impl Query {
    pub(crate) fn new(roster: &Roster, clock: &Time, want: &Want<'_>) -> Self {
        Self {
            roster: roster.clone(),
            clock: Arc::clone(clock),
            contract: Arc::clone(want.contract),
            session: Arc::clone(want.session),
            wish: want.wish.map(Arc::from),
            avoid: want.avoid.to_vec(),
        }
    }

    /// The try of somebody whose turn it is.
    pub(crate) fn attempt(&self) -> Attempt {
        let Self { roster, clock, contract, session, wish, avoid } = self;
        roster.0.attempt(clock, &Want { contract, session, wish: wish.as_deref(), avoid }, false)
    }

    /// What is full for the one is full for the other.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let tenants = || self.session.principal().tenant == other.session.principal().tenant;
        let sessions = || {
            let own = self.contract.conduct().stateful || self.roster.0.is_scoped(self.contract.name());
            !own || self.session.id() == other.session.id()
        };
        Arc::ptr_eq(&self.contract, &other.contract)
            && self.wish == other.wish
            && self.avoid == other.avoid
            && tenants()
            && sessions()
    }
}

impl Shared {
    /// Takes a place, where `behind` says so behind those who wait for it already.
    pub(crate) fn attempt(&self, clock: &Time, want: &Want<'_>, behind: bool) -> Attempt {
        let tool = want.contract.name();
        let tried = self.tools.read(tool, |entry| self.attempt_at(entry, clock, want, behind));
        tried.unwrap_or_else(|| Attempt::Nobody(refuse::unserved(tool)))
    }

    fn attempt_at(&self, entry: &Entry, clock: &Time, want: &Want<'_>, behind: bool) -> Attempt {
        let (contract, session) = (want.contract, want.session);
        let stateful = contract.conduct().stateful;
        let mut bound = stateful.then(|| self.bound(session.id(), contract.group())).flatten();
        let (table, guard) = (entry.table.load(), self.guard());
        loop {
            let ask = Ask {
                tool: contract.name(),
                contract: Some(contract),
                tenant: Some(&session.principal().tenant),
                session: Some(session.id()),
                wish: want.wish,
                bound,
                avoid: want.avoid,
                admits: &**guard,
            };
            let (candidate, rule) = match Order::new(&table, &entry.state, &ask).choose() {
                Ok(chosen) => chosen,
                Err(nobody) => return Attempt::Nobody(refuse::nobody(contract.name(), &nobody)),
            };
            let full = || Attempt::Full(Arc::clone(&candidate.provider), Arc::clone(&candidate.waiting));
            if behind && candidate.waiting.load(Ordering::SeqCst) > 0 {
                return full();
            }
            let Some(seat) = replica(candidate, &ask) else { return full() };
            if !seat.enter() {
                // Somebody took its last place meanwhile. Another may still have room; if none has, all are full.
                continue;
            }
            let place = Place::new(Arc::clone(seat), Arc::clone(clock), rule);
            if !stateful {
                return Attempt::Taken(place);
            }
            match self.bind(session.id(), contract.group(), bound, seat.connection()) {
                Ok(()) => return Attempt::Taken(place),
                // Another call of the session was first, and its runtime has the state.
                Err(other) => {
                    place.unused();
                    bound = Some(other);
                }
            }
        }
    }

    fn is_scoped(&self, tool: &str) -> bool {
        self.tools.read(tool, |entry| entry.table.load().scoped).unwrap_or(false)
    }
}

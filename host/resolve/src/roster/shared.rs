//! What is behind a roster: the tables, and how each change makes them anew.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::AtomicUsize},
};

use arc_swap::ArcSwap;
use dashmap::DashMap;
use grid_core::{
    id::{ConnectionId, SessionId},
    provider::Serving,
    runtime::Card,
};

use crate::{
    book::{Book, What},
    rank::{Choices, Facts, Ranks},
    table::{Admits, Barrier, Candidate, Entry, Gone, Provider, Seat, State, Table, Unguarded},
    tools::Tools,
};

/// Calls that may wait for one provider where nobody says otherwise.
const QUEUE: usize = 1024;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) tools: Tools,
    pub(crate) providers: DashMap<Arc<str>, Arc<Provider>>,
    pub(crate) ranks: ArcSwap<Ranks>,
    pub(super) admits: ArcSwap<Guard>,
    /// What the file does not name.
    pub(super) plain: Arc<Facts>,
    /// For each session the runtimes that have its state, by groups of contracts.
    pub(super) bound: DashMap<SessionId, Vec<(Box<str>, ConnectionId)>>,
    /// For each session the tools that know it.
    pub(super) touched: DashMap<SessionId, BTreeSet<Arc<str>>>,
    pub(super) book: Mutex<Book>,
    pub(super) kept: Option<PathBuf>,
    /// Held by whoever writes the file, with the version that is there.
    pub(super) written: Mutex<u64>,
    /// Calls that may wait for one provider.
    pub(super) queue: usize,
}

/// One pointer, as [`ArcSwap`] wants it.
#[derive(Debug)]
pub(crate) struct Guard(pub(super) Arc<dyn Admits>);

impl Admits for Guard {
    fn admits(&self, tool: &str, card: &Card) -> Result<(), Barrier> {
        self.0.admits(tool, card)
    }

    fn state(&self, tool: &str, provider: &str) -> &'static str {
        self.0.state(tool, provider)
    }
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            tools: Tools::default(),
            providers: DashMap::default(),
            ranks: ArcSwap::default(),
            admits: ArcSwap::from_pointee(Guard(Arc::new(Unguarded))),
            plain: Arc::default(),
            bound: DashMap::default(),
            touched: DashMap::default(),
            book: Mutex::default(),
            kept: None,
            written: Mutex::default(),
            queue: QUEUE,
        }
    }
}

impl Shared {
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn guard(&self) -> arc_swap::Guard<Arc<Guard>> {
        self.admits.load()
    }

    pub(super) fn provider(&self, name: &str) -> Arc<Provider> {
        if let Some(provider) = self.providers.get(name) {
            return Arc::clone(&provider);
        }
        let name: Arc<str> = Arc::from(name);
        Arc::clone(&self.providers.entry(Arc::clone(&name)).or_insert_with(|| Arc::new(Provider::new(name))))
    }

    pub(super) fn candidate(&self, provider: &str, sequence: u64, gone: Option<Gone>) -> Candidate {
        let waiting = Arc::new(AtomicUsize::new(0));
        let (provider, facts) = (self.provider(provider), Arc::clone(&self.plain));
        Candidate { provider, facts, sequence, seats: Vec::new(), gone, waiting }
    }

    pub(super) fn touch(&self, session: SessionId, tool: &Arc<str>) {
        self.touched.entry(session).or_default().insert(Arc::clone(tool));
    }

    pub(super) fn with_state<R>(&self, what: &What, set: impl FnOnce(&State) -> R) -> R {
        match what {
            What::Tool(tool) => set(&self.tools.entry(tool).state),
            What::Provider(name) => set(&self.provider(name).state),
        }
    }

    /// Makes the table of a tool anew.
    pub(super) fn change(&self, entry: &Entry, edit: impl FnOnce(&mut Vec<Candidate>)) {
        let _held = entry.change.lock().unwrap_or_else(PoisonError::into_inner);
        let mut candidates = entry.table.load().candidates.clone();
        edit(&mut candidates);
        let ranks = self.ranks.load();
        for candidate in &mut candidates {
            let facts = ranks.facts(&candidate.provider.name).unwrap_or(&self.plain);
            candidate.facts = Arc::clone(facts);
        }
        let none = Choices::default();
        let written = ranks.choices.get(&entry.name).unwrap_or(&none);
        let choices = match self.book().choices.get(&entry.name) {
            Some(chosen) => written.under(chosen),
            None => written.clone(),
        };
        entry.table.store(Arc::new(Table::new(candidates, choices)));
    }

    /// Takes seats away; where selections `changed`, makes the table anew also without any. Who served every session once is remembered; nothing is left of a tool of one session.
    pub(super) fn unseat(&self, entry: &Arc<Entry>, gone: &Gone, changed: bool, leaves: impl Fn(&Seat) -> bool) {
        let has = |table: &Table| table.candidates.iter().flat_map(|one| &one.seats).any(|seat| leaves(seat));
        if !changed && !has(&entry.table.load()) {
            return;
        }
        let lasting = |name: &Arc<str>| {
            let book = self.book();
            let seen = book.order.get(&entry.name);
            seen.is_some_and(|seen| seen.iter().any(|one| one.provider == *name && one.lasting))
        };
        self.change(entry, |candidates| {
            for candidate in &mut *candidates {
                let before = candidate.seats.len();
                candidate.seats.retain(|seat| !leaves(seat));
                if candidate.seats.is_empty() && before > 0 {
                    candidate.gone = Some(gone.clone());
                }
            }
            candidates.retain(|candidate| !candidate.seats.is_empty() || lasting(&candidate.provider.name));
        });
        let over = |entry: &Entry| {
            let table = entry.table.load();
            table.candidates.is_empty()
                && table.choices == Choices::default()
                && entry.state.serving() == Serving::Serving
        };
        if over(entry) {
            self.tools.remove(&entry.name, |entry| {
                let over = over(entry);
                if over {
                    self.book().order.remove(&entry.name);
                }
                over
            });
        }
    }

    /// Whoever waits tries again: there may be more room, or another provider.
    pub(super) fn settle(&self) {
        let waited: Vec<Arc<Provider>> =
            self.providers.iter().filter(|one| one.line.len() > 0).map(|one| Arc::clone(&one)).collect();
        for provider in waited {
            provider.line.serve();
        }
    }

    pub(crate) fn bound(&self, session: SessionId, group: &str) -> Option<ConnectionId> {
        let bound = self.bound.get(&session)?;
        bound.iter().find(|(name, _)| **name == *group).map(|(_, connection)| *connection)
    }

    /// Remembers where the session's state is; gives the runtime that somebody else remembered meanwhile.
    pub(crate) fn bind(
        &self,
        session: SessionId,
        group: &str,
        before: Option<ConnectionId>,
        now: ConnectionId,
    ) -> Result<(), ConnectionId> {
        let mut bound = self.bound.entry(session).or_default();
        match bound.iter_mut().find(|(name, _)| **name == *group) {
            None => bound.push((Box::from(group), now)),
            Some((_, at)) if Some(*at) == before || *at == now => *at = now,
            Some((_, other)) => return Err(*other),
        }
        Ok(())
    }

    pub(crate) fn queue(&self) -> usize {
        self.queue
    }
}

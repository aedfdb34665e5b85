//! Who serves what: the runtimes that fulfil each function, for all sessions or for one, and what decides among them.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use grid_approve::{Contract, Session};
use grid_core::{
    clock::Clock,
    id::{ConnectionId, SessionId},
    provider::Serving,
    runtime::Runtime,
};

use crate::{
    book::{self, Book, What},
    order::{Ask, Order},
    rank::{Ranks, Selection, Whose},
    table::{Admits, Candidate, Entry, Gone, Scope, Seat},
};

mod attempt;
mod foresight;
mod shared;

pub(crate) use attempt::{Attempt, Query, Want};
pub(crate) use shared::Shared;

use shared::Guard;

/// The table. A call reads one entry of it, takes no lock and clones nothing but what it chooses.
#[derive(Debug, Clone, Default)]
pub struct Roster(pub(crate) Arc<Shared>);

/// Why a roster cannot be opened.
#[derive(Debug)]
pub struct Unreadable {
    path: PathBuf,
    why: String,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the order of providers in `{}` cannot be read: {}; restore the file from a backup, or remove it where the \
             order in which providers come back and what operators selected or paused may be forgotten",
            self.path.display(),
            self.why
        )
    }
}

impl std::error::Error for Unreadable {}

impl Roster {
    /// With what an earlier host left in `kept`; providers that it knew are there without runtimes. `queue` calls may
    /// wait for one provider.
    ///
    /// # Errors
    /// The file is there and is not what a host wrote.
    pub fn open(kept: &Path, queue: usize, now_ms: u64) -> Result<Self, Unreadable> {
        let book = Book::read(kept).map_err(|why| Unreadable { path: kept.to_owned(), why })?;
        let known: Vec<(Arc<str>, Vec<Arc<str>>)> = book
            .order
            .iter()
            .map(|(tool, seen)| (Arc::clone(tool), seen.iter().map(|one| Arc::clone(&one.provider)).collect()))
            .collect();
        let selected: Vec<Arc<str>> = book.choices.keys().cloned().collect();
        let serving = book.serving.clone();
        let shared = Shared { book: Mutex::new(book), kept: Some(kept.to_owned()), queue, ..Shared::default() };
        let gone = Gone { at_ms: now_ms, cause: Arc::from("it has not attached since the host started") };
        for (tool, providers) in known {
            let entry = shared.tools.entry(&tool);
            shared.change(&entry, |candidates| {
                for (provider, sequence) in providers.into_iter().zip(1..) {
                    candidates.push(shared.candidate(&provider, sequence, Some(gone.clone())));
                }
            });
        }
        for tool in selected {
            shared.change(&shared.tools.entry(&tool), |_| {});
        }
        for (what, (serving, note)) in serving {
            shared.with_state(&what, |state| state.set(serving, &note));
        }
        Ok(Self(Arc::new(shared)))
    }

    /// From now on `guard` keeps calls away from runtimes that fail.
    pub fn guarded(&self, guard: Arc<dyn Admits>) {
        self.0.admits.store(Arc::new(Guard(guard)));
    }

    /// From now on `runtime` serves `tool`.
    pub fn seat(&self, tool: &Arc<str>, runtime: &Arc<dyn Runtime>, scope: Scope) {
        let shared = &self.0;
        let card = runtime.card();
        let provider = shared.provider(card.provider());
        let sequence = shared.book().number(tool, &provider.name, scope == Scope::Every);
        let entry = shared.tools.entry(tool);
        if let Scope::Only(session) = scope {
            shared.touch(session, tool);
        }
        shared.change(&entry, |candidates| {
            let at = candidates.iter().position(|candidate| *candidate.provider.name == *provider.name);
            let at = at.unwrap_or_else(|| {
                candidates.push(shared.candidate(&provider.name, sequence, None));
                candidates.len() - 1
            });
            let Some(candidate) = candidates.get_mut(at) else { return };
            let sits = |seat: &Arc<Seat>| seat.connection() == card.connection && seat.scope == scope;
            if !candidate.seats.iter().any(sits) {
                candidate.seats.push(Arc::new(Seat::new(Arc::clone(runtime), scope, Arc::clone(&provider))));
                candidate.gone = None;
            }
        });
        shared.settle();
    }

    /// A runtime has gone. The functions that nobody of its provider serves any more show when and why.
    pub fn leave(&self, connection: ConnectionId, at_ms: u64, cause: &str) {
        let shared = &self.0;
        let gone = Gone { at_ms, cause: Arc::from(cause) };
        for entry in shared.tools.all() {
            shared.unseat(&entry, &gone, false, |seat| seat.connection() == connection);
        }
        shared.settle();
    }

    /// A session has ended.
    pub fn forget(&self, session: SessionId) {
        let shared = &self.0;
        shared.bound.remove(&session);
        let Some((_, tools)) = shared.touched.remove(&session) else { return };
        let gone = Gone { at_ms: 0, cause: Arc::from("its session ended") };
        for tool in tools {
            if let Some(entry) = shared.tools.read(&tool, Arc::clone) {
                let chosen = shared.book().choices.get_mut(&tool).and_then(|choices| choices.sessions.remove(&session));
                shared.unseat(&entry, &gone, chosen.is_some(), |seat| seat.scope == Scope::Only(session));
            }
        }
        shared.settle();
    }

    /// Somebody serves it and may have the call, with or without room.
    #[must_use]
    pub fn any(&self, contract: &Contract, session: &Session) -> bool {
        self.other(contract, session, &[], None)
    }

    /// A runtime that is none of `not` could have the call, with or without room; one of this provider where `provider`
    /// says one.
    #[must_use]
    pub fn other(&self, contract: &Contract, session: &Session, not: &[ConnectionId], provider: Option<&str>) -> bool {
        let guard = self.0.guard();
        let ask = Ask {
            tool: contract.name(),
            contract: Some(contract),
            tenant: Some(&session.principal().tenant),
            session: Some(session.id()),
            wish: provider,
            bound: None,
            avoid: not,
            admits: &**guard,
        };
        let some = |entry: &Arc<Entry>| Order::new(&entry.table.load(), &entry.state, &ask).choose().is_ok();
        self.0.tools.read(contract.name(), some).unwrap_or(false)
    }

    /// Somebody but `not` serves it and takes calls, whosever those are: whom tenants, sessions and selections keep from one
    /// caller may be whom others rely on. One of this provider where `provider` says one.
    #[must_use]
    pub fn another(&self, tool: &str, not: ConnectionId, provider: Option<&str>) -> bool {
        let guard = self.0.guard();
        let takes = |seat: &Arc<Seat>| {
            let card = seat.card();
            card.connection != not && !card.load.is_draining() && guard.admits(tool, card).is_ok()
        };
        let some = |entry: &Arc<Entry>| {
            let table = entry.table.load();
            let mut candidates = table.candidates.iter().filter(|candidate| {
                let named = provider.is_none_or(|name| *candidate.provider.name == *name);
                named && candidate.provider.state.serving() == Serving::Serving
            });
            candidates.any(|candidate| candidate.seats.iter().any(takes))
        };
        self.0.tools.read(tool, some).unwrap_or(false)
    }

    /// The functions that a connection serves, by name.
    #[must_use]
    pub fn served_by(&self, connection: ConnectionId) -> Vec<String> {
        let serves = |entry: &Arc<Entry>| {
            let table = entry.table.load();
            table.candidates.iter().flat_map(|one| &one.seats).any(|seat| seat.connection() == connection)
        };
        self.0.tools.all().iter().filter(|entry| serves(entry)).map(|entry| entry.name.to_string()).collect()
    }

    /// The runtimes that serve a function, by id.
    #[must_use]
    pub fn serving(&self, tool: &str) -> Vec<String> {
        let ids = |entry: &Arc<Entry>| -> BTreeSet<String> {
            let table = entry.table.load();
            table.candidates.iter().flat_map(|one| &one.seats).map(|seat| seat.card().id.to_string()).collect()
        };
        self.0.tools.read(tool, ids).unwrap_or_default().into_iter().collect()
    }

    /// The runtimes of a provider at a function.
    #[must_use]
    pub fn runtimes(&self, tool: &str, provider: &str) -> Vec<Arc<dyn Runtime>> {
        let seats = |entry: &Arc<Entry>| {
            let table = entry.table.load();
            let seats = table.of(provider).map(|(_, one)| one.seats.as_slice()).unwrap_or_default();
            seats.iter().map(|seat| Arc::clone(&seat.runtime)).collect()
        };
        self.0.tools.read(tool, seats).unwrap_or_default()
    }

    /// Calls that a function, or a provider, has in flight; those of runtimes that have gone are not among them.
    #[must_use]
    pub fn in_flight(&self, what: &What) -> u32 {
        let count = |entry: &Arc<Entry>, of: Option<&str>| -> u32 {
            let table = entry.table.load();
            let counted = table.candidates.iter().filter(|one| of.is_none_or(|name| *one.provider.name == *name));
            counted.map(Candidate::in_flight).sum()
        };
        match what {
            What::Tool(tool) => self.0.tools.read(tool, |entry| count(entry, None)).unwrap_or(0),
            What::Provider(name) => self.0.tools.all().iter().map(|entry| count(entry, Some(name))).sum(),
        }
    }

    /// Calls of a function that a connection has in flight.
    #[must_use]
    pub fn in_flight_at(&self, tool: &str, connection: ConnectionId) -> u32 {
        let count = |entry: &Arc<Entry>| {
            let table = entry.table.load();
            let seats = table.candidates.iter().flat_map(|one| &one.seats);
            seats.filter(|seat| seat.connection() == connection).map(|seat| seat.in_flight()).sum()
        };
        self.0.tools.read(tool, count).unwrap_or(0)
    }

    /// Calls that wait for a provider.
    #[must_use]
    pub fn waiting(&self, provider: &str) -> usize {
        self.0.providers.get(provider).map_or(0, |provider| provider.line.len())
    }

    /// Puts another file of providers in force, as a whole: every call is decided by the one or by the other.
    pub fn replace(&self, ranks: Ranks) {
        let shared = &self.0;
        let selected: Vec<Arc<str>> = ranks.choices.keys().cloned().collect();
        shared.ranks.store(Arc::new(ranks));
        for tool in selected {
            shared.tools.entry(&tool);
        }
        for entry in shared.tools.all() {
            shared.change(&entry, |_| {});
        }
        shared.settle();
    }

    /// The file of providers that is in force.
    #[must_use]
    pub fn ranks(&self) -> Arc<Ranks> {
        self.0.ranks.load_full()
    }

    /// Whether a provider has served the tool, or the file lets it.
    #[must_use]
    pub fn knows(&self, tool: &str, provider: &str) -> bool {
        let listed = self.0.ranks.load().facts(provider).is_some_and(|facts| facts.fulfils(tool));
        listed || self.0.tools.read(tool, |entry| entry.table.load().of(provider).is_some()).unwrap_or(false)
    }

    /// Chooses a provider for a tool, or takes an operator's choice back; gives the operator's choice before. It holds at
    /// once; [`Roster::keep`] puts it on the disk.
    pub fn select(&self, tool: &Arc<str>, whose: Whose, selection: Option<Selection>) -> Option<Selection> {
        let shared = &self.0;
        if let Whose::Session(session) = &whose {
            shared.touch(*session, tool);
        }
        let before = {
            let mut book = shared.book();
            if !matches!(whose, Whose::Session(_)) {
                book.version += 1;
            }
            book.choices.entry(Arc::clone(tool)).or_default().set(whose, selection)
        };
        shared.change(&shared.tools.entry(tool), |_| {});
        shared.settle();
        before
    }

    /// The selection that is in force: an operator's, otherwise that of the file.
    #[must_use]
    pub fn selected(&self, tool: &str, whose: &Whose) -> Option<Selection> {
        self.0.tools.read(tool, |entry| entry.table.load().choices.get(whose).cloned()).flatten()
    }

    /// Lets a tool or a provider take calls, or none; gives what it was before. It holds at once; [`Roster::keep`] puts
    /// it on the disk.
    pub fn set_state(&self, what: &What, serving: Serving, note: &str) -> Serving {
        let shared = &self.0;
        {
            let mut book = shared.book();
            book.version += 1;
            match serving {
                Serving::Serving => drop(book.serving.remove(what)),
                _ => drop(book.serving.insert(what.clone(), (serving, note.to_owned()))),
            }
        }
        let before = shared.with_state(what, |state| state.set(serving, note));
        shared.settle();
        before
    }

    /// What operators let it do.
    #[must_use]
    pub fn state(&self, what: &What) -> Serving {
        match what {
            What::Tool(tool) => self.0.tools.read(tool, |entry| entry.state.serving()).unwrap_or_default(),
            What::Provider(name) => self.0.providers.get(name).map(|one| one.state.serving()).unwrap_or_default(),
        }
    }

    /// Something is on a disk of it: whoever calls [`Roster::keep`] does so from a thread that may block.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.0.kept.is_some()
    }

    /// Puts on the disk what has changed of the order, of selections and of pauses. Blocks its thread.
    ///
    /// # Errors
    /// The file cannot be written; what changed holds until the host stops.
    pub fn keep(&self) -> io::Result<()> {
        let shared = &self.0;
        let Some(path) = &shared.kept else { return Ok(()) };
        let mut written = shared.written.lock().unwrap_or_else(PoisonError::into_inner);
        let (version, bytes) = {
            let book = shared.book();
            if book.version == *written {
                return Ok(());
            }
            (book.version, book.bytes()?)
        };
        book::write(path, &bytes)?;
        *written = version;
        Ok(())
    }
}

/// Tests and tools read the clock of their own.
pub(crate) type Time = Arc<dyn Clock>;

#[cfg(test)]
mod random;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod tests;

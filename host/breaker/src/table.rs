//! The breakers of a host, by scope and name. Bounded: names that nobody calls are forgotten, and where too many are in
//! use the rest is not guarded.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use grid_core::{clock::SharedClock, id::CorrelationId};

use crate::{
    breaker::{End, Phase, View},
    counts::{Counters, Counts},
    entry::{Entry, Moved},
    pass::Pass,
    settings::Sets,
};

/// Changes that nobody has taken yet; older ones are lost first.
const CHANGES: usize = 4_096;

/// What a breaker stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// One runtime, by its id; a runtime that comes back meets its breaker again.
    Runtime,
    /// All runtimes of a provider.
    Provider,
    /// A tool, whoever serves it.
    Tool,
}

impl Scope {
    /// From the narrowest.
    pub const ALL: [Self; 3] = [Self::Runtime, Self::Provider, Self::Tool];

    /// As lists, records, metrics and command lines write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Provider => "provider",
            Self::Tool => "tool",
        }
    }

    /// The scope of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == name)
    }
}

/// Whom a call would go to, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// Its id.
    pub runtime: &'a str,
    /// Whose it is.
    pub provider: &'a str,
    /// What is called.
    pub tool: &'a str,
}

impl Key<'_> {
    fn name(&self, scope: Scope) -> &str {
        match scope {
            Scope::Runtime => self.runtime,
            Scope::Provider => self.provider,
            Scope::Tool => self.tool,
        }
    }
}

/// A breaker let nobody pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rejection {
    /// Its scope.
    pub scope: Scope,
    /// When to ask again.
    pub retry_after: Duration,
}

/// A breaker opened, or another state followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its scope.
    pub scope: Scope,
    /// Whose it is.
    pub name: Arc<str>,
    /// Before.
    pub from: Phase,
    /// After.
    pub to: Phase,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Of the last failure that counted.
    pub code: Option<grid_core::Code>,
    /// The call that it happened with; absent where an operator did it.
    pub correlation: Option<CorrelationId>,
}

/// One breaker in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its scope.
    pub scope: Scope,
    /// Whose it is.
    pub name: Arc<str>,
    /// What it is like.
    pub view: View,
    /// Calls that it did not let pass.
    pub rejected: u64,
}

/// All breakers.
#[derive(Debug)]
pub struct Breakers {
    sets: Sets,
    clock: SharedClock,
    entries: [DashMap<Arc<str>, Arc<Entry>>; 3],
    /// How many are not closed, and which of them are tools'.
    away: AtomicU64,
    tools_away: Mutex<BTreeSet<Arc<str>>>,
    changes: Mutex<VecDeque<Change>>,
    counters: Counters,
}

impl Breakers {
    /// None yet; each is closed when its first call comes.
    #[must_use]
    pub fn new(sets: impl Into<Sets>, clock: SharedClock) -> Arc<Self> {
        let (entries, away, tools_away, changes, counters) = Default::default();
        Arc::new(Self { sets: sets.into(), clock, entries, away, tools_away, changes, counters })
    }

    /// Whether a call could pass now. Counts and changes nothing.
    ///
    /// # Errors
    /// The breaker that it would have to wait for longest.
    pub fn admits(&self, key: &Key<'_>) -> Result<(), Rejection> {
        let now = self.clock.elapsed();
        let asked = Scope::ALL.into_iter().filter_map(|scope| {
            let entry = self.of(scope).get(key.name(scope))?;
            let retry_after = entry.admits(now).err()?;
            Some(Rejection { scope, retry_after })
        });
        asked.max_by_key(|rejection| rejection.retry_after).map_or(Ok(()), Err)
    }

    /// A call is about to go there.
    ///
    /// # Errors
    /// The breaker that it would have to wait for longest; the call is not counted as made.
    pub fn enter(self: &Arc<Self>, key: &Key<'_>, correlation: &CorrelationId) -> Result<Pass, Rejection> {
        let now = self.clock.elapsed();
        let entries = Scope::ALL.map(|scope| self.entry(scope, key.name(scope)));
        let mut worst: Option<Rejection> = None;
        // Everyone is asked, so that shares of several breakers let the same calls pass.
        for entry in entries.iter().flatten() {
            let (asked, moved) = entry.ask(now);
            self.moved(entry, moved, Some(correlation));
            if let Err(retry_after) = asked {
                entry.reject();
                let longer = worst.is_none_or(|worst| worst.retry_after < retry_after);
                worst = if longer { Some(Rejection { scope: entry.scope, retry_after }) } else { worst };
            }
        }
        let mut pass = Pass::new(Arc::clone(self));
        for entry in entries.into_iter().flatten().filter(|_| worst.is_none()) {
            let scope = entry.scope;
            match entry.take(now) {
                Ok(generation) => pass.add(entry, generation),
                Err(retry_after) => {
                    entry.reject();
                    worst = Some(Rejection { scope, retry_after });
                    break;
                }
            }
        }
        match worst {
            None => Ok(pass),
            Some(rejection) => {
                pass.give_back();
                self.turned_away();
                Err(rejection)
            }
        }
    }

    /// A call was refused because nobody was left whom a breaker would let it go to.
    pub fn turned_away(&self) {
        self.counters.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Closes a breaker by hand; false where it is closed or there is none. Whoever does that tells of it, so it is none of
    /// the changes that are to be told.
    pub fn reset(&self, scope: Scope, name: &str) -> bool {
        let Some(entry) = self.of(scope).get(name).map(|entry| Arc::clone(&entry)) else { return false };
        let Some(moved) = entry.reset() else { return false };
        self.note_away(&entry, moved);
        self.counters.closed.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A runtime says that it is well. Its own breaker hears it, that of its provider, and those of tools that it `serves`,
    /// where they are open.
    pub fn hear(&self, runtime: &str, provider: &str, serves: impl Fn(&str) -> bool) {
        let now = self.clock.elapsed();
        for entry in self.away_of(runtime, provider, serves) {
            if entry.hear(now) {
                self.counters.reports.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A runtime went; what it said of itself counts no more.
    pub fn miss(&self, runtime: &str, provider: &str, serves: impl Fn(&str) -> bool) {
        let now = self.clock.elapsed();
        self.away_of(runtime, provider, serves).iter().for_each(|entry| entry.miss(now));
    }

    /// A breaker sent a call to another runtime.
    pub fn sent_elsewhere(&self) {
        self.counters.elsewhere.fetch_add(1, Ordering::Relaxed);
    }

    /// Those that are not closed, or all, by scope and name.
    #[must_use]
    pub fn list(&self, all: bool) -> Vec<Row> {
        let now = self.clock.elapsed();
        let mut rows = Vec::new();
        for scope in Scope::ALL {
            for entry in self.of(scope) {
                let view = entry.lock().view(now, &entry.settings);
                if all || view.phase != Phase::Closed {
                    rows.push(Row { scope, name: Arc::clone(entry.key()), view, rejected: entry.rejected() });
                }
            }
        }
        rows.sort_unstable_by(|one, other| (one.scope, &one.name).cmp(&(other.scope, &other.name)));
        rows
    }

    /// Where a breaker stands; closed where there is none.
    #[must_use]
    pub fn phase(&self, scope: Scope, name: &str) -> Phase {
        self.of(scope).get(name).map_or(Phase::Closed, |entry| entry.lock().phase())
    }

    /// What changed since this was last asked, oldest first.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect()
    }

    /// What was counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counters.read()
    }

    /// Forgets those that nobody called within the window. Now and then.
    pub fn sweep(&self) {
        let now = self.clock.elapsed();
        for entries in &self.entries {
            entries.retain(|_, entry| Arc::strong_count(entry) > 1 || !entry.lock().is_idle(now, &entry.settings));
        }
    }

    pub(crate) fn count_slow(&self, slow: bool) {
        if slow {
            self.counters.slow.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn count_failure(&self, counts: bool) {
        if counts {
            self.counters.failures.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn leave(&self, entry: &Entry, taken: u64, end: End, with: Option<&CorrelationId>) {
        let moved = entry.leave(self.clock.elapsed(), taken, end);
        self.moved(entry, moved, with);
    }

    fn of(&self, scope: Scope) -> &DashMap<Arc<str>, Arc<Entry>> {
        let [runtimes, providers, tools] = &self.entries;
        match scope {
            Scope::Runtime => runtimes,
            Scope::Provider => providers,
            Scope::Tool => tools,
        }
    }

    fn entry(&self, scope: Scope, name: &str) -> Option<Arc<Entry>> {
        let entries = self.of(scope);
        if let Some(entry) = entries.get(name) {
            return Some(Arc::clone(&entry));
        }
        let name: Arc<str> = Arc::from(name);
        let entry = || Arc::new(Entry::new(scope, Arc::clone(&name), self.sets.of(scope, &name)));
        // Somebody else may have come first; then that one is shared.
        (entries.len() < self.sets.entries())
            .then(|| Arc::clone(&entries.entry(Arc::clone(&name)).or_insert_with(entry)))
    }

    /// Those that a runtime has to do with and that may be open; mostly there are none, and nothing is looked up.
    fn away_of(&self, runtime: &str, provider: &str, serves: impl Fn(&str) -> bool) -> Vec<Arc<Entry>> {
        if self.away.load(Ordering::Relaxed) == 0 {
            return Vec::new();
        }
        let tools = self.tools_away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let tools = tools.iter().filter(|tool| serves(tool)).map(|tool| (Scope::Tool, &**tool));
        let names = [(Scope::Runtime, runtime), (Scope::Provider, provider)].into_iter().chain(tools);
        names.filter_map(|(scope, name)| self.of(scope).get(name).map(|entry| Arc::clone(&entry))).collect()
    }

    fn note_away(&self, entry: &Entry, Moved { from, to, .. }: Moved) {
        if (from == Phase::Closed) == (to == Phase::Closed) {
            return;
        }
        let mut tools = self.tools_away.lock().unwrap_or_else(PoisonError::into_inner);
        match to {
            Phase::Closed => self.away.fetch_sub(1, Ordering::Relaxed),
            _ => self.away.fetch_add(1, Ordering::Relaxed),
        };
        match (entry.scope, to) {
            (Scope::Tool, Phase::Closed) => drop(tools.remove(&entry.name)),
            (Scope::Tool, _) => drop(tools.insert(Arc::clone(&entry.name))),
            _ => {}
        }
    }

    fn moved(&self, entry: &Entry, moved: Option<Moved>, with: Option<&CorrelationId>) {
        let Some(moved) = moved else { return };
        self.note_away(entry, moved);
        let Moved { from, to, code } = moved;
        self.counters.count(from, to);
        let (scope, name, at_ms) = (entry.scope, Arc::clone(&entry.name), self.clock.unix_ms());
        let change = Change { scope, name, from, to, at_ms, code, correlation: with.cloned() };
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if changes.len() >= CHANGES {
            changes.pop_front();
        }
        changes.push_back(change);
    }
}

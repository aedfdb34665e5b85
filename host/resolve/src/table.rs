//! Who serves one tool, as it is at one moment: a table that each change makes anew and nobody alters, so that a call
//! reads it without a lock.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use grid_core::{
    id::{ConnectionId, SessionId},
    provider::Serving,
    runtime::{Card, Runtime},
};

use crate::{
    line::Line,
    rank::{Choices, Facts},
};

/// For which sessions a runtime fulfils a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every session of the tenants that it serves.
    Every,
    /// This one.
    Only(SessionId),
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

/// Lets every call pass.
#[derive(Debug, Clone, Copy)]
pub struct Unguarded;

impl Admits for Unguarded {
    fn admits(&self, _tool: &str, _card: &Card) -> Result<(), Barrier> {
        Ok(())
    }
}

/// What operators let something do; read by every call.
#[derive(Debug, Default)]
pub(crate) struct State {
    serving: AtomicU8,
    note: ArcSwap<String>,
}

impl State {
    pub(crate) fn serving(&self) -> Serving {
        match self.serving.load(Ordering::Acquire) {
            0 => Serving::Serving,
            1 => Serving::Paused,
            _ => Serving::Draining,
        }
    }

    pub(crate) fn note(&self) -> String {
        String::clone(&self.note.load())
    }

    /// Gives what it was before.
    pub(crate) fn set(&self, serving: Serving, note: &str) -> Serving {
        let before = self.serving();
        let word = match serving {
            Serving::Serving => 0,
            Serving::Paused => 1,
            Serving::Draining => 2,
        };
        self.note.store(Arc::new(note.to_owned()));
        self.serving.store(word, Ordering::Release);
        before
    }
}

/// A provider, whatever it serves.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) state: State,
    /// The calls that wait for its runtimes.
    pub(crate) line: Line,
}

impl Provider {
    pub(crate) fn new(name: Arc<str>) -> Self {
        Self { name, state: State::default(), line: Line::default() }
    }
}

/// A runtime at a tool.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) scope: Scope,
    pub(crate) provider: Arc<Provider>,
    in_flight: AtomicU32,
}

impl Seat {
    pub(crate) fn new(runtime: Arc<dyn Runtime>, scope: Scope, provider: Arc<Provider>) -> Self {
        Self { runtime, scope, provider, in_flight: AtomicU32::new(0) }
    }

    pub(crate) fn card(&self) -> &Card {
        self.runtime.card()
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        self.card().connection
    }

    /// Calls of this tool that it has.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(crate) fn has_room(&self) -> bool {
        let card = self.card();
        card.load.in_flight() < card.limit
    }

    /// Takes a place where there is one.
    pub(crate) fn enter(&self) -> bool {
        let card = self.card();
        let entered = card.load.enter(card.limit);
        if entered {
            self.in_flight.fetch_add(1, Ordering::AcqRel);
        }
        entered
    }

    /// Gives a place back.
    pub(crate) fn leave(&self, now: Duration, failed: bool) {
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.card().load.leave(now, failed);
    }
}

/// That a provider has no runtime at a tool any more.
#[derive(Debug, Clone)]
pub(crate) struct Gone {
    /// Milliseconds since 1970.
    pub(crate) at_ms: u64,
    pub(crate) cause: Arc<str>,
}

/// A provider at a tool.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) provider: Arc<Provider>,
    pub(crate) facts: Arc<Facts>,
    /// In which order the providers of the tool were first seen, from 1.
    pub(crate) sequence: u64,
    pub(crate) seats: Vec<Arc<Seat>>,
    pub(crate) gone: Option<Gone>,
    /// Calls of this tool that wait for it.
    pub(crate) waiting: Arc<AtomicUsize>,
}

impl Candidate {
    /// Higher goes first.
    pub(crate) fn rank(&self) -> (i32, i32, u64) {
        (self.facts.priority, self.facts.stack_level, self.sequence)
    }

    pub(crate) fn in_flight(&self) -> u32 {
        self.seats.iter().map(|seat| seat.in_flight()).sum()
    }
}

/// Everything about one tool at one moment.
#[derive(Debug, Default)]
pub(crate) struct Table {
    /// By rank, best first.
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) choices: Choices,
    /// Some runtime serves it for one session alone.
    pub(crate) scoped: bool,
}

impl Table {
    pub(crate) fn new(mut candidates: Vec<Candidate>, choices: Choices) -> Self {
        candidates.sort_by_key(|candidate| std::cmp::Reverse(candidate.rank()));
        let mut seats = candidates.iter().flat_map(|candidate| &candidate.seats);
        let scoped = seats.any(|seat| seat.scope != Scope::Every);
        Self { candidates, choices, scoped }
    }

    pub(crate) fn of(&self, provider: &str) -> Option<(usize, &Candidate)> {
        self.candidates.iter().enumerate().find(|(_, candidate)| *candidate.provider.name == *provider)
    }
}

/// A tool.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Arc<str>,
    pub(crate) table: ArcSwap<Table>,
    pub(crate) state: State,
    /// Held by whoever makes another table; calls do not.
    pub(crate) change: Mutex<()>,
}

impl Entry {
    pub(crate) fn new(name: Arc<str>) -> Self {
        let table = ArcSwap::from_pointee(Table::default());
        Self { name, table, state: State::default(), change: Mutex::default() }
    }
}

//! A call that breakers let through, until it has ended.

use std::{sync::Arc, time::Duration};

use grid_core::{Code, id::CorrelationId};

use crate::{
    breaker::End,
    entry::Entry,
    table::{Breakers, Scope},
};

/// Against which of its breakers a call's bad end counts. A runtime that fails says little of the others of its provider,
/// and nothing of a tool that others serve too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blame {
    /// That of the runtime.
    pub runtime: bool,
    /// That of its provider: no other runtime of it could have taken the call.
    pub provider: bool,
    /// That of the tool: no other runtime at all could have.
    pub tool: bool,
}

impl Blame {
    /// All of them.
    pub const ALL: Self = Self { runtime: true, provider: true, tool: true };
    /// The tool alone.
    pub const TOOL: Self = Self { runtime: false, provider: false, tool: true };
    /// The runtime alone.
    pub const RUNTIME: Self = Self { runtime: true, provider: false, tool: false };

    fn reaches(self, scope: Scope) -> bool {
        match scope {
            Scope::Runtime => self.runtime,
            Scope::Provider => self.provider,
            Scope::Tool => self.tool,
        }
    }
}

/// A call on its way. One that is dropped without a word says nothing of whoever had it.
#[derive(Debug)]
pub struct Pass {
    breakers: Arc<Breakers>,
    taken: [Option<(Arc<Entry>, u64)>; 3],
}

impl Pass {
    pub(crate) fn new(breakers: Arc<Breakers>) -> Self {
        Self { breakers, taken: [None, None, None] }
    }

    pub(crate) fn add(&mut self, entry: Arc<Entry>, generation: u64) {
        if let Some(place) = self.taken.iter_mut().find(|place| place.is_none()) {
            *place = Some((entry, generation));
        }
    }

    /// The call was not made.
    pub(crate) fn give_back(mut self) {
        for (entry, generation) in self.taken.iter_mut().filter_map(Option::take) {
            entry.give_back(generation);
        }
    }

    /// The call ended well, after so long; `blame` is for one that was slow.
    pub fn well(mut self, took: Duration, blame: Blame, correlation: &CorrelationId) {
        let slow = took >= self.breakers.settings().slow_call;
        self.breakers.count_slow(slow);
        self.leave(correlation, |scope| match slow && !blame.reaches(scope) {
            true => End::Neutral,
            false => End::Well(took),
        });
    }

    /// The call failed. A code that is its caller's fault or the host's counts against nobody.
    pub fn failed(mut self, code: Code, blame: Blame, correlation: &CorrelationId) {
        let counts = Self::counts(code);
        self.breakers.count_failure(counts);
        self.leave(correlation, |scope| match counts && blame.reaches(scope) {
            true => End::Failed(code),
            false => End::Neutral,
        });
    }

    /// The runtime did what it should, after so long, and the tool failed with an error of that code.
    pub fn tool_failed(mut self, took: Duration, code: Code, correlation: &CorrelationId) {
        self.breakers.count_failure(true);
        self.leave(correlation, |scope| match scope {
            Scope::Tool => End::Failed(code),
            Scope::Runtime | Scope::Provider => End::Well(took),
        });
    }

    /// Whether a failure with this code says something of whoever had the call.
    #[must_use]
    pub fn counts(code: Code) -> bool {
        code.security() || code.facts().fault == grid_core::code::Fault::Runtime
    }

    fn leave(&mut self, correlation: &CorrelationId, end: impl Fn(Scope) -> End) {
        for (entry, generation) in self.taken.iter_mut().filter_map(Option::take) {
            self.breakers.leave(&entry, generation, end(entry.scope), Some(correlation));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        for (entry, generation) in self.taken.iter_mut().filter_map(Option::take) {
            self.breakers.leave(&entry, generation, End::Neutral, None);
        }
    }
}

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
        self.breakers.count_slow(self.is_slow(took));
        let own = self.own_slow();
        self.leave(correlation, |entry| match took >= own.unwrap_or(entry.settings.slow_call) {
            true if blame.reaches(entry.scope) => End::Slow,
            true => End::Neutral,
            false => End::Well,
        });
    }

    /// A call that took so long is slow for one of its breakers.
    #[must_use]
    pub fn is_slow(&self, took: Duration) -> bool {
        let own = self.own_slow();
        let mut entries = self.taken.iter().flatten();
        entries.any(|(entry, _)| took >= own.unwrap_or(entry.settings.slow_call))
    }

    /// A tool's own errors count against this one.
    #[must_use]
    pub fn counts_tool_errors(&self) -> bool {
        self.tool().is_some_and(|entry| entry.settings.tool_errors)
    }

    /// A tool with settings of its own says when its calls are slow, whoever has them.
    fn own_slow(&self) -> Option<Duration> {
        self.tool().filter(|entry| entry.own).map(|entry| entry.settings.slow_call)
    }

    fn tool(&self) -> Option<&Entry> {
        self.taken.iter().flatten().map(|(entry, _)| &**entry).find(|entry| entry.scope == Scope::Tool)
    }

    /// The call failed. A code that is its caller's fault or the host's counts against nobody.
    pub fn failed(mut self, code: Code, blame: Blame, correlation: &CorrelationId) {
        let counts = Self::counts(code);
        self.breakers.count_failure(counts);
        self.leave(correlation, |entry| match counts && blame.reaches(entry.scope) {
            true => End::Failed(code),
            false => End::Neutral,
        });
    }

    /// The runtime did what it should, after so long, and the tool failed with an error of that code.
    pub fn tool_failed(mut self, took: Duration, code: Code, correlation: &CorrelationId) {
        self.breakers.count_failure(true);
        let own = self.own_slow();
        self.leave(correlation, |entry| match entry.scope {
            Scope::Tool => End::Failed(code),
            Scope::Runtime | Scope::Provider if took >= own.unwrap_or(entry.settings.slow_call) => End::Slow,
            Scope::Runtime | Scope::Provider => End::Well,
        });
    }

    /// Whether a failure with this code says something of whoever had the call.
    #[must_use]
    pub fn counts(code: Code) -> bool {
        code.security() || code.facts().fault == grid_core::code::Fault::Runtime
    }

    fn leave(&mut self, correlation: &CorrelationId, end: impl Fn(&Entry) -> End) {
        for (entry, generation) in self.taken.iter_mut().filter_map(Option::take) {
            self.breakers.leave(&entry, generation, end(&entry), Some(correlation));
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

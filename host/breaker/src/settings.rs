//! What opens a breaker, and how it closes again (protocol 6.1, R-092).

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::table::Scope;

/// Of a breaker. A threshold of 0 is one that is never reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Failures one after the other.
    pub consecutive_failures: u32,
    /// Failures within the window, whatever succeeded between them (Q14).
    pub failures_in_window: u32,
    /// How far back calls are counted.
    pub window: Duration,
    /// Failures within the window in percent of its calls.
    pub failure_percent: u32,
    /// Calls within the window below which no share of them says anything.
    pub minimum_calls: u32,
    /// A call that takes longer is slow.
    pub slow_call: Duration,
    /// Slow calls within the window in percent of its calls.
    pub slow_percent: u32,
    /// How long a breaker stays open the first time; twice as long each time that it opens again without having closed.
    pub recovery: Duration,
    /// The longest that it stays open.
    pub max_recovery: Duration,
    /// Calls that have to succeed while it is half open.
    pub success_threshold: u32,
    /// Calls that it lets through while it is half open.
    pub half_open_calls: u32,
    /// How it closes after that; absent where it closes at once.
    pub gradual: Option<Gradual>,
    /// Good reports of its runtime one after the other after which an open breaker lets calls try, though its time is not over.
    pub health_checks: u32,
    /// Reports that come faster than this count as one.
    pub health_interval: Duration,
    /// A tool's own errors count against its breaker.
    pub tool_errors: bool,
    /// Names of each scope that are counted at most; further ones are not guarded until others are forgotten.
    pub entries: usize,
}

/// A share of calls that grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gradual {
    /// In percent, at first.
    pub start: u32,
    /// In percent, more with each step.
    pub step: u32,
    /// The time of one step.
    pub every: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            consecutive_failures: 5,
            failures_in_window: 10,
            window: Duration::from_secs(60),
            failure_percent: 50,
            minimum_calls: 10,
            slow_call: Duration::from_secs(10),
            slow_percent: 80,
            recovery: Duration::from_secs(30),
            max_recovery: Duration::from_secs(300),
            success_threshold: 3,
            half_open_calls: 10,
            gradual: Some(Gradual { start: 10, step: 20, every: Duration::from_secs(30) }),
            health_checks: 3,
            health_interval: Duration::from_secs(5),
            tool_errors: false,
            entries: 10_000,
        }
    }
}

/// Settings of all breakers of a host: those for everybody, and what a scope or a name has in their place.
#[derive(Debug, Clone, Default)]
pub struct Sets {
    all: Arc<Settings>,
    scopes: HashMap<Scope, Arc<Settings>>,
    names: HashMap<Scope, HashMap<Box<str>, Arc<Settings>>>,
}

impl From<Settings> for Sets {
    fn from(all: Settings) -> Self {
        Self { all: Arc::new(all), ..Self::default() }
    }
}

impl Sets {
    /// With others for all breakers of a scope.
    #[must_use]
    pub fn scope(mut self, scope: Scope, settings: Settings) -> Self {
        self.scopes.insert(scope, Arc::new(settings));
        self
    }

    /// With others for the breaker of that name.
    #[must_use]
    pub fn name(mut self, scope: Scope, name: &str, settings: Settings) -> Self {
        self.names.entry(scope).or_default().insert(Box::from(name), Arc::new(settings));
        self
    }

    /// Names of each scope that are counted at most.
    pub(crate) fn entries(&self) -> usize {
        self.all.entries
    }

    /// Those of a name, and whether they are its own.
    pub(crate) fn of(&self, scope: Scope, name: &str) -> (&Arc<Settings>, bool) {
        match self.names.get(&scope).and_then(|names| names.get(name)) {
            Some(own) => (own, true),
            None => (self.scopes.get(&scope).unwrap_or(&self.all), false),
        }
    }
}

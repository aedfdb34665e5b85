//! Breakers before runtimes: made of the settings, asked by the resolver, told how calls ended, and on record when one
//! changes.

use std::{sync::Arc, time::Duration};

use grid_breaker::{Blame, Breakers, Gradual, Key, Pass, Phase, Scope, Sets, Settings};
use grid_config::Config;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal,
    clock::SharedClock,
    event::{Event, Kind},
    id::RuntimeId,
    outcome::ToolAnswer,
    runtime::Card,
};
use grid_dispatch::{Outcome, RoutedCall};
use grid_resolve::{Admits, Barrier, Roster};

use crate::host::Host;

/// A host's breakers; none where they are switched off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guard {
    breakers: Option<Arc<Breakers>>,
}

/// The resolver's view of it.
#[derive(Debug)]
struct Asked(Arc<Breakers>);

impl Admits for Asked {
    fn admits(&self, tool: &str, card: &Card) -> Result<(), Barrier> {
        let key = Key { runtime: card.id.as_str(), provider: card.provider(), tool };
        self.0.admits(&key).map_err(|rejection| Barrier { retry_after: rejection.retry_after })
    }

    fn state(&self, tool: &str, provider: &str) -> &'static str {
        match (self.0.phase(Scope::Provider, provider), self.0.phase(Scope::Tool, tool)) {
            (Phase::Closed, other) | (other, _) => other.as_str(),
        }
    }
}

impl Guard {
    /// As the configuration says, and asked by `roster` from now on.
    pub(crate) fn new(config: &Config, clock: &SharedClock, roster: &Roster) -> Self {
        let set = &config.breaker;
        if !set.enabled {
            return Self::default();
        }
        let mut sets = Sets::from(settings(set));
        for scope in Scope::ALL {
            sets = match config.own.scope(scope.as_str()) {
                Some(own) => sets.scope(scope, settings(own)),
                None => sets,
            };
        }
        for (scope, name, own) in config.own.names() {
            sets = match Scope::parse(scope) {
                Some(scope) => sets.name(scope, name, settings(own)),
                None => sets,
            };
        }
        Self::with(sets, clock, roster)
    }

    pub(crate) fn with(sets: impl Into<Sets>, clock: &SharedClock, roster: &Roster) -> Self {
        let breakers = Breakers::new(sets, clock.clone());
        roster.guarded(Arc::new(Asked(Arc::clone(&breakers))));
        Self { breakers: Some(breakers) }
    }

    /// A runtime says that it is well, or that it went: breakers that are open because of it hear that.
    pub(crate) fn hear(&self, roster: &Roster, card: &Card, is_well: bool) {
        let Some(breakers) = &self.breakers else { return };
        let serves = |tool: &str| roster.serving(tool).iter().any(|id| id == card.id.as_str());
        match is_well {
            true => breakers.hear(card.id.as_str(), card.provider(), serves),
            false => breakers.miss(card.id.as_str(), card.provider(), serves),
        }
    }

    /// For operators and metrics.
    pub(crate) fn breakers(&self) -> Option<&Arc<Breakers>> {
        self.breakers.as_ref()
    }

    /// The way to the runtime of the call, or to another one where a breaker keeps the call away from that: while a runtime
    /// comes back, a share of the calls alone gets through.
    pub(crate) async fn pass(&self, roster: &Roster, call: &mut RoutedCall) -> Result<Option<Pass>, Refusal> {
        let Some(breakers) = &self.breakers else { return Ok(None) };
        let mut avoid = Vec::new();
        let mut soonest: Option<Duration> = None;
        loop {
            match self.enter(call) {
                Ok(pass) => {
                    if !avoid.is_empty() {
                        breakers.sent_elsewhere();
                    }
                    return Ok(pass);
                }
                Err(wait) => soonest = Some(soonest.map_or(wait, |soonest| soonest.min(wait))),
            }
            avoid.push(call.runtime().card().connection);
            if grid_resolve::route_again(roster, call, &avoid).await.is_err() {
                breakers.turned_away();
                return Err(grid_resolve::kept_away(call.contract().name(), soonest.unwrap_or_default()));
            }
        }
    }

    /// The way to the runtime of the call as it is; otherwise when to ask again.
    pub(crate) fn enter(&self, call: &RoutedCall) -> Result<Option<Pass>, Duration> {
        self.enter_at(call, call.runtime().card())
    }

    /// The way to another runtime for the call.
    pub(crate) fn enter_at(&self, call: &RoutedCall, card: &Card) -> Result<Option<Pass>, Duration> {
        let Some(breakers) = &self.breakers else { return Ok(None) };
        let key = Key { runtime: card.id.as_str(), provider: card.provider(), tool: call.contract().name() };
        let correlation = &call.call().call().call().call().request().correlation;
        breakers.enter(&key, correlation).map(Some).map_err(|rejection| rejection.retry_after)
    }

    /// An attempt has ended.
    pub(crate) fn report(&self, roster: &Roster, pass: Option<Pass>, outcome: &Outcome) {
        let Some(pass) = pass else { return };
        // Whoever reads a stream sets its pace.
        let took = if outcome.was_streamed() { Duration::ZERO } else { outcome.took() };
        let call = outcome.call();
        let correlation = &call.call().call().call().call().request().correlation;
        let slow = pass.is_slow(took);
        match outcome.result() {
            Ok(ToolAnswer::Error { kind, .. }) => match kind.parse::<Code>() {
                Ok(code) if pass.counts_tool_errors() && Pass::counts(code) => {
                    pass.tool_failed(took, code, correlation)
                }
                _ => pass.well(took, blame(roster, call, slow), correlation),
            },
            Ok(_) => pass.well(took, blame(roster, call, slow), correlation),
            Err(_) if outcome.excuses_runtime() => drop(pass),
            // Less time than its contract gives one attempt is no fault of whoever had the call; to be slow is.
            Err(_) if outcome.cut_short() && slow => pass.well(took, blame(roster, call, true), correlation),
            Err(_) if outcome.cut_short() => drop(pass),
            Err(refusal) => pass.failed(refusal.code(), blame(roster, call, true), correlation),
        }
    }
}

/// As the configuration has them.
fn settings(set: &grid_config::Breaker) -> Settings {
    let gradual = Gradual { start: set.gradual_start, step: set.gradual_step, every: set.gradual_every };
    Settings {
        consecutive_failures: set.consecutive_failures,
        failures_in_window: set.failures_in_window,
        window: set.window,
        failure_percent: set.failure_percent,
        minimum_calls: set.minimum_calls,
        slow_call: set.slow_call,
        slow_percent: set.slow_percent,
        recovery: set.recovery,
        max_recovery: set.max_recovery,
        success_threshold: set.success_threshold,
        half_open_calls: set.half_open_calls,
        gradual: set.gradual.then_some(gradual),
        health_checks: set.health_checks,
        health_interval: set.health_interval,
        tool_errors: set.tool_errors,
        entries: set.entries,
    }
}

/// Who is to blame for a bad end: the runtime, and the provider and the tool where nobody else takes such calls, from
/// this caller or any other.
fn blame(roster: &Roster, call: &RoutedCall, bad: bool) -> Blame {
    if !bad {
        return Blame::ALL;
    }
    let card = call.runtime().card();
    let other = |provider| roster.another(call.contract().name(), card.connection, provider);
    Blame { runtime: true, provider: !other(Some(card.provider())), tool: !other(None) }
}

impl<C: Contracts> Host<C> {
    /// Writes down which breakers changed, and forgets those that nobody needs.
    pub(crate) async fn note_breakers(&self) {
        let Some(breakers) = self.guard.breakers() else { return };
        breakers.sweep();
        for change in breakers.changes() {
            let (scope, from, to) = (change.scope, change.from, change.to);
            tracing::warn!(scope = scope.as_str(), name = %change.name, to = to.as_str(), "a breaker changed");
            let correlation = change.correlation.unwrap_or_else(|| self.correlation(""));
            let name = |of: Scope| Some(Arc::clone(&change.name)).filter(|_| of == scope);
            let event = Event {
                at_ms: change.at_ms,
                tool: name(Scope::Tool),
                provider: name(Scope::Provider),
                runtime: name(Scope::Runtime).and_then(|id| RuntimeId::parse(&id).ok()),
                code: change.code,
                detail: Some(format!("{} breaker: {} to {}", scope.as_str(), from.as_str(), to.as_str())),
                ..self.event(Kind::BreakerChanged, &correlation)
            };
            self.ledger.note(event).await;
        }
    }
}

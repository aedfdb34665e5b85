//! A host as a swap sees it: its runtimes, its selections, its log.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use grid_contract::Contracts;
use grid_core::{
    Refusal,
    event::{Event, Kind},
    id::CorrelationId,
    lifecycle::Phase,
    principal::Principal,
    provider::{Serving, Swapped, View},
    runtime::Runtime as _,
};
use grid_link::{Unwell, Wire};
use grid_resolve::{Selection, View as Ask, What, Whose};
use grid_swap::{Hook, Hooks, Providers, Sick, Wish, run_hook};
use tokio::task::JoinSet;

use crate::host::{Host, unwritable};

/// How often it is looked whether a runtime is there, or calls have ended.
const LOOK: Duration = Duration::from_millis(10);

/// How calls come to go to the new provider.
#[derive(Debug)]
pub(crate) enum By {
    /// An operator's selection for every call.
    Selection {
        /// In their own words.
        note: Arc<str>,
    },
    /// The file says so already, and a pin on the old one is taken away.
    File,
}

/// One swap's view of the host.
#[derive(Debug)]
pub(crate) struct Swapping<C> {
    host: Arc<Host<C>>,
    correlation: CorrelationId,
    /// Absent where the file changed.
    operator: Option<Arc<Principal>>,
    by: By,
    /// What was selected before the flip, once there was one.
    before: Mutex<Option<Option<Selection>>>,
}

impl<C: Contracts> Swapping<C> {
    pub(crate) fn new(
        host: &Arc<Host<C>>,
        correlation: CorrelationId,
        operator: Option<Arc<Principal>>,
        by: By,
    ) -> Self {
        Self { host: Arc::clone(host), correlation, operator, by, before: Mutex::default() }
    }

    /// The lines to a provider's runtimes at a tool.
    fn wires(&self, tool: &str, provider: &str) -> Vec<Arc<Wire>> {
        wires(&self.host, tool, provider)
    }

    /// Asks all of them at once; the first that says no.
    async fn ask(
        &self,
        phase: Phase,
        tool: &Arc<str>,
        provider: &str,
        limit: Duration,
    ) -> Result<(), (String, Unwell)> {
        ask_all(self.wires(tool, provider), phase, tool, &self.correlation, limit).await
    }

    fn event(&self, kind: Kind, wish: &Wish, detail: String) -> Event {
        Event {
            principal: self.operator.clone(),
            tool: Some(Arc::clone(&wish.tool)),
            provider: Some(Arc::clone(&wish.provider)),
            detail: Some(detail.chars().take(1024).collect()),
            ..self.host.event(kind, &self.correlation)
        }
    }

    /// Calls go to the provider from now on; without one as before the flip, or as the file says.
    fn choose(&self, tool: &Arc<str>, provider: Option<&Arc<str>>) {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        let selection = match (before.take(), &self.by) {
            // Back to what was selected, whatever it was.
            (Some(selection), _) => {
                self.host.roster.select(tool, Whose::Host, selection);
                return;
            }
            (None, By::Selection { note }) => provider.map(|provider| Selection {
                provider: Arc::clone(provider),
                fallback: false,
                note: Arc::clone(note),
            }),
            (None, By::File) => None,
        };
        *before = Some(self.host.roster.select(tool, Whose::Host, selection));
    }

    /// Why the provider could not have the calls even if it were chosen.
    fn ineligible(&self, wish: &Wish) -> Option<String> {
        let contract = self.host.contracts.manifest().get(&wish.tool);
        let view = Ask { contract: contract.as_deref(), wish: Some(&wish.provider), ..Ask::default() };
        let choice = self.host.roster.explain(&wish.tool, &view);
        let row = choice.candidates.into_iter().find(|row| *row.provider == *wish.provider);
        match row {
            None => Some("it has no runtime here".to_owned()),
            Some(row) => (row.view == View::Ineligible).then_some(row.reason),
        }
    }
}

/// The lines to a provider's runtimes at a tool.
pub(crate) fn wires<C>(host: &Host<C>, tool: &str, provider: &str) -> Vec<Arc<Wire>> {
    let connections: Vec<_> =
        host.roster.runtimes(tool, provider).iter().map(|runtime| runtime.card().connection).collect();
    host.hub.list().into_iter().filter(|wire| connections.contains(&wire.card().connection)).collect()
}

/// Asks all of them at once and waits for all; the first that says no, by id.
pub(crate) async fn ask_all(
    wires: Vec<Arc<Wire>>,
    phase: Phase,
    tool: &Arc<str>,
    correlation: &CorrelationId,
    limit: Duration,
) -> Result<(), (String, Unwell)> {
    let mut asking = JoinSet::new();
    for wire in wires {
        let (tool, correlation) = (Arc::clone(tool), correlation.clone());
        asking.spawn(async move {
            let asked = wire.ask(phase, &tool, &correlation, limit).await;
            asked.map_err(|why| (wire.card().id.to_string(), why))
        });
    }
    let mut all = Ok(());
    while let Some(asked) = asking.join_next().await {
        // A task that ended early has asked nobody.
        all = all.and(asked.unwrap_or_else(|_| Err((String::new(), Unwell::Gone))));
    }
    all
}

impl<C: Contracts> Providers for Swapping<C> {
    fn serving(&self, tool: &str) -> Option<Arc<str>> {
        let contract = self.host.contracts.manifest().get(tool);
        let active = || self.host.roster.active(tool, contract.as_deref());
        // A tool that takes no calls now has a provider all the same.
        let selected = || self.host.roster.selected(tool, &Whose::Host).map(|one| one.provider);
        let first = || {
            let view = Ask { contract: contract.as_deref(), ..Ask::default() };
            let rows = self.host.roster.explain(tool, &view).candidates;
            rows.into_iter().find(|row| row.view != View::Ineligible).map(|row| Arc::from(row.provider))
        };
        active().or_else(selected).or_else(first)
    }

    fn hooks(&self, tool: &str) -> Hooks {
        let directory = self.host.providers.folder().unwrap_or_default();
        let hooks = self.host.roster.ranks().hooks(tool);
        let each = |all: Vec<Vec<String>>| all.into_iter().map(|argv| Hook { argv, directory: directory.clone() });
        Hooks { before: each(hooks.before).collect(), after: each(hooks.after).collect() }
    }

    async fn activate(&self, wish: &Wish, look: bool) -> Result<(), String> {
        let mut wires = self.wires(&wish.tool, &wish.provider);
        while wires.is_empty() && !look {
            tokio::time::sleep(LOOK).await;
            wires = self.wires(&wish.tool, &wish.provider);
        }
        if let Some(why) = self.ineligible(wish) {
            return Err(why);
        }
        if look {
            return Ok(());
        }
        // The swap's own limit is shorter than this one.
        let asked = self.ask(Phase::Init, &wish.tool, &wish.provider, Duration::from_secs(60)).await;
        asked.map_err(|(runtime, why)| format!("`{runtime}` did not make itself ready: {why}"))
    }

    async fn health(&self, wish: &Wish) -> Result<(), Sick> {
        if self.wires(&wish.tool, &wish.provider).is_empty() {
            return Err(Sick::Gone("it has no runtime here any more".to_owned()));
        }
        let asked = self.ask(Phase::Health, &wish.tool, &wish.provider, Duration::from_secs(60)).await;
        asked.map_err(|(runtime, why)| {
            let words = format!("`{runtime}` is not well: {why}");
            match why {
                Unwell::Gone => Sick::Gone(words),
                Unwell::Busy | Unwell::Late(_) | Unwell::Said(_) => Sick::Unwell(words),
            }
        })
    }

    async fn hook(&self, hook: &Hook, limit: Duration) -> Result<(), String> {
        run_hook(hook, limit).await
    }

    fn flip(&self, tool: &Arc<str>, provider: Option<&Arc<str>>) {
        self.choose(tool, provider);
        // Whoever had the calls may have them again, and what it gave would be old by then.
        self.host.reuse.clear(|_, of, _| *of == **tool);
    }

    async fn committed(&self, wish: &Wish, report: &Swapped) -> Result<(), Refusal> {
        let degraded = if report.degraded { ", although it is not well" } else { "" };
        let detail = format!("`{}` takes the place of `{}`{degraded}", report.serving, report.before);
        let event = self.event(Kind::SwapCommitted, wish, detail);
        self.host.ledger.record(event).await.map_err(|error| unwritable(&error))?;
        if self.host.keep_providers().await.is_err() {
            tracing::error!(tool = %wish.tool, "the swap holds, but until the host stops only");
        }
        tracing::info!(tool = %wish.tool, before = report.before, now = report.serving, "swapped");
        Ok(())
    }

    async fn rolled_back(&self, wish: &Wish, report: &Swapped) {
        let detail = format!("`{}` serves on: {}: {}", report.serving, report.failed_step, report.reason);
        tracing::warn!(tool = %wish.tool, provider = %wish.provider, step = report.failed_step, "{detail}");
        // In the log before it is answered; a log that cannot be written ends the host.
        if let Err(error) = self.host.ledger.record(self.event(Kind::SwapRolledBack, wish, detail)).await {
            tracing::error!(%error, "that a swap was taken back could not be recorded");
        }
        if matches!(self.by, By::File) {
            // What the file wants is kept away until it is well, or an operator takes the pin back.
            let _ = self.host.keep_providers().await;
        }
    }

    fn kept_for(&self, tool: &str, provider: &str) -> Option<String> {
        self.host.roster.chosen_for(tool, provider)
    }

    fn in_flight(&self, tool: &str, provider: &str) -> u32 {
        self.host.roster.in_flight_of(tool, provider)
    }

    async fn drained(&self, tool: &str, provider: &str) {
        while self.host.roster.in_flight_of(tool, provider) > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn cleanup(&self, tool: &Arc<str>, provider: &str) -> Result<(), String> {
        match self.ask(Phase::Cleanup, tool, provider, Duration::from_secs(60)).await {
            // Who has gone has nothing left to clean up.
            Ok(()) | Err((_, Unwell::Gone)) => Ok(()),
            Err((runtime, why)) => Err(format!("`{runtime}` did not clean up: {why}")),
        }
    }
}

impl<C: Contracts> Host<C> {
    /// Until a tool that an operator drains has no calls; how many it has, where that takes too long.
    pub(crate) async fn drained(&self, what: &What, limit: Duration) -> Result<(), u32> {
        let drained = async {
            while self.roster.in_flight(what) > 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(limit, drained).await.map_err(|_| self.roster.in_flight(what))
    }

    /// A tool that drains is swapped when it has.
    pub(crate) async fn drained_first(&self, tool: &Arc<str>, limit: Duration) -> Result<(), u32> {
        let what = What::Tool(Arc::clone(tool));
        if self.roster.state(&what) != Serving::Draining {
            return Ok(());
        }
        self.drained(&what, limit).await
    }
}

//! Pauses, drains, resumes: in the log before they are answered, and kept over restarts.

use std::{sync::Arc, time::Duration};

use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind},
    id::CorrelationId,
    lifecycle::Phase,
    principal::Principal,
    provider::{Action, Reason, Serving, ServingSet, SetServing},
};
use grid_resolve::What;

use super::{choosing::plain, swapping::no_tool};
use crate::{
    front_door::{Door, lost},
    host::unwritable,
    swapping::{ask_all, wires},
};

/// Characters of a note that are kept.
const NOTE: usize = 256;
/// Nobody waits longer for calls to end.
const MOST_WAIT: Duration = Duration::from_secs(3600);
/// How long a runtime may take to say that it has heard of it; nothing waits for that.
const HEARD: Duration = Duration::from_secs(5);

impl<C: Contracts> Door<C> {
    /// Pauses, drains or resumes a tool or a provider.
    pub(super) async fn serving_set(&self, who: &Arc<Principal>, set: SetServing) -> Result<ServingSet, Refusal> {
        let host = &self.0;
        let correlation = host.correlation(&set.correlation_id);
        let wait = Duration::from_millis(set.wait_ms).min(MOST_WAIT);
        let (door, by, of) = (self.clone(), Arc::clone(who), correlation.clone());
        // The host owns the task: what is on record is done.
        let setting = host.tasks.spawn(async move { door.set(&by, set, &of).await });
        let set = setting.await.unwrap_or_else(|_| Err(lost(correlation.clone(), host.clock.unix_ms())));
        match set {
            Ok((what, set)) => {
                // Calls that go on after that are told by their number.
                let in_flight = host.drained(&what, wait).await.err().unwrap_or(0);
                Ok(ServingSet { in_flight, ..set })
            }
            Err(refusal) => Err(self.decline(who, &correlation, refusal).await),
        }
    }

    async fn set(
        &self,
        who: &Arc<Principal>,
        set: SetServing,
        correlation: &CorrelationId,
    ) -> Result<(What, ServingSet), Refusal> {
        let host = &self.0;
        let what = self.what(&set)?;
        let now = match set.action {
            Some(Action::Pause) => Serving::Paused,
            Some(Action::Drain) => Serving::Draining,
            Some(Action::Resume) => Serving::Serving,
            None => {
                let message = "`action` is missing: pause, drain or resume";
                return Err(Refusal::new(Code::MalformedRequest, Stage::Resolve, message));
            }
        };
        let note: String = set.note.chars().take(NOTE).collect();
        let event = Event {
            principal: Some(Arc::clone(who)),
            detail: Some(format!("{}{}{note}", now.as_str(), if note.is_empty() { "" } else { ": " })),
            ..host.event(Kind::ServingChanged, correlation)
        };
        let event = match &what {
            What::Tool(tool) => Event { tool: Some(Arc::clone(tool)), ..event },
            What::Provider(provider) => Event { provider: Some(Arc::clone(provider)), ..event },
        };
        host.ledger.record(event).await.map_err(|error| unwritable(&error))?;
        let before = host.roster.set_state(&what, now, &note);
        host.keep_providers().await?;
        self.tell(&what, now, correlation);
        Ok((what, ServingSet { before, now, in_flight: 0 }))
    }

    fn what(&self, set: &SetServing) -> Result<What, Refusal> {
        let host = &self.0;
        match (set.tool.as_str(), set.provider.as_str()) {
            (tool, "") if !tool.is_empty() => {
                let contract = host.contracts.manifest().get(tool).ok_or_else(|| no_tool(tool))?;
                Ok(What::Tool(Arc::clone(contract.name())))
            }
            ("", provider) if !provider.is_empty() => {
                let listed = host.roster.ranks().facts(provider).is_some();
                if listed || host.roster.tools().iter().any(|tool| host.roster.knows(tool, provider)) {
                    return Ok(What::Provider(Arc::from(provider)));
                }
                let message = format!("there is no provider `{}`; `grid providers` lists them", plain(provider));
                let refusal = Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message);
                Err(refusal.with(Reason::DETAIL, Reason::ProviderUnavailable.as_str()))
            }
            _ => {
                let message = "say what it is about: exactly one of `tool` and `provider`";
                Err(Refusal::new(Code::MalformedRequest, Stage::Resolve, message))
            }
        }
    }

    /// Runtimes that want to know are told; nobody waits for them.
    fn tell(&self, what: &What, now: Serving, correlation: &CorrelationId) {
        let host = &self.0;
        let phase = if now == Serving::Serving { Phase::Resume } else { Phase::Pause };
        let concerned = |tool: &Arc<str>| match what {
            What::Tool(own) => own == tool,
            What::Provider(_) => true,
        };
        for tool in host.roster.tools().into_iter().filter(concerned) {
            let view = grid_resolve::View::default();
            let rows = host.roster.explain(&tool, &view).candidates;
            let lines = rows
                .iter()
                .filter(|row| match what {
                    What::Tool(_) => true,
                    What::Provider(name) => *row.provider == **name,
                })
                .flat_map(|row| wires(host, &tool, &row.provider))
                .collect();
            let correlation = correlation.clone();
            host.tasks.spawn(async move {
                if let Err((runtime, why)) = ask_all(lines, phase, &tool, &correlation, HEARD).await {
                    tracing::info!(%tool, runtime, phase = phase.as_str(), "a runtime was told: {why}");
                }
            });
        }
    }
}

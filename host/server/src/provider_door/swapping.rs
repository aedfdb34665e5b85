//! One provider of a tool in the place of another, because an operator wants it.

use std::sync::Arc;

use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    id::CorrelationId,
    principal::Principal,
    provider::{Reason, Serving, Swap, Swapped},
};
use grid_resolve::What;
use grid_swap::{Limits, Wish, run};
use tokio::sync::oneshot;

use super::choosing::plain;
use crate::{
    front_door::{Door, lost},
    swapping::{By, Swapping},
};

/// Characters of a note that are kept.
const NOTE: usize = 256;

impl<C: Contracts> Door<C> {
    /// Swaps the provider of a tool.
    pub(super) async fn provider_swapped(&self, who: &Arc<Principal>, swap: Swap) -> Result<Swapped, Refusal> {
        let correlation = self.0.correlation(&swap.correlation_id);
        match self.swapped(who, swap, &correlation).await {
            Ok(swapped) => Ok(swapped),
            Err(refusal) => Err(self.decline(who, &correlation, refusal).await),
        }
    }

    async fn swapped(&self, who: &Arc<Principal>, swap: Swap, correlation: &CorrelationId) -> Result<Swapped, Refusal> {
        let host = &self.0;
        let contract = host.contracts.manifest().get(&swap.tool).ok_or_else(|| no_tool(&swap.tool))?;
        let tool = Arc::clone(contract.name());
        if swap.provider.is_empty() || !host.roster.knows(&tool, &swap.provider) {
            return Err(no_provider(&tool, &swap.provider));
        }
        let provider: Arc<str> = Arc::from(swap.provider.as_str());
        let limits = Limits::default();
        if !swap.dry_run {
            self.may_be_swapped(&tool, &provider, &limits).await?;
        }
        let turn = host.swaps.take(&tool, limits.turn).await.map_err(|waited| {
            let message = format!(
                "another swap of `{tool}` is still at `{}`; ask again when it is over, which calls in flight may delay",
                waited.at
            );
            Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message).retry_after(limits.drain)
        })?;
        let note: Arc<str> = swap.note.chars().take(NOTE).collect::<String>().into();
        let wish = Wish { tool, provider, force: swap.force, dry_run: swap.dry_run };
        let swapping = Swapping::new(host, correlation.clone(), Some(Arc::clone(who)), By::Selection { note });
        let (told, answer) = oneshot::channel();
        // The host owns the task: it goes on when its operator leaves, and after the answer.
        host.tasks.spawn(async move {
            // An operator who has left hears nothing.
            let tell = |swapped| drop(told.send(swapped));
            run(&swapping, &wish, &limits, turn, tell).await;
        });
        answer.await.unwrap_or_else(|_| Err(lost(correlation.clone(), host.clock.unix_ms())))
    }

    /// A paused one would fail every call that came to it; a tool that drains is swapped when it has drained.
    async fn may_be_swapped(&self, tool: &Arc<str>, provider: &Arc<str>, limits: &Limits) -> Result<(), Refusal> {
        let host = &self.0;
        let reason = match host.roster.state(&What::Provider(Arc::clone(provider))) {
            Serving::Serving => None,
            Serving::Paused => Some(Reason::Paused),
            Serving::Draining => Some(Reason::Draining),
        };
        if let Some(reason) = reason {
            let message =
                format!("an operator lets `{provider}` take no calls; `grid resume --provider {provider}` first");
            let refusal = Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message);
            return Err(refusal.with(Reason::DETAIL, reason.as_str()));
        }
        host.drained_first(tool, limits.turn).await.map_err(|left| {
            let message = format!("`{tool}` drains and still has {left} calls; ask again when they have ended");
            Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message)
                .retry_after(limits.drain)
                .with(Reason::DETAIL, Reason::Draining.as_str())
        })
    }
}

pub(super) fn no_tool(name: &str) -> Refusal {
    let message = format!("there is no function `{}`; `grid contracts` lists them", plain(name));
    Refusal::new(Code::UnsupportedTool, Stage::Resolve, message)
}

fn no_provider(tool: &str, name: &str) -> Refusal {
    let message = format!(
        "no provider `{}` serves `{tool}`, has served it or is listed for it; `grid providers {tool}` lists those",
        plain(name)
    );
    let refusal = Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message);
    refusal.with(Reason::DETAIL, Reason::ProviderUnavailable.as_str())
}

//! The door for operators about who serves what. Each request needs the operator's role; what it does is in a file a
//! subject.

use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    port::{Pending, ProviderDoor},
    provider::{
        AskChoice, BreakerRow, Choice, ProviderRow, Reread, ResetBreaker, Select, Selected, ServingSet, SetServing,
        Swap, Swapped,
    },
    refusal::Context,
};

use crate::front_door::Door;

mod breakers;
mod choosing;
mod serving;
mod swapping;

impl<C: Contracts> ProviderDoor for Door<C> {
    fn providers(&self, credentials: Credentials, tool: String) -> Pending<'_, Result<Vec<ProviderRow>, Refusal>> {
        Box::pin(async move {
            self.operator(&credentials).await?;
            self.provider_rows(&tool)
        })
    }

    fn explain_choice(&self, credentials: Credentials, ask: AskChoice) -> Pending<'_, Result<Choice, Refusal>> {
        Box::pin(async move {
            self.operator(&credentials).await?;
            self.choice_explained(ask)
        })
    }

    fn select(&self, credentials: Credentials, select: Select) -> Pending<'_, Result<Selected, Refusal>> {
        Box::pin(async move {
            let caller = self.operator(&credentials).await?;
            self.provider_selected(caller.principal(), select).await
        })
    }

    fn swap(&self, credentials: Credentials, swap: Swap) -> Pending<'_, Result<Swapped, Refusal>> {
        Box::pin(async move {
            let caller = self.operator(&credentials).await?;
            self.provider_swapped(caller.principal(), swap).await
        })
    }

    fn set_serving(&self, credentials: Credentials, set: SetServing) -> Pending<'_, Result<ServingSet, Refusal>> {
        Box::pin(async move {
            let caller = self.operator(&credentials).await?;
            self.serving_set(caller.principal(), set).await
        })
    }

    fn reload_providers(&self, credentials: Credentials) -> Pending<'_, Result<Reread, Refusal>> {
        Box::pin(async move {
            let caller = self.operator(&credentials).await?;
            self.providers_reloaded(caller.principal()).await
        })
    }

    fn breakers(&self, credentials: Credentials, all: bool) -> Pending<'_, Result<Vec<BreakerRow>, Refusal>> {
        Box::pin(async move {
            self.operator(&credentials).await?;
            self.breaker_rows(all)
        })
    }

    fn reset_breaker(&self, credentials: Credentials, reset: ResetBreaker) -> Pending<'_, Result<bool, Refusal>> {
        Box::pin(async move {
            let caller = self.operator(&credentials).await?;
            self.breaker_reset(caller.principal(), reset).await
        })
    }
}

impl<C: Contracts> Door<C> {
    /// With the place and the time, as an operator sees it.
    fn told(&self, refusal: Refusal, correlation: &str) -> Refusal {
        refusal.within(Context {
            correlation_id: Some(self.0.correlation(correlation)),
            at_ms: self.0.clock.unix_ms(),
            ..Context::default()
        })
    }

    /// What this host does not do.
    fn unserved(&self, what: &str, correlation: &str) -> Refusal {
        let message = format!("this host does not {what}; ask one that does");
        self.told(Refusal::new(Code::FeatureUnavailable, Stage::Resolve, message), correlation)
    }
}

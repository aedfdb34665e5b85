//! Who would be chosen and why, and what operators choose themselves.

use std::sync::Arc;

use grid_contract::Contracts;
use grid_core::{
    Refusal,
    principal::Principal,
    provider::{AskChoice, Choice, ProviderRow, Reread, Select, Selected},
};

use crate::front_door::Door;

impl<C: Contracts> Door<C> {
    /// Every provider of a tool, or of every tool.
    pub(super) fn provider_rows(&self, _tool: &str) -> Result<Vec<ProviderRow>, Refusal> {
        Err(self.unserved("rank providers", ""))
    }

    /// Who would be chosen, and why each other not.
    pub(super) fn choice_explained(&self, _ask: AskChoice) -> Result<Choice, Refusal> {
        Err(self.unserved("rank providers", ""))
    }

    /// Chooses a provider, or takes a choice back.
    pub(super) async fn provider_selected(
        &self,
        _operator: &Arc<Principal>,
        select: Select,
    ) -> Result<Selected, Refusal> {
        Err(self.unserved("rank providers", &select.correlation_id))
    }

    /// Reads the file of providers again.
    pub(super) async fn providers_reloaded(&self, _operator: &Arc<Principal>) -> Result<Reread, Refusal> {
        Err(self.unserved("read a file of providers", ""))
    }
}

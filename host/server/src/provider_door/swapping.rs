//! One provider of a tool in the place of another.

use std::sync::Arc;

use grid_contract::Contracts;
use grid_core::{
    Refusal,
    principal::Principal,
    provider::{Swap, Swapped},
};

use crate::front_door::Door;

impl<C: Contracts> Door<C> {
    /// Swaps the provider of a tool.
    pub(super) async fn provider_swapped(&self, _operator: &Arc<Principal>, swap: Swap) -> Result<Swapped, Refusal> {
        Err(self.unserved("swap providers", &swap.correlation_id))
    }
}

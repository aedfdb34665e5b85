//! Pauses, drains, resumes.

use std::sync::Arc;

use grid_contract::Contracts;
use grid_core::{
    Refusal,
    principal::Principal,
    provider::{ServingSet, SetServing},
};

use crate::front_door::Door;

impl<C: Contracts> Door<C> {
    /// Pauses, drains or resumes a tool or a provider.
    pub(super) async fn serving_set(&self, _operator: &Arc<Principal>, set: SetServing) -> Result<ServingSet, Refusal> {
        Err(self.unserved("pause or drain", &set.correlation_id))
    }
}

//! Breakers, as operators see and close them.

use std::sync::Arc;

use grid_contract::Contracts;
use grid_core::{
    Refusal,
    principal::Principal,
    provider::{BreakerRow, ResetBreaker},
};

use crate::front_door::Door;

impl<C: Contracts> Door<C> {
    /// Breakers that are not closed, or `all`.
    pub(super) fn breaker_rows(&self, _all: bool) -> Result<Vec<BreakerRow>, Refusal> {
        Err(self.unserved("have breakers", ""))
    }

    /// Closes one by hand.
    pub(super) async fn breaker_reset(&self, _operator: &Arc<Principal>, reset: ResetBreaker) -> Result<bool, Refusal> {
        Err(self.unserved("have breakers", &reset.correlation_id))
    }
}

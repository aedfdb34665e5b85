//! Evidence that a call was permitted, with the decision that says so.

use std::{sync::Arc, time::Duration};

use grid_contract::ContractedCall;

/// A decision that permits.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The rule that decided.
    pub rule: Arc<str>,
    /// Policy epoch under which it was made.
    pub epoch: u64,
    /// How old it was; absent where it was made for this call.
    pub age: Option<Duration>,
}

/// A permitted call. Only this crate makes one.
#[derive(Debug)]
pub struct PermittedCall {
    call: ContractedCall,
    decision: Decision,
}

impl PermittedCall {
    pub(crate) fn new(call: ContractedCall, decision: Decision) -> Self {
        Self { call, decision }
    }

    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &ContractedCall {
        &self.call
    }

    /// The evidence before this one, to take what is carried along.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut ContractedCall {
        &mut self.call
    }

    /// Why it is permitted.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

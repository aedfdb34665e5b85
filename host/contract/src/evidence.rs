//! Evidence that a call names a contract of the host.

use std::sync::Arc;

use grid_session::SessionCall;

use crate::Contract;

/// A call of a known contract. Only this crate makes one.
#[derive(Debug)]
pub struct ContractedCall {
    call: SessionCall,
    contract: Arc<Contract>,
}

impl ContractedCall {
    pub(crate) fn new(call: SessionCall, contract: Arc<Contract>) -> Self {
        Self { call, contract }
    }

    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &SessionCall {
        &self.call
    }

    /// The evidence before this one, to take what is carried along.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut SessionCall {
        &mut self.call
    }

    /// The host's contract.
    #[must_use]
    pub fn contract(&self) -> &Arc<Contract> {
        &self.contract
    }
}

//! Evidence that a call is within its limits. Its places are free again when it is dropped, which is when the call is
//! over.

use grid_authorize::PermittedCall;
use tokio::sync::OwnedSemaphorePermit;

/// A call within its limits. Only this crate makes one.
#[derive(Debug)]
pub struct LimitedCall {
    call: PermittedCall,
    _places: Vec<OwnedSemaphorePermit>,
}

impl LimitedCall {
    pub(crate) fn new(call: PermittedCall, places: Vec<OwnedSemaphorePermit>) -> Self {
        Self { call, _places: places }
    }

    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &PermittedCall {
        &self.call
    }

    /// The evidence before this one, to take what is carried along.
    #[must_use]
    pub fn call_mut(&mut self) -> &mut PermittedCall {
        &mut self.call
    }
}

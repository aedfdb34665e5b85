//! Evidence that a call belongs to a live session of the proved caller.

use std::sync::Arc;

use grid_core::{
    envelope::TraceContext,
    id::{CallId, CorrelationId, InvocationId},
    local::UnseenArgs,
    principal::{Principal, SecurityContext},
};
use grid_identity::{Caller, Proven};

use crate::Session;

/// The parts of a request that the path carries along, taken out of the envelope once.
#[derive(Debug)]
pub struct SessionRequest {
    /// Unchanged from the caller, or minted.
    pub correlation: CorrelationId,
    /// As the caller named the call.
    pub call_id: CallId,
    /// Function name, unchecked.
    pub name: String,
    /// JSON text, unchecked.
    pub args: String,
    /// The caller's own deadline.
    pub deadline_unix_ms: Option<u64>,
    /// A provider that the caller chooses for this call; whether it may is checked before it is looked for.
    pub provider: Option<Arc<str>>,
    /// In place of `args`, for a call that its caller runs.
    pub unseen: Option<UnseenArgs>,
    /// Of the caller's trace.
    pub trace: Option<Box<TraceContext>>,
    /// The execution that makes this call; absent where a client does.
    pub parent: Option<InvocationId>,
}

/// A request in a live session of its caller. Only this crate makes one.
#[derive(Debug)]
pub struct SessionCall {
    pub(crate) session: Arc<Session>,
    pub(crate) context: SecurityContext,
    pub(crate) caller: Caller,
    /// Boxed: every later stage moves it along.
    pub(crate) request: Box<SessionRequest>,
}

impl SessionCall {
    /// The session.
    #[must_use]
    pub fn session(&self) -> &Arc<Session> {
        &self.session
    }

    /// All that is known about who asks.
    #[must_use]
    pub fn context(&self) -> &SecurityContext {
        &self.context
    }

    /// Who asks, to be kept.
    #[must_use]
    pub fn proven(&self) -> &Proven {
        self.caller.proven()
    }

    /// The runtime that asks for the principal, where one does. It has to be permitted too.
    #[must_use]
    pub fn via(&self) -> Option<&Arc<Principal>> {
        self.caller.via()
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &SessionRequest {
        &self.request
    }

    /// Takes the arguments out, to be checked.
    #[must_use]
    pub fn take_args(&mut self) -> String {
        std::mem::take(&mut self.request.args)
    }

    /// Takes the trace out, to be forwarded.
    #[must_use]
    pub fn take_trace(&mut self) -> Option<Box<TraceContext>> {
        self.request.trace.take()
    }
}

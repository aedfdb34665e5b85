//! What a transport hands to the front door: the request as it came, and what the connection proved.
//! Nothing here has been checked.

use std::{collections::BTreeMap, fmt, time::Duration};

use crate::{local::UnseenArgs, principal::SecurityClaim};

/// What the connection proved, or offered as proof.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A bearer token, without the scheme.
    pub bearer: Option<String>,
    /// The peer is on this machine.
    pub loopback: bool,
}

impl fmt::Debug for Credentials {
    /// A token is a secret and is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("bearer", &self.bearer.as_ref().map(|_| "…"))
            .field("loopback", &self.loopback)
            .finish()
    }
}

/// Trace context in the parts of W3C Trace Context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// 16 hex digits or empty.
    pub parent_span_id: String,
    /// W3C flags.
    pub flags: u32,
    /// Opaque.
    pub baggage: BTreeMap<String, String>,
}

/// One request to call a tool, as it came.
#[derive(Debug, Clone, Default)]
pub struct Envelope {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// A session id, unchecked.
    pub session_id: String,
    /// The caller's name for the call.
    pub call_id: String,
    /// Function name.
    pub name: String,
    /// JSON text of an object.
    pub args: String,
    /// The caller's own deadline in milliseconds since 1970; can only shorten the contract's timeout.
    pub deadline_unix_ms: Option<u64>,
    /// Streaming was asked for.
    pub streaming: bool,
    /// The answer shall carry a receipt of the audit log.
    pub receipt: bool,
    /// Set by a runtime that calls upwards.
    pub parent_invocation_id: String,
    /// Of the caller's trace.
    pub trace: Option<Box<TraceContext>>,
    /// What the message claims about its sender.
    pub claim: Option<SecurityClaim>,
    /// In place of `args`, for a call that its caller runs.
    pub unseen: Option<UnseenArgs>,
}

/// A request to open a session.
#[derive(Debug, Clone, Default)]
pub struct OpenSession {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// A label; the host mints the id.
    pub label: String,
    /// Opaque.
    pub metadata: BTreeMap<String, String>,
    /// The host's default where absent.
    pub ttl: Option<Duration>,
    /// What the message claims about its sender.
    pub claim: Option<SecurityClaim>,
    /// The client understands enhanced errors.
    pub enhanced: bool,
    /// Features that it would like to use.
    pub features: Vec<String>,
}

/// A request to end a session.
#[derive(Debug, Clone, Default)]
pub struct CloseSession {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// A session id, unchecked.
    pub session_id: String,
    /// Cancel what is in flight.
    pub force: bool,
}

/// A request to cancel one call.
#[derive(Debug, Clone, Default)]
pub struct CancelCall {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// A session id, unchecked.
    pub session_id: String,
    /// Names the call within the session.
    pub call_id: String,
    /// For the log and the runtime.
    pub reason: String,
}

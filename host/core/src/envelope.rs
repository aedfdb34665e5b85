//! What a transport hands to the front door: the request as it came, and what the connection proved.
//! Nothing here has been checked.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use crate::{gate::Pass, local::UnseenArgs, principal::SecurityClaim};

/// A client certificate whose chain, times and purpose the transport has verified against the bundle of its own trust
/// domain. Whom it names is still to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    /// The one URI name of an X.509-SVID, `spiffe://<trust domain>/<path>`; empty where it is no SVID.
    pub spiffe_id: String,
    /// The common name of the subject; empty where there is none.
    pub common_name: String,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// SHA-256 over its DER form.
    pub thumbprint: [u8; 32],
    /// The trust domain whose bundle vouches for it.
    pub trust_domain: String,
    /// Milliseconds since 1970.
    pub not_before_ms: u64,
    /// Milliseconds since 1970.
    pub not_after_ms: u64,
}

/// The process at the other end of a Unix socket, as the kernel names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalPeer {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Process, where the kernel says.
    pub pid: Option<i32>,
}

/// What the connection proved, or offered as proof.
#[derive(Clone, Default)]
pub struct Credentials {
    /// A bearer token, without the scheme.
    pub bearer: Option<String>,
    /// The peer is on this machine.
    pub loopback: bool,
    /// What the TLS handshake proved.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// Whose process it is, on a Unix socket.
    pub local: Option<LocalPeer>,
    /// The request's place at the gate; absent where there is none.
    pub pass: Option<Pass>,
}

impl fmt::Debug for Credentials {
    /// A token is a secret and is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("bearer", &self.bearer.as_ref().map(|_| "…"))
            .field("loopback", &self.loopback)
            .field("certificate", &self.certificate)
            .field("local", &self.local)
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
    /// A provider for this call alone; the host's choice where it is empty.
    pub provider: String,
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
    /// 1, 2 or 3; from 2 on the client understands enhanced errors.
    pub level: u8,
    /// Features that it would like to use.
    pub features: Vec<String>,
    /// Protocol versions it speaks; empty means `1.0`.
    pub versions: Vec<String>,
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

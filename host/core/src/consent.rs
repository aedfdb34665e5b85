//! Calls that wait for a person, as those see them who may decide, and what they say.

use std::sync::Arc;

use crate::{
    event::Sha256,
    id::{ApprovalId, CorrelationId, PrincipalId, SessionId, TenantId},
};

/// A call that waits.
#[derive(Debug, Clone)]
pub struct WaitingCall {
    /// Names it.
    pub approval: ApprovalId,
    /// Whose world it belongs to.
    pub tenant: TenantId,
    /// Who wants it.
    pub principal: PrincipalId,
    /// In which session.
    pub session: SessionId,
    /// Of the call's request.
    pub correlation: CorrelationId,
    /// Function name.
    pub tool: Arc<str>,
    /// Digest of the contract.
    pub contract: Sha256,
    /// Digest of the arguments in canonical form.
    pub args_digest: Sha256,
    /// The arguments as JSON text; absent where the host never saw them or keeps none of that length.
    pub args: Option<String>,
    /// The length of the arguments; absent where the host never saw them.
    pub args_bytes: Option<u64>,
    /// Whoever decides needs it.
    pub role: String,
    /// The rule that asks.
    pub rule: Arc<str>,
    /// Why it asks.
    pub reason: String,
    /// Policy epoch of the decision; another one makes the approval void.
    pub epoch: u64,
    /// Milliseconds since 1970.
    pub requested_at_ms: u64,
    /// Milliseconds since 1970; then it is denied.
    pub expires_at_ms: u64,
    /// What is left of that by the host's monotonic clock, in milliseconds.
    pub time_left_ms: u64,
    /// The caller would run it itself.
    pub local: bool,
}

/// The calls that somebody may decide, oldest first.
#[derive(Debug, Clone)]
pub struct WaitingCalls {
    /// Each of them.
    pub calls: Vec<WaitingCall>,
    /// Of the request.
    pub correlation_id: CorrelationId,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Say {
    /// The call may go on.
    Approve,
    /// It may not.
    Deny,
}

/// A person's decision, as it came.
#[derive(Debug, Clone, Default)]
pub struct Decide {
    /// Unchecked.
    pub approval_id: String,
    /// Absent where the message does not say.
    pub say: Option<Say>,
    /// Of the contract that they saw: `sha256:` and 64 hex digits, unchecked.
    pub contract_digest: String,
    /// Of the arguments that they saw: `sha256:` and 64 hex digits, unchecked.
    pub args_digest: String,
    /// Free text, for the log.
    pub reason: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// A decision that is on record.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Which.
    pub approval: ApprovalId,
    /// Of the request.
    pub correlation_id: CorrelationId,
}

//! Governed local dispatch in the host's words: what is asked before a caller runs a tool itself, what it gets as its
//! permission, and what it reports afterwards.

use std::time::Duration;

use crate::{
    envelope::Envelope,
    event::Sha256,
    id::{ApprovalId, CorrelationId, InvocationId},
    outcome::{AuditReceipt, ToolAnswer},
    principal::SecurityClaim,
    refusal::Refusal,
};

/// The feature of a session that lets it ask for several authorizations at once.
pub const BATCH: &str = "batch-authorization";

/// The most calls that are authorized at once.
pub const MAX_BATCH: usize = 256;

/// What stands for arguments that the host does not see (Q17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnseenArgs {
    /// SHA-256 over their RFC 8785 form.
    pub digest: Sha256,
    /// Bytes of that form.
    pub bytes: u64,
}

/// Several calls of one session.
#[derive(Debug, Default)]
pub struct Batch {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// A session id, unchecked.
    pub session_id: String,
    /// What the message claims about its sender.
    pub claim: Option<SecurityClaim>,
    /// The calls; session, claim and correlation id are those of the batch. One that cannot be read is its fault.
    pub items: Vec<Result<Envelope, Refusal>>,
}

/// Permission to run one exact call once.
#[derive(Debug, Clone)]
pub struct Granted {
    /// Minted for this execution.
    pub invocation_id: InvocationId,
    /// Of the request.
    pub correlation_id: CorrelationId,
    /// How long it is good from now on.
    pub ttl: Duration,
    /// The arguments to run with, where the contract made others of those that were sent.
    pub args: Option<String>,
    /// The admission's record, byte for byte as the log has it.
    pub record: Vec<u8>,
    /// That it is there.
    pub receipt: AuditReceipt,
}

/// What the path says to a caller that would run a call itself.
#[derive(Debug, Clone)]
pub enum Authorized {
    /// It may.
    Granted(Box<Granted>),
    /// A person has to say so first. It is no permission: nothing may run under it.
    Waiting(Box<Waits>),
}

/// A call that a person has not decided yet. The same call, asked again after the yes, is granted.
#[derive(Debug, Clone)]
pub struct Waits {
    /// Names it to those who decide.
    pub approval: ApprovalId,
    /// Until when, in milliseconds since 1970; then it is denied.
    pub expires_at_ms: u64,
    /// When to ask again.
    pub retry_after: Duration,
    /// What the caller hears of it; a caller that knows no waiting takes it for a denial (Q46).
    pub refusal: Refusal,
}

/// Answers to a batch, in its order.
#[derive(Debug)]
pub struct GrantedAll {
    /// Of the request.
    pub correlation_id: CorrelationId,
    /// One for each item.
    pub items: Vec<Result<Authorized, Refusal>>,
}

/// What a caller says of a tool that it ran, as it came.
#[derive(Debug, Clone)]
pub struct Report {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// Unchecked.
    pub session_id: String,
    /// Unchecked.
    pub invocation_id: String,
    /// Leaf hash of the admission's record: 32 bytes, unchecked.
    pub grant: Vec<u8>,
    /// SHA-256 over the RFC 8785 form of the arguments that it ran with: 32 bytes, unchecked.
    pub args_digest: Vec<u8>,
    /// Unchecked.
    pub call_id: String,
    /// Unchecked.
    pub name: String,
    /// What it gave, or what is wrong with the form of that.
    pub answer: Result<ToolAnswer, String>,
    /// How long it ran.
    pub took: Duration,
    /// When it ended by the caller's clock, in milliseconds since 1970; 0 where that is not said.
    pub ended_at_ms: u64,
}

/// A report that is on record.
#[derive(Debug, Clone)]
pub struct Logged {
    /// The execution.
    pub invocation_id: InvocationId,
    /// Of the request.
    pub correlation_id: CorrelationId,
}

/// A request to give a grant back unused.
#[derive(Debug, Clone, Default)]
pub struct GiveBack {
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
    /// Unchecked.
    pub session_id: String,
    /// Unchecked.
    pub invocation_id: String,
    /// As in [`Report`].
    pub grant: Vec<u8>,
    /// For the log.
    pub reason: String,
}

/// What became of that.
#[derive(Debug, Clone)]
pub struct GivenBack {
    /// The call is over and was never reported.
    pub cancelled: bool,
    /// Of the request.
    pub correlation_id: CorrelationId,
}

/// What somebody who watches a session's grants hears.
#[derive(Debug, Clone)]
pub enum Watched {
    /// Grants of earlier epochs are void.
    Epoch {
        /// The policy epoch.
        epoch: u64,
        /// Why it is another one; empty where nobody said.
        reason: String,
    },
    /// The host ends it.
    End(Refusal),
}

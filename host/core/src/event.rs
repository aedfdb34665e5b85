//! One audit record as a flat value: cheap to make on the path, written out by the audit's own thread.
//! It carries digests, shapes and ids, never values of arguments or results.

mod kind;

pub use kind::Kind;

use std::sync::Arc;

use crate::{
    code::Code,
    id::{ApprovalId, CallId, ConnectionId, CorrelationId, InvocationId, RuntimeId, SessionId},
    principal::Principal,
    refusal::Stage,
    revocation::Cause,
};

/// 32 bytes of SHA-256.
pub type Sha256 = [u8; 32];

/// How an admitted call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The tool answered with content.
    Success,
    /// The tool answered with its own error.
    ToolError,
    /// The host ended it; `code` says why.
    Failed,
    /// The host stopped before it knew; written on the next start.
    Unknown,
    /// The caller ran it, or not, and never said.
    Unreported,
    /// The grant ended with the rights that it rested on.
    Revoked,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 6] =
        [Self::Success, Self::ToolError, Self::Failed, Self::Unknown, Self::Unreported, Self::Revoked];

    /// As the log and the metrics write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ToolError => "tool_error",
            Self::Failed => "failed",
            Self::Unknown => "outcome_unknown",
            Self::Unreported => "unreported",
            Self::Revoked => "revoked",
        }
    }
}

/// What is wrong with a report of a local run, or with a request about its grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Signal {
    /// No such grant was given, or the proof of it is another.
    UnknownGrant,
    /// It was reported before, and differently.
    Reused,
    /// Its time had passed.
    Expired,
    /// It had been given back, or its session had ended.
    Cancelled,
    /// The rights that it rested on had been made void.
    Revoked,
    /// It was given in another session.
    ForeignSession,
    /// It was given to somebody else.
    ForeignPrincipal,
    /// It is for other arguments.
    ArgsMismatch,
    /// It is for another function or another call.
    CallMismatch,
    /// The run cannot have taken that long or ended then.
    ImpossibleTime,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Self; 10] = [
        Self::UnknownGrant,
        Self::Reused,
        Self::Expired,
        Self::Cancelled,
        Self::Revoked,
        Self::ForeignSession,
        Self::ForeignPrincipal,
        Self::ArgsMismatch,
        Self::CallMismatch,
        Self::ImpossibleTime,
    ];

    /// As the log writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownGrant => "unknown_grant",
            Self::Reused => "reused",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Revoked => "revoked",
            Self::ForeignSession => "foreign_session",
            Self::ForeignPrincipal => "foreign_principal",
            Self::ArgsMismatch => "args_mismatch",
            Self::CallMismatch => "call_mismatch",
            Self::ImpossibleTime => "impossible_time",
        }
    }
}

/// Whose rights ended, and how many were using them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invalidation {
    /// Why, where that was said.
    pub cause: Option<Cause>,
    /// As its sender named it; absent where it did not.
    pub event_id: Option<String>,
    /// What was asked for: `field=pattern` for each name that was given, `cancel_running`, `revoke_proofs`.
    pub scope: Vec<String>,
    /// Open grants that ended.
    pub ended_grants: u32,
    /// Running calls that were asked to stop.
    pub cancelled_calls: u32,
}

/// One audit record. Fields that do not apply are absent, in the log too.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Of the request.
    pub correlation: CorrelationId,
    /// Who; gives principal, tenant and proof.
    pub principal: Option<Arc<Principal>>,
    /// In which session.
    pub session: Option<SessionId>,
    /// Which execution.
    pub invocation: Option<InvocationId>,
    /// As the caller named the call.
    pub call_id: Option<CallId>,
    /// Function name: of a contract, or as sent, cut to 64 plain characters.
    pub tool: Option<Arc<str>>,
    /// Digest of the contract.
    pub contract: Option<Sha256>,
    /// pure, read or write.
    pub effect: Option<&'static str>,
    /// The contract was registered for this session.
    pub dynamic: bool,
    /// Digest of the arguments in canonical form.
    pub args_digest: Option<Sha256>,
    /// Types and sizes of the arguments.
    pub args_shape: Option<String>,
    /// Bytes of their canonical form, where the host did not see them and has them from its caller.
    pub args_bytes: Option<u64>,
    /// The rule that decided.
    pub rule: Option<Arc<str>>,
    /// Policy epoch of the decision.
    pub epoch: Option<u64>,
    /// How old the decision was; absent where it was made for this call.
    pub cache_age_ms: Option<u64>,
    /// Digest of the policy set that decided.
    pub policy: Option<Sha256>,
    /// The approval that the call needed.
    pub approval: Option<ApprovalId>,
    /// How a person, or a policy set, decided: `allow`, `deny`, `ask`; `expired` or `void` where nobody did.
    pub verdict: Option<&'static str>,
    /// What it costs, in the units of its contract.
    pub cost: Option<u64>,
    /// When the call had to end.
    pub deadline_ms: Option<u64>,
    /// The runtime.
    pub runtime: Option<RuntimeId>,
    /// Its attachment.
    pub connection: Option<ConnectionId>,
    /// The provider that is spoken of; that of a call is part of its runtime's id.
    pub provider: Option<Arc<str>>,
    /// By which rule it was chosen.
    pub chosen_by: Option<&'static str>,
    /// Which runtime in turn the call is handed to, from 2 on.
    pub attempt: Option<u32>,
    /// The execution that this call was made for.
    pub parent: Option<InvocationId>,
    /// The execution whose result was used again.
    pub reused: Option<InvocationId>,
    /// Pieces of a streamed result.
    pub chunks: Option<u64>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why it was refused or failed.
    pub code: Option<Code>,
    /// Where it was refused.
    pub stage: Option<Stage>,
    /// The operator's words.
    pub detail: Option<String>,
    /// From admission to conclusion.
    pub duration_us: Option<u64>,
    /// Digest of the content as sent.
    pub result_digest: Option<Sha256>,
    /// Its length.
    pub result_bytes: Option<u64>,
    /// Types and sizes of what a local run gave.
    pub result_shape: Option<String>,
    /// The caller may run it itself.
    pub local: bool,
    /// Until when, in milliseconds since 1970; the outcome is taken until then too.
    pub expires_ms: Option<u64>,
    /// The outcome is what the caller says.
    pub claimed: bool,
    /// What was wrong with a report.
    pub signal: Option<Signal>,
    /// Whose rights ended, where some did.
    pub invalidation: Option<Box<Invalidation>>,
    /// How the log was read: the method's name.
    pub read: Option<&'static str>,
    /// By what it was read: names of filters, never their values.
    pub filters: Vec<&'static str>,
    /// Names that were accepted.
    pub accepted: Vec<String>,
    /// Names that were not, each with its code.
    pub rejected: Vec<(String, Code)>,
}

impl Event {
    /// A record of `kind` with nothing else in it.
    #[must_use]
    pub fn new(kind: Kind, at_ms: u64, correlation: CorrelationId) -> Self {
        Self {
            kind,
            at_ms,
            correlation,
            principal: None,
            session: None,
            invocation: None,
            call_id: None,
            tool: None,
            contract: None,
            effect: None,
            dynamic: false,
            args_digest: None,
            args_shape: None,
            args_bytes: None,
            rule: None,
            epoch: None,
            cache_age_ms: None,
            policy: None,
            approval: None,
            verdict: None,
            cost: None,
            deadline_ms: None,
            runtime: None,
            connection: None,
            provider: None,
            chosen_by: None,
            attempt: None,
            parent: None,
            reused: None,
            chunks: None,
            outcome: None,
            code: None,
            stage: None,
            detail: None,
            duration_us: None,
            result_digest: None,
            result_bytes: None,
            result_shape: None,
            local: false,
            expires_ms: None,
            claimed: false,
            signal: None,
            invalidation: None,
            read: None,
            filters: Vec::new(),
            accepted: Vec::new(),
            rejected: Vec::new(),
        }
    }
}

/// A name as sent, made fit for a record: at most 64 characters, anything but plain ones replaced.
#[must_use]
pub fn plain_name(name: &str) -> Arc<str> {
    if name.len() <= 64 && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Arc::from(name);
    }
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    name.chars().take(64).map(plain).collect::<String>().into()
}

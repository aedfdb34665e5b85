//! Why a request was not done. Two messages: the caller's says what to do next, the operator's says what was
//! decided and never leaves the host.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    code::Code,
    id::{CorrelationId, InvocationId},
    outcome::{AuditReceipt, Carried},
};

/// The stage of the path that refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// The bytes or the message.
    Transport,
    /// Who is asking.
    Identity,
    /// In which session.
    Session,
    /// For which contract.
    Contract,
    /// May they.
    Authorize,
    /// How much of it.
    Limits,
    /// With which arguments.
    Validate,
    /// With whose consent.
    Approve,
    /// Asked before.
    Repeat,
    /// By which runtime.
    Resolve,
    /// At the caller itself.
    Local,
    /// Written down.
    Audit,
    /// Carried out.
    Dispatch,
    /// A runtime's side.
    Link,
}

impl Stage {
    /// Every stage, in the order of the path.
    pub const ALL: [Self; 14] = [
        Self::Transport,
        Self::Identity,
        Self::Session,
        Self::Contract,
        Self::Authorize,
        Self::Limits,
        Self::Validate,
        Self::Approve,
        Self::Repeat,
        Self::Resolve,
        Self::Local,
        Self::Audit,
        Self::Dispatch,
        Self::Link,
    ];

    /// As logs, metrics and the audit write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Identity => "identity",
            Self::Session => "session",
            Self::Contract => "contract",
            Self::Authorize => "authorize",
            Self::Limits => "limits",
            Self::Validate => "validate",
            Self::Approve => "approve",
            Self::Repeat => "repeat",
            Self::Resolve => "resolve",
            Self::Local => "local",
            Self::Audit => "audit",
            Self::Dispatch => "dispatch",
            Self::Link => "link",
        }
    }
}

/// Where a refusal happened, filled in by the door that answers.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Of the request.
    pub correlation_id: Option<CorrelationId>,
    /// As sent.
    pub session_id: Option<String>,
    /// As sent.
    pub tool: Option<String>,
    /// Where one was minted.
    pub invocation_id: Option<InvocationId>,
    /// Where one was chosen.
    pub runtime_id: Option<String>,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// Trace of the request, 32 hex digits.
    pub trace_id: Option<String>,
    /// Repeating the call does no harm: its contract says `pure` or `read`, or nothing was sent.
    pub repeatable: bool,
    /// The peer reads plain errors only.
    pub plain: bool,
    /// Of the record of it, where the caller asked for one.
    pub receipt: Option<Arc<AuditReceipt>>,
    /// By whom the call was tried, where it was.
    pub carried: Carried,
}

/// A request that was not done.
#[derive(Clone)]
pub struct Refusal(Box<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    stage: Stage,
    message: String,
    internal: Option<String>,
    details: Vec<(&'static str, String)>,
    retry_after: Option<Duration>,
    context: Context,
}

impl Refusal {
    /// `message` is for the caller: what happened and what to do, without values of arguments.
    #[must_use]
    pub fn new(code: Code, stage: Stage, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            stage,
            message: message.into(),
            internal: None,
            details: Vec::new(),
            retry_after: None,
            context: Context::default(),
        }))
    }

    /// Adds the operator's side, which no wire carries.
    #[must_use]
    pub fn because(mut self, internal: impl Into<String>) -> Self {
        self.0.internal = Some(internal.into());
        self
    }

    /// Adds the evidence that the refusal is on record.
    #[must_use]
    pub fn with_receipt(mut self, receipt: Option<Arc<AuditReceipt>>) -> Self {
        self.0.context.receipt = receipt;
        self
    }

    /// Adds by whom the call was tried.
    #[must_use]
    pub fn carried(mut self, carried: Carried) -> Self {
        self.0.context.carried = carried;
        self
    }

    /// Adds a detail for the caller; values that are not text are JSON text (Q28).
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.0.details.push((key, value.into()));
        self
    }

    /// Says when a repeat makes sense, instead of the code's own time.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Says where it happened.
    #[must_use]
    pub fn within(mut self, context: Context) -> Self {
        self.0.context = context;
        self
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The stage that refused.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// The caller's message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The operator's message.
    #[must_use]
    pub fn internal(&self) -> Option<&str> {
        self.0.internal.as_deref()
    }

    /// Details for the caller.
    #[must_use]
    pub fn details(&self) -> &[(&'static str, String)] {
        &self.0.details
    }

    /// Where it happened.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.0.context
    }

    /// Whether the caller may send the same request again (protocol 5.1).
    #[must_use]
    pub fn retry_allowed(&self) -> bool {
        self.0.code.retry_allowed(self.0.context.repeatable)
    }

    /// When, in milliseconds; 0 where the request may not be repeated or no time is known.
    #[must_use]
    pub fn retry_after_ms(&self) -> u64 {
        if !self.retry_allowed() {
            return 0;
        }
        match self.0.retry_after {
            Some(wait) => u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            None => self.0.code.retry_after_ms().unwrap_or(0),
        }
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.0.code.as_str(), self.0.stage.as_str(), self.0.message)?;
        self.0.internal.as_ref().map_or(Ok(()), |internal| write!(f, " ({internal})"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

impl std::error::Error for Refusal {}

//! What came of a call: the tool's own answer, in ADM terms, or how it ended without one.

use std::sync::Arc;

use crate::{
    Code,
    id::{CallId, CorrelationId, InvocationId, RuntimeId},
    stream::Streamed,
};

/// A tool's own answer. A failure of the tool is an answer too; only the host's refusals are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ToolAnswer {
    /// JSON text of any value.
    Success(String),
    /// The caller has had it in pieces.
    Streamed(Streamed),
    /// The tool's own error.
    Error {
        /// For the caller.
        message: String,
        /// UPPER_SNAKE_CASE by custom; an open set.
        kind: String,
    },
}

/// The answer to a call that the host finished.
#[derive(Debug, Clone)]
pub struct CallAnswer {
    /// The execution that gave it.
    pub invocation_id: InvocationId,
    /// Of this request.
    pub correlation_id: CorrelationId,
    /// As the caller named the call.
    pub call_id: CallId,
    /// Function name.
    pub name: Arc<str>,
    /// The tool's answer.
    pub answer: ToolAnswer,
    /// By whom it was carried out.
    pub carried: Carried,
    /// It was given to an earlier request with this call_id.
    pub repeated: bool,
    /// Of the record of it, where the caller asked for one.
    pub receipt: Option<Arc<AuditReceipt>>,
}

/// By whom a call was carried out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// The provider whose runtime answered; absent where none did.
    pub provider: Option<Arc<str>>,
    /// Runtimes that it was handed to.
    pub attempts: u32,
    /// The answer is that of an earlier call.
    pub reused: bool,
    /// Those runtimes in that order, as far as the caller may know.
    pub tried: Vec<Attempt>,
}

/// One runtime that a call was handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Its provider.
    pub provider: Arc<str>,
    /// Itself; absent where the caller may not know.
    pub runtime: Option<RuntimeId>,
    /// How that ended.
    pub ended: Ended,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The tool answered.
    Success,
    /// The tool answered with an error of its own.
    ToolError,
    /// Another runtime answered first.
    Overtaken,
    /// Without an answer.
    Failed(Code),
}

impl Ended {
    /// As answers write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ToolError => "tool_error",
            Self::Overtaken => "overtaken",
            Self::Failed(code) => code.as_str(),
        }
    }
}

/// That a record is in the audit log, for whoever has the log's public key (RFC 9162 section 2.1.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReceipt {
    /// Place of the record.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: [u8; 32],
    /// The hashes beside the way to the root, lowest first.
    pub inclusion: Vec<[u8; 32]>,
    /// The signed note over the tree with the record.
    pub checkpoint: String,
}

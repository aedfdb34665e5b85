//! Frames between host and runtime, free of any transport: one protocol for every attachment.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    envelope::{Envelope, TraceContext},
    id::{CallId, ConnectionId, CorrelationId, InvocationId, SessionId},
    lifecycle::{Ask, Beat, Report},
    outcome::{CallAnswer, ToolAnswer},
    refusal::Refusal,
    stream::{ChunkFrame, ProgressFrame},
};

/// A call on its way to a runtime.
#[derive(Debug, Clone)]
pub struct CallFrame {
    /// Minted by the host.
    pub invocation_id: InvocationId,
    /// Unchanged from the caller.
    pub correlation_id: CorrelationId,
    /// The caller's session.
    pub session_id: SessionId,
    /// As the caller named the call.
    pub call_id: CallId,
    /// Function name.
    pub name: Arc<str>,
    /// JSON text that was checked.
    pub args: String,
    /// Milliseconds since 1970.
    pub deadline_unix_ms: u64,
    /// Of the host's span, or the caller's.
    pub trace: Option<Box<TraceContext>>,
    /// The result may come in pieces.
    pub streaming: bool,
}

/// An introduction.
#[derive(Debug, Clone, Default)]
pub struct Announce {
    /// Must agree with the proved principal.
    pub runtime_id: String,
    /// Such as `python`.
    pub language: String,
    /// Of the bridge.
    pub version: String,
    /// Words such as `streaming`.
    pub capabilities: Vec<String>,
    /// 1, 2 or 3.
    pub level: u8,
    /// Features it could use.
    pub features: Vec<String>,
    /// Protocol versions it speaks; empty means `1.0`.
    pub versions: Vec<String>,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// What both sides agreed on.
#[derive(Debug, Clone)]
pub struct Announced {
    /// Of this attachment.
    pub connection_id: ConnectionId,
    /// Functions it may fulfil.
    pub available: Vec<String>,
    /// As announced, or minted.
    pub correlation_id: CorrelationId,
    /// The lower of both levels.
    pub level: u8,
    /// Features of both.
    pub features: Vec<String>,
    /// Every feature that this host could use with a runtime of that level.
    pub offered: Vec<String>,
    /// What goes with the features that are on.
    pub config: BTreeMap<String, String>,
    /// Highest common version.
    pub version: String,
    /// Version of the data model.
    pub adm_version: &'static str,
    /// A heartbeat is due this often.
    pub heartbeat_ms: u64,
    /// strict or development.
    pub mode: &'static str,
}

/// Which contracts it serves.
#[derive(Debug, Clone, Default)]
pub struct Fulfil {
    /// Empty: every session it may serve.
    pub session_id: String,
    /// Contract or function names.
    pub names: Vec<String>,
    /// By function name, the digest of the contract that the runtime was built against, as it was sent.
    pub digests: BTreeMap<String, String>,
    /// Empty, or the announced one.
    pub runtime_id: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// A function that a runtime brings along, unchecked.
#[derive(Debug, Clone, Default)]
pub struct Declaration {
    /// Function name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// ADM Schema as JSON text.
    pub parameters: String,
}

/// Tools that a runtime brings along (DEVELOPMENT).
#[derive(Debug, Clone, Default)]
pub struct Register {
    /// Empty: the host opens one.
    pub session_id: String,
    /// Each inner list is one ADM Tool.
    pub tools: Vec<Vec<Declaration>>,
    /// Empty, or the announced one.
    pub runtime_id: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// How a batch of names went.
#[derive(Debug, Clone)]
pub struct BatchAnswer {
    /// Names that are live now.
    pub accepted: Vec<String>,
    /// Names that are not, each with its reason.
    pub rejected: Vec<(String, Refusal)>,
    /// The session that it holds for; empty for all.
    pub session_id: String,
    /// As sent, or minted.
    pub correlation_id: CorrelationId,
}

/// A runtime wants other features from now on.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// Empty, or the announced one.
    pub runtime_id: String,
    /// To be switched on.
    pub wanted: Vec<String>,
    /// To be switched off.
    pub dropped: Vec<String>,
    /// For the log.
    pub reason: String,
    /// Milliseconds since 1970; 0 for now.
    pub from_ms: u64,
}

/// What became of an [`Update`].
#[derive(Debug, Clone, Default)]
pub struct Updated {
    /// Names that are as wanted now.
    pub accepted: Vec<String>,
    /// Names that are not, each with its reason.
    pub rejected: Vec<(String, Refusal)>,
}

/// What a runtime takes for switched on, held against what is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Validated {
    /// They are on.
    pub confirmed: Vec<String>,
    /// They are not.
    pub disabled: Vec<String>,
    /// In words.
    pub warnings: Vec<String>,
}

/// A call upwards to be stopped, as it came.
#[derive(Debug, Clone, Default)]
pub struct CancelNested {
    /// The execution that made it.
    pub parent: String,
    /// As the runtime named the call.
    pub call_id: String,
    /// For the log.
    pub reason: String,
}

/// A result, as it came.
#[derive(Debug, Clone)]
pub struct ResultFrame {
    /// Unchecked.
    pub invocation_id: String,
    /// Unchecked.
    pub correlation_id: String,
    /// Unchecked.
    pub call_id: String,
    /// Unchecked.
    pub name: String,
    /// The answer, or what is wrong with its form.
    pub answer: Result<ToolAnswer, String>,
}

/// A frame over the message limit: its bytes were dropped as they came, except for its beginning.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OversizedFrame {
    /// The call whose result or chunk it was, unchecked; empty for other frames, and where its beginning did not say.
    pub invocation_id: String,
    /// It was a chunk.
    pub part: bool,
    /// Bytes that it had.
    pub found: usize,
    /// Bytes that it may have.
    pub limit: usize,
}

/// From a runtime.
#[derive(Debug)]
pub enum RuntimeFrame {
    /// An introduction; only the first frame.
    Announce(Box<Announce>),
    /// Which contracts it serves.
    Fulfil(Fulfil),
    /// Tools it brings along.
    Register(Register),
    /// The result of a call.
    Result(ResultFrame),
    /// A piece of the result of a call.
    Chunk(Box<ChunkFrame>),
    /// How far a call has come.
    Progress(Box<ProgressFrame>),
    /// A frame that was too large to be read.
    Oversized(OversizedFrame),
    /// It lives.
    Heartbeat(Beat),
    /// The answer to [`HostFrame::Lifecycle`].
    Lifecycle(Report),
    /// It wants no new calls.
    Drain {
        /// For the log.
        reason: String,
    },
    /// It goes.
    Bye {
        /// For the log.
        reason: String,
    },
    /// Other features from now on.
    Update(Update),
    /// Which features it takes for switched on.
    Validate(Vec<String>),
    /// A call to another tool, for the call that its `parent_invocation_id` names.
    Call(Box<Envelope>),
    /// Stop such a call.
    CancelCall(CancelNested),
    /// A message that this host cannot use yet or does not know; the name is for the error frame.
    Unsupported(&'static str),
    /// Something it could not use; for the log.
    Error {
        /// Its own words.
        message: String,
    },
}

/// To a runtime.
#[derive(Debug)]
pub enum HostFrame {
    /// The answer to an introduction.
    Announced(Box<Announced>),
    /// The answer to an introduction that was refused; the stream ends.
    Rejected(Refusal),
    /// The answer to [`RuntimeFrame::Fulfil`].
    Fulfilled(Box<BatchAnswer>),
    /// The answer to [`RuntimeFrame::Register`].
    Registered(Box<BatchAnswer>),
    /// The answer to [`RuntimeFrame::Update`].
    Updated(Box<Updated>),
    /// The answer to [`RuntimeFrame::Validate`].
    Validated(Validated),
    /// The answer to [`RuntimeFrame::Call`].
    Answer {
        /// The execution that made the call, as the runtime wrote it.
        parent: String,
        /// As the runtime named the call.
        call_id: String,
        /// What came of it.
        ended: Box<Result<CallAnswer, Refusal>>,
    },
    /// A call.
    Call(Box<CallFrame>),
    /// Stop working on it.
    Cancel {
        /// Which.
        invocation_id: InvocationId,
        /// Why.
        reason: String,
    },
    /// It may send more of a stream.
    Credit {
        /// Which.
        invocation_id: InvocationId,
        /// So many bytes more.
        bytes: u64,
    },
    /// The answer to a heartbeat.
    HeartbeatAck {
        /// As sent.
        sequence: u64,
    },
    /// What is asked around a change of who serves a tool.
    Lifecycle(Ask),
    /// The host goes; finish within the grace period.
    Drain {
        /// Why.
        reason: String,
        /// Milliseconds.
        grace_ms: u64,
    },
    /// The stream ends.
    Bye {
        /// Why.
        reason: String,
    },
    /// Something that the host could not use; the stream stays up.
    Error {
        /// What and why.
        refusal: Refusal,
        /// The invocation it was about, as it came.
        invocation_id: String,
    },
}

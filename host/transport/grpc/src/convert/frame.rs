//! Frames of the one stream between host and runtime, both ways.

use grid_core::{
    envelope::Envelope,
    frame::{
        Announce, Announced, BatchAnswer, CallFrame, CancelNested, Declaration, Fulfil, HostFrame, Register,
        ResultFrame, RuntimeFrame, Update, Updated,
    },
    outcome::ToolAnswer,
};
use grid_proto::{
    adm,
    v1::{self, host_frame::Frame as Out, runtime_frame::Frame as In},
};

use super::{
    error::{enhanced_error, of_name},
    level, lifecycle, stream, wire_level, wire_trace,
};
use crate::fault::plain;

/// More than an answer to a call upwards holds beside what an answer to a client does.
const AROUND: usize = 1 << 10;
/// Characters of a runtime's own words that are kept.
const WORDS: usize = 512;

/// A frame as the port takes it; `None` where there is nothing to hand over.
pub(crate) fn inbound(wire: v1::RuntimeFrame) -> Option<RuntimeFrame> {
    let unsupported = RuntimeFrame::Unsupported;
    Some(match wire.frame {
        Some(In::Result(result)) => RuntimeFrame::Result(self::result(result)),
        Some(In::Heartbeat(beat)) => RuntimeFrame::Heartbeat(lifecycle::beat(beat)),
        Some(In::Lifecycle(report)) => RuntimeFrame::Lifecycle(lifecycle::report(&report)),
        Some(In::Announce(announce)) => RuntimeFrame::Announce(self::announce(*announce)),
        Some(In::Fulfil(fulfil)) => RuntimeFrame::Fulfil(Fulfil {
            session_id: fulfil.session_id,
            names: fulfil.tool_names,
            digests: fulfil.contract_digests.into_iter().collect(),
            runtime_id: fulfil.runtime_id,
            correlation_id: fulfil.correlation_id,
        }),
        Some(In::Register(register)) => RuntimeFrame::Register(self::register(register)),
        Some(In::Drain(drain)) => RuntimeFrame::Drain { reason: drain.reason },
        Some(In::Bye(bye)) => RuntimeFrame::Bye { reason: bye.reason },
        Some(In::Error(fault)) => RuntimeFrame::Error { message: words(fault.error) },
        Some(In::Log(log)) => {
            tracing::debug!(
                severity = log.severity,
                invocation = plain(&log.invocation_id, 64),
                "runtime says: {}",
                plain(&log.message, WORDS)
            );
            return None;
        }
        Some(In::Chunk(chunk)) => stream::chunk(*chunk),
        Some(In::Progress(progress)) => stream::progress(progress),
        Some(In::CapabilityUpdate(update)) => RuntimeFrame::Update(Update {
            runtime_id: update.runtime_id,
            wanted: update.new_features,
            dropped: update.deprecated_features,
            reason: update.reason,
            from_ms: update.effective_timestamp,
        }),
        Some(In::ValidateFeatures(validate)) => RuntimeFrame::Validate(validate.enabled_features),
        Some(In::Call(call)) => RuntimeFrame::Call(Box::new(nested(call))),
        Some(In::CancelCall(cancel)) => RuntimeFrame::CancelCall(CancelNested {
            parent: cancel.parent_invocation_id,
            call_id: cancel.call_id,
            reason: cancel.reason,
        }),
        None => unsupported("unknown frame"),
    })
}

/// A call upwards. One without a `call` is refused by the door like one whose fields are empty.
fn nested(wire: v1::ToolCall) -> Envelope {
    let parent_invocation_id = wire.parent_invocation_id.clone();
    super::call::envelope(wire).unwrap_or_else(|missing| Envelope {
        correlation_id: missing.correlation_id,
        session_id: missing.session_id,
        parent_invocation_id,
        ..Envelope::default()
    })
}

pub(crate) fn announce(wire: v1::AnnounceRuntime) -> Box<Announce> {
    let mut versions = wire.supported_versions;
    if !wire.protocol_version.is_empty() && !versions.contains(&wire.protocol_version) {
        versions.push(wire.protocol_version);
    }
    Box::new(Announce {
        runtime_id: wire.runtime_id,
        language: wire.language,
        version: wire.version,
        capabilities: wire.capabilities,
        level: level(wire.compliance_level),
        features: wire.optional_features,
        versions,
        correlation_id: wire.correlation_id,
    })
}

fn register(wire: v1::RegisterToolsRequest) -> Register {
    let declaration = |wire: adm::FunctionDeclaration| Declaration {
        name: wire.name,
        description: wire.description,
        parameters: wire.parameters,
    };
    let tool = |wire: adm::Tool| wire.function_declarations.into_iter().map(declaration).collect();
    Register {
        session_id: wire.session_id,
        tools: wire.tools.into_iter().map(tool).collect(),
        runtime_id: wire.runtime_id,
        correlation_id: wire.correlation_id,
    }
}

fn result(wire: v1::ToolResult) -> ResultFrame {
    let (call_id, name, answer) = match wire.result {
        Some(result) => {
            let answer = answer(result.status, result.content, result.error);
            (result.call_id, result.name, answer)
        }
        None => (String::new(), String::new(), Err("`result` is missing".to_owned())),
    };
    ResultFrame { invocation_id: wire.invocation_id, correlation_id: wire.correlation_id, call_id, name, answer }
}

/// Exactly one of content and error, as the status says (ADM 4.5).
pub(super) fn answer(
    status: i32,
    content: Option<String>,
    error: Option<adm::ErrorObject>,
) -> Result<ToolAnswer, String> {
    use adm::ToolResultStatus::{Error, Success, Unspecified};
    let wrong = match (adm::ToolResultStatus::try_from(status), content, error) {
        (Ok(Success), Some(content), None) => return Ok(ToolAnswer::Success(content)),
        (Ok(Error), None, Some(error)) => {
            return Ok(ToolAnswer::Error { message: error.message, kind: error.r#type });
        }
        (Ok(Success), None, _) => "`status` is SUCCESS and `content` is missing",
        (Ok(Success), Some(_), Some(_)) => "`status` is SUCCESS and `error` is set",
        (Ok(Error), _, None) => "`status` is ERROR and `error` is missing",
        (Ok(Error), Some(_), Some(_)) => "`status` is ERROR and `content` is set",
        (Ok(Unspecified), ..) => "`status` is not set",
        (Err(_), ..) => "`status` is none of the known ones",
    };
    Err(wrong.to_owned())
}

fn words(error: Option<v1::EnhancedError>) -> String {
    let Some(error) = error else {
        return "no error given".to_owned();
    };
    format!("{}: {}", plain(&error.r#type, 64), plain(&error.message, WORDS))
}

/// A frame as the runtime reads it, of `limit` bytes at most where that is in the hands of a tool.
pub(crate) fn outbound(frame: HostFrame, limit: usize) -> v1::HostFrame {
    let frame = match frame {
        HostFrame::Updated(updated) => Out::CapabilityUpdated(Box::new(self::updated(*updated))),
        HostFrame::Validated(validated) => Out::Validated(v1::ValidationResponse {
            confirmed_features: validated.confirmed,
            disabled_features: validated.disabled,
            warnings: validated.warnings,
        }),
        HostFrame::Answer { parent, call_id, ended } => Out::Answer(Box::new(v1::CallToolResponse {
            call_id,
            parent_invocation_id: parent,
            ..super::call::answered(*ended, limit.saturating_sub(AROUND))
        })),
        HostFrame::Call(call) => Out::Call(self::call(*call)),
        HostFrame::Cancel { invocation_id, reason } => Out::Cancel(v1::CancelInvocation {
            invocation_id: invocation_id.to_string(),
            correlation_id: String::new(),
            reason,
        }),
        HostFrame::Credit { invocation_id, bytes } => {
            Out::Credit(v1::Credit { invocation_id: invocation_id.to_string(), bytes })
        }
        HostFrame::HeartbeatAck { sequence } => Out::HeartbeatAck(v1::HeartbeatAck { sequence }),
        HostFrame::Announced(announced) => Out::Announced(Box::new(self::announced(*announced))),
        HostFrame::Rejected(refusal) => Out::Announced(Box::new(v1::AnnounceRuntimeResponse {
            correlation_id: super::session::correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            ..v1::AnnounceRuntimeResponse::default()
        })),
        HostFrame::Fulfilled(batch) => Out::Fulfilled(Box::new(fulfilled(*batch))),
        HostFrame::Registered(batch) => Out::Registered(Box::new(registered(*batch))),
        HostFrame::Lifecycle(ask) => Out::Lifecycle(lifecycle::ask(ask)),
        HostFrame::Drain { reason, grace_ms } => Out::Drain(v1::Drain { reason, grace_ms }),
        HostFrame::Bye { reason } => Out::Bye(v1::Bye { reason }),
        HostFrame::Error { refusal, invocation_id } => {
            Out::Error(Box::new(v1::ProtocolError { error: Some(enhanced_error(&refusal)), invocation_id }))
        }
    };
    v1::HostFrame { frame: Some(frame) }
}

fn call(call: CallFrame) -> v1::ToolCall {
    v1::ToolCall {
        invocation_id: call.invocation_id.to_string(),
        correlation_id: call.correlation_id.as_str().to_owned(),
        call: Some(adm::FunctionCall {
            call_id: call.call_id.as_str().to_owned(),
            name: call.name.as_ref().to_owned(),
            args: call.args,
        }),
        trace_context: call.trace.map(|trace| wire_trace(*trace)),
        session_id: call.session_id.to_string(),
        deadline_unix_ms: call.deadline_unix_ms,
        streaming: call.streaming,
        ..v1::ToolCall::default()
    }
}

fn announced(announced: Announced) -> v1::AnnounceRuntimeResponse {
    v1::AnnounceRuntimeResponse {
        connection_id: announced.connection_id.to_string(),
        available_contracts: announced.available,
        correlation_id: announced.correlation_id.to_string(),
        negotiated_level: wire_level(announced.level),
        enabled_features: announced.features,
        feature_config: announced.config.into_iter().collect(),
        available_features: announced.offered,
        negotiated_version: announced.version,
        version_config: [("adm".to_owned(), announced.adm_version.to_owned())].into(),
        heartbeat_interval_ms: announced.heartbeat_ms,
        mode: announced.mode.to_owned(),
        ..v1::AnnounceRuntimeResponse::default()
    }
}

fn updated(updated: Updated) -> v1::CapabilityUpdateResponse {
    use v1::capability_update_response::Status;
    let batch = batch(updated.accepted, updated.rejected);
    let status = match batch.went {
        Went::Well => Status::Accepted,
        Went::Partly => Status::Partial,
        Went::Badly => Status::Rejected,
    };
    v1::CapabilityUpdateResponse {
        status: Some(status.into()),
        accepted_features: batch.accepted,
        rejected_features: batch.rejected,
        errors: batch.errors,
        next_review_timestamp: 0,
    }
}

/// How a batch went. Nothing accepted is a failure, an empty batch too: a zero that means success is given
/// only where something succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Went {
    Well,
    Partly,
    Badly,
}

struct Batch {
    went: Went,
    accepted: Vec<String>,
    rejected: Vec<String>,
    errors: Vec<v1::EnhancedError>,
}

fn batch(accepted: Vec<String>, rejected: Vec<(String, grid_core::Refusal)>) -> Batch {
    let went = match (accepted.is_empty(), rejected.is_empty()) {
        (false, true) => Went::Well,
        (false, false) => Went::Partly,
        (true, _) => Went::Badly,
    };
    let errors = rejected.iter().map(|(name, refusal)| of_name(name, refusal)).collect();
    Batch { went, accepted, rejected: rejected.into_iter().map(|(name, _)| name).collect(), errors }
}

fn fulfilled(answer: BatchAnswer) -> v1::FulfillToolsResponse {
    use v1::fulfill_tools_response::Status;
    let batch = batch(answer.accepted, answer.rejected);
    let status = match batch.went {
        Went::Well => Status::Success,
        Went::Partly => Status::PartialSuccess,
        Went::Badly => Status::Failure,
    };
    v1::FulfillToolsResponse {
        status: Some(status.into()),
        fulfilled_tools: batch.accepted,
        rejected_tools: batch.rejected,
        errors: batch.errors,
        session_id: answer.session_id,
        correlation_id: answer.correlation_id.to_string(),
    }
}

fn registered(answer: BatchAnswer) -> v1::RegisterToolsResponse {
    use v1::register_tools_response::Status;
    let batch = batch(answer.accepted, answer.rejected);
    let status = match batch.went {
        Went::Well => Status::Success,
        Went::Partly => Status::PartialSuccess,
        Went::Badly => Status::Failure,
    };
    v1::RegisterToolsResponse {
        status: Some(status.into()),
        accepted_tools: batch.accepted,
        rejected_tools: batch.rejected,
        errors: batch.errors,
        session_id: answer.session_id,
        correlation_id: answer.correlation_id.to_string(),
    }
}

#[cfg(test)]
mod tests;

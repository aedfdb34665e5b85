//! The call and its answer: the two conversions that every call pays for.

use grid_core::{
    Code, Refusal, Stage,
    envelope::Envelope,
    outcome::{Attempt, AuditReceipt, CallAnswer, Carried, ToolAnswer},
};
use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome},
};
use prost::Message as _;

use super::{error::enhanced_error, session::correlation, stream, trace};

/// More than an answer holds besides its content: ids of at most 128 bytes, a function name, prefixes, a receipt of
/// at most 64 hashes, and as many attempts as a contract may ask for.
const AROUND: usize = 8 << 10;

/// The request as the front door takes it.
///
/// # Errors
/// The name of the field that is missing.
pub(crate) fn envelope(wire: v1::ToolCall) -> Result<Envelope, MissingCall> {
    let Some(call) = wire.call else {
        return Err(MissingCall { correlation_id: wire.correlation_id, session_id: wire.session_id });
    };
    Ok(Envelope {
        correlation_id: wire.correlation_id,
        session_id: wire.session_id,
        call_id: call.call_id,
        name: call.name,
        args: call.args,
        deadline_unix_ms: (wire.deadline_unix_ms > 0).then_some(wire.deadline_unix_ms),
        provider: wire.provider,
        streaming: wire.streaming,
        receipt: wire.receipt,
        parent_invocation_id: wire.parent_invocation_id,
        trace: wire.trace_context.map(trace),
        claim: None,
        unseen: None,
    })
}

/// A call message without its `call`.
#[derive(Debug)]
pub(crate) struct MissingCall {
    pub(crate) correlation_id: String,
    pub(crate) session_id: String,
}

/// The answer, within `limit` bytes.
pub(crate) fn answered(answer: Result<CallAnswer, Refusal>, limit: usize) -> v1::CallToolResponse {
    match answer {
        Ok(answer) => within(finished(answer), limit),
        Err(refusal) => refused(&refusal),
    }
}

fn finished(answer: CallAnswer) -> v1::CallToolResponse {
    let invocation_id = answer.invocation_id.to_string();
    let correlation_id = answer.correlation_id.to_string();
    let call_id = answer.call_id.as_str().to_owned();
    let result = |status: adm::ToolResultStatus, content, error| {
        let (call_id, name) = (call_id.clone(), answer.name.as_ref().to_owned());
        let result = Some(adm::ToolResult { call_id, name, status: status.into(), content, error });
        let (invocation_id, correlation_id) = (invocation_id.clone(), correlation_id.clone());
        Outcome::Result(v1::ToolResult { invocation_id, correlation_id, result })
    };
    let outcome = match answer.answer {
        ToolAnswer::Success(content) => result(adm::ToolResultStatus::Success, Some(content), None),
        ToolAnswer::Error { message, kind } => {
            let error = adm::ErrorObject { message, r#type: kind };
            result(adm::ToolResultStatus::Error, None, Some(error))
        }
        ToolAnswer::Streamed(whole) => Outcome::Streamed(stream::streamed(&whole)),
    };
    v1::CallToolResponse {
        outcome: Some(outcome),
        correlation_id,
        invocation_id,
        repeated: answer.repeated,
        receipt: answer.receipt.as_deref().map(receipt),
        call_id,
        provider: answer.carried.provider.as_deref().unwrap_or_default().to_owned(),
        attempts: answer.carried.attempts,
        reused: answer.carried.reused,
        parent_invocation_id: String::new(),
        tried: tried(&answer.carried),
    }
}

fn tried(carried: &Carried) -> Vec<v1::Attempt> {
    let attempt = |attempt: &Attempt| v1::Attempt {
        provider: attempt.provider.as_ref().to_owned(),
        runtime: attempt.runtime.as_ref().map(|id| id.as_str().to_owned()).unwrap_or_default(),
        ended: attempt.ended.as_str().to_owned(),
    };
    carried.tried.iter().map(attempt).collect()
}

/// A refusal in the place of the result.
pub(crate) fn refused(refusal: &Refusal) -> v1::CallToolResponse {
    v1::CallToolResponse {
        outcome: Some(Outcome::Error(Box::new(enhanced_error(refusal)))),
        correlation_id: correlation(refusal),
        invocation_id: refusal.context().invocation_id.map(|id| id.to_string()).unwrap_or_default(),
        receipt: refusal.context().receipt.as_deref().map(receipt),
        attempts: if refusal.context().plain { 0 } else { refusal.context().carried.attempts },
        tried: if refusal.context().plain { Vec::new() } else { tried(&refusal.context().carried) },
        ..v1::CallToolResponse::default()
    }
}

pub(super) fn receipt(receipt: &AuditReceipt) -> v1::AuditReceipt {
    v1::AuditReceipt {
        index: receipt.index,
        leaf_hash: receipt.leaf.to_vec(),
        inclusion: receipt.inclusion.iter().map(|hash| hash.to_vec()).collect(),
        checkpoint: receipt.checkpoint.clone(),
    }
}

/// A tool may answer more than a message can hold. The caller learns that from the answer, with the ids under
/// which the outcome is recorded.
fn within(response: v1::CallToolResponse, limit: usize) -> v1::CallToolResponse {
    let content = match &response.outcome {
        Some(Outcome::Result(v1::ToolResult { result: Some(result), .. })) => {
            result.content.as_ref().map_or(0, String::len)
                + result.error.as_ref().map_or(0, |e| e.message.len() + e.r#type.len())
        }
        _ => 0,
    };
    if content + AROUND <= limit {
        return response;
    }
    let found = response.encoded_len();
    if found <= limit {
        return response;
    }
    let refusal = Refusal::new(
        Code::MessageTooLarge,
        Stage::Transport,
        format!(
            "the tool ran, but its answer has {found} bytes and the limit is {limit}; call it with `StreamToolCall`, or ask \
             it for less"
        ),
    );
    v1::CallToolResponse {
        outcome: Some(Outcome::Error(Box::new(v1::EnhancedError {
            correlation_id: response.correlation_id.clone(),
            ..enhanced_error(&refusal)
        }))),
        ..response
    }
}

#[cfg(test)]
mod tests;

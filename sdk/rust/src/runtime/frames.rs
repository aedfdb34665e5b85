//! The frames that a runtime writes.

use grid_proto::v1::runtime_frame::Frame;
use grid_proto::{adm, v1};

use super::bench::{Bench, Job};
use crate::Code;
use crate::clock;
use grid_sdk_tool::{Answer, ToolError};

/// Room in a message for what surrounds a result.
const ENVELOPE: usize = 1_024;

pub(super) fn frame(frame: Frame) -> v1::RuntimeFrame {
    v1::RuntimeFrame { frame: Some(frame) }
}

/// Bytes of content that a result can have.
pub(super) const fn room(limit: usize) -> usize {
    limit.saturating_sub(ENVELOPE)
}

/// The answer to a call: its ids and name unchanged, and exactly one of content and error.
pub(super) fn result(job: Job, answer: Answer, limit: usize) -> v1::RuntimeFrame {
    let room = room(limit);
    let answer = answer.and_then(|content| {
        if content.len() <= room {
            Ok(content)
        } else {
            Err(ToolError::new(
                Code::MESSAGE_TOO_LARGE,
                "the tool's answer is larger than one message may be; ask for it as a stream, or ask for less",
            ))
        }
    });
    let (status, content, error) = match answer {
        Ok(content) => (adm::ToolResultStatus::Success, Some(content), None),
        Err(fault) => {
            let error =
                adm::ErrorObject { message: fault.message().to_owned(), r#type: fault.kind().as_str().to_owned() };
            (adm::ToolResultStatus::Error, None, Some(error))
        }
    };
    frame(Frame::Result(v1::ToolResult {
        invocation_id: job.invocation_id,
        correlation_id: job.correlation_id,
        result: Some(adm::ToolResult { call_id: job.call_id, name: job.name, status: status.into(), content, error }),
    }))
}

/// Something from the host that cannot be used; the stream stays up.
pub(super) fn protocol_error(
    code: &Code,
    message: &str,
    invocation_id: &str,
    correlation_id: &str,
) -> v1::RuntimeFrame {
    let error = v1::EnhancedError {
        message: message.to_owned(),
        r#type: code.as_str().to_owned(),
        correlation_id: correlation_id.to_owned(),
        timestamp: clock::unix_ms(),
        component: "runtime".to_owned(),
        severity: v1::ErrorSeverity::Error.into(),
        category: v1::ErrorCategory::Transport.into(),
        ..Default::default()
    };
    frame(Frame::Error(Box::new(v1::ProtocolError { error: Some(error), invocation_id: invocation_id.to_owned() })))
}

pub(super) fn heartbeat(sequence: u64, bench: &Bench) -> v1::RuntimeFrame {
    let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
    frame(Frame::Heartbeat(v1::Heartbeat {
        sequence,
        in_flight: count(bench.in_flight()),
        free_slots: count(bench.room()),
        load_percent: count(bench.busy_percent()),
    }))
}

pub(super) fn drain(reason: &str, grace: std::time::Duration) -> v1::RuntimeFrame {
    frame(Frame::Drain(v1::Drain { reason: reason.to_owned(), grace_ms: clock::millis(grace) }))
}

pub(super) fn bye(reason: &str) -> v1::RuntimeFrame {
    frame(Frame::Bye(v1::Bye { reason: reason.to_owned() }))
}

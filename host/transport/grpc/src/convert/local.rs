//! Governed local dispatch: requests for grants, the grants, and what is reported under them.

use std::{collections::HashMap, time::Duration};

use grid_core::{
    Code, Refusal, Stage,
    envelope::Envelope,
    local::{Authorized, Batch, GiveBack, GivenBack, GrantedAll, Logged, Report, UnseenArgs, Waits, Watched},
};
use grid_proto::v1::{
    self, authorize_tool_call_response::Status as Decision, log_tool_result_response::Status as Logging,
};

use super::{call::receipt, error::enhanced_error, frame, session, session::correlation, trace};

/// What a request for a grant lacks.
#[derive(Debug)]
pub(crate) struct Unusable {
    pub(crate) correlation_id: String,
    pub(crate) session_id: String,
    pub(crate) fault: Refusal,
}

/// The request as the door takes it.
///
/// # Errors
/// What is wrong with its form.
pub(crate) fn envelope(wire: v1::AuthorizeToolCallRequest) -> Result<Envelope, Box<Unusable>> {
    let (correlation_id, session_id) = (wire.correlation_id, wire.session_id);
    let unusable = |message: &str| {
        let fault = Refusal::new(Code::MalformedRequest, Stage::Transport, message);
        Box::new(Unusable { correlation_id: correlation_id.clone(), session_id: session_id.clone(), fault })
    };
    let Some(call) = wire.call else {
        return Err(unusable("`call` is missing; send call_id, name and args in it"));
    };
    let unseen = match wire.args_digest {
        None => None,
        Some(_) if !call.args.is_empty() => {
            return Err(unusable("`args_digest` stands in place of `call.args`; send one of them"));
        }
        Some(v1::ArgsDigest { sha256, size }) => {
            let digest = sha256.try_into().map_err(|_| unusable("`args_digest.sha256` must have 32 bytes"))?;
            Some(UnseenArgs { digest, bytes: size })
        }
    };
    Ok(Envelope {
        correlation_id,
        session_id,
        call_id: call.call_id,
        name: call.name,
        args: call.args,
        trace: wire.trace_context.map(trace),
        claim: wire.security_context.map(session::claim),
        unseen,
        ..Envelope::default()
    })
}

pub(crate) fn batch(wire: v1::AuthorizeToolCallsRequest) -> Batch {
    Batch {
        correlation_id: wire.correlation_id,
        session_id: wire.session_id,
        claim: wire.security_context.map(session::claim),
        items: wire.items.into_iter().map(|item| envelope(item).map_err(|unusable| unusable.fault)).collect(),
    }
}

pub(crate) fn granted(answer: Result<Authorized, Refusal>) -> v1::AuthorizeToolCallResponse {
    match answer {
        Ok(Authorized::Waiting(waits)) => pending(&waits),
        Ok(Authorized::Granted(granted)) => v1::AuthorizeToolCallResponse {
            status: Some(Decision::Approved.into()),
            invocation_id: granted.invocation_id.to_string(),
            correlation_id: granted.correlation_id.to_string(),
            error: None,
            authorization_ttl_ms: u64::try_from(granted.ttl.as_millis()).unwrap_or(u64::MAX),
            execution_context: granted.args.map_or_else(HashMap::new, |args| [("args".to_owned(), args)].into()),
            grant: Some(v1::Grant { record: granted.record, receipt: Some(receipt(&granted.receipt)) }),
        },
        Err(refusal) => denied(&refusal),
    }
}

/// Neither yes nor no. A peer that knows no waiting reads a denial that may be repeated (Q46).
fn pending(waits: &Waits) -> v1::AuthorizeToolCallResponse {
    let after = u64::try_from(waits.retry_after.as_millis()).unwrap_or(u64::MAX);
    let error = v1::EnhancedError { retry_allowed: true, retry_after_ms: after, ..enhanced_error(&waits.refusal) };
    let context = [
        ("approval_id", waits.approval.to_string()),
        ("expires_at_ms", waits.expires_at_ms.to_string()),
        ("retry_after_ms", after.to_string()),
    ];
    v1::AuthorizeToolCallResponse {
        status: Some(Decision::Pending.into()),
        correlation_id: correlation(&waits.refusal),
        error: Some(error),
        execution_context: context.map(|(name, value)| (name.to_owned(), value)).into(),
        ..v1::AuthorizeToolCallResponse::default()
    }
}

/// Without an invocation id: nothing may run under it.
pub(crate) fn denied(refusal: &Refusal) -> v1::AuthorizeToolCallResponse {
    v1::AuthorizeToolCallResponse {
        status: Some(Decision::Denied.into()),
        correlation_id: correlation(refusal),
        error: Some(enhanced_error(refusal)),
        ..v1::AuthorizeToolCallResponse::default()
    }
}

pub(crate) fn granted_all(answer: Result<GrantedAll, Refusal>) -> v1::AuthorizeToolCallsResponse {
    match answer {
        Ok(all) => v1::AuthorizeToolCallsResponse {
            items: all.items.into_iter().map(granted).collect(),
            correlation_id: all.correlation_id.to_string(),
            error: None,
        },
        Err(refusal) => v1::AuthorizeToolCallsResponse {
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            ..v1::AuthorizeToolCallsResponse::default()
        },
    }
}

pub(crate) fn report(wire: v1::LogToolResultRequest) -> Report {
    let (call_id, name, answer) = match wire.result {
        Some(result) => {
            let answer = frame::answer(result.status, result.content, result.error);
            (result.call_id, result.name, answer)
        }
        None => (String::new(), String::new(), Err("`result` is missing".to_owned())),
    };
    Report {
        correlation_id: wire.correlation_id,
        session_id: wire.session_id,
        invocation_id: wire.invocation_id,
        grant: wire.grant,
        args_digest: wire.args_digest,
        call_id,
        name,
        answer,
        took: Duration::from_millis(wire.execution_time_ms),
        ended_at_ms: wire.timestamp,
    }
}

/// The answer to a report of `invocation_id`, which is given back as it was sent.
pub(crate) fn logged(answer: Result<Logged, Refusal>, invocation_id: String) -> v1::LogToolResultResponse {
    match answer {
        Ok(logged) => v1::LogToolResultResponse {
            status: Some(Logging::Logged.into()),
            correlation_id: logged.correlation_id.to_string(),
            error: None,
            invocation_id: logged.invocation_id.to_string(),
        },
        Err(refusal) => v1::LogToolResultResponse {
            status: Some(Logging::Rejected.into()),
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            invocation_id,
        },
    }
}

pub(crate) fn give_back(wire: v1::CancelGrantRequest) -> GiveBack {
    GiveBack {
        correlation_id: wire.correlation_id,
        session_id: wire.session_id,
        invocation_id: wire.invocation_id,
        grant: wire.grant,
        reason: wire.reason,
    }
}

pub(crate) fn given_back(answer: Result<GivenBack, Refusal>) -> v1::CancelGrantResponse {
    match answer {
        Ok(given) => v1::CancelGrantResponse {
            cancelled: given.cancelled,
            correlation_id: given.correlation_id.to_string(),
            error: None,
        },
        Err(refusal) => v1::CancelGrantResponse {
            cancelled: false,
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
        },
    }
}

pub(crate) fn watched(step: Watched) -> v1::WatchGrantsResponse {
    match step {
        Watched::Epoch { epoch, reason } => v1::WatchGrantsResponse { epoch, reason, error: None },
        Watched::End(refusal) => {
            v1::WatchGrantsResponse { error: Some(enhanced_error(&refusal)), ..v1::WatchGrantsResponse::default() }
        }
    }
}

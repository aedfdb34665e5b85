//! Calls that wait for a person, and what people say of them.

use grid_core::{
    Refusal,
    consent::{Decide, Decided, Say, WaitingCall, WaitingCalls},
    event::Sha256,
};
use grid_proto::v1::{self, decide_approval_request::Verdict};
use prost::Message as _;

use super::{error::enhanced_error, session::correlation};

/// Room for what is around the calls in an answer.
const AROUND: usize = 1024;

/// The calls, oldest first, as many as an answer of `limit` bytes holds; it says where there are more.
pub(crate) fn waiting(answer: Result<WaitingCalls, Refusal>, limit: usize) -> v1::ListApprovalsResponse {
    let answer = match answer {
        Ok(answer) => answer,
        Err(refusal) => {
            return v1::ListApprovalsResponse {
                correlation_id: correlation(&refusal),
                error: Some(enhanced_error(&refusal)),
                ..v1::ListApprovalsResponse::default()
            };
        }
    };
    let (all, mut room) = (answer.calls.len(), limit.saturating_sub(AROUND));
    let fits = |call: &v1::Approval| match room.checked_sub(call.encoded_len() + 8) {
        Some(rest) => {
            room = rest;
            true
        }
        None => false,
    };
    let approvals: Vec<_> = answer.calls.into_iter().map(call).take_while(fits).collect();
    v1::ListApprovalsResponse {
        more: approvals.len() < all,
        approvals,
        correlation_id: answer.correlation_id.to_string(),
        error: None,
    }
}

fn call(call: WaitingCall) -> v1::Approval {
    v1::Approval {
        approval_id: call.approval.to_string(),
        tenant: call.tenant.to_string(),
        principal: call.principal.to_string(),
        tool: call.tool.to_string(),
        contract_digest: digest(&call.contract),
        args_digest: digest(&call.args_digest),
        args_unseen: call.args.is_none(),
        args: call.args.unwrap_or_default(),
        role: call.role,
        rule: call.rule.to_string(),
        reason: call.reason,
        policy_epoch: call.epoch,
        requested_at_ms: call.requested_at_ms,
        expires_at_ms: call.expires_at_ms,
        session_id: call.session.to_string(),
        call_correlation_id: call.correlation.to_string(),
        args_bytes: call.args_bytes.unwrap_or_default(),
        time_left_ms: call.time_left_ms,
        local: call.local,
    }
}

pub(crate) fn decide(wire: v1::DecideApprovalRequest) -> Decide {
    let say = match wire.verdict() {
        Verdict::Unspecified => None,
        Verdict::Approve => Some(Say::Approve),
        Verdict::Deny => Some(Say::Deny),
    };
    Decide {
        approval_id: wire.approval_id,
        say,
        contract_digest: wire.contract_digest,
        args_digest: wire.args_digest,
        reason: wire.reason,
        correlation_id: wire.correlation_id,
    }
}

pub(crate) fn decided(answer: Result<Decided, Refusal>) -> v1::DecideApprovalResponse {
    match answer {
        Ok(decided) => v1::DecideApprovalResponse {
            decided: true,
            correlation_id: decided.correlation_id.to_string(),
            error: None,
        },
        Err(refusal) => v1::DecideApprovalResponse {
            decided: false,
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
        },
    }
}

fn digest(bytes: &Sha256) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

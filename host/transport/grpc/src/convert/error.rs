//! A refusal as an error on the wire: the caller's side of it only. A level 1 peer gets its message and type
//! which are also the first two fields of the full form.

use std::collections::HashMap;

use grid_core::{
    Code, Refusal,
    code::{Category, Severity},
};
use grid_proto::v1;

/// The error that a peer sees.
#[must_use]
pub fn enhanced_error(refusal: &Refusal) -> v1::EnhancedError {
    let code = refusal.code();
    let context = refusal.context();
    let plain = v1::EnhancedError {
        message: refusal.message().to_owned(),
        r#type: code.as_str().to_owned(),
        ..v1::EnhancedError::default()
    };
    if context.plain {
        return plain;
    }
    let facts = code.facts();
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    v1::EnhancedError {
        details: details(refusal),
        correlation_id: text(context.correlation_id.as_ref().map(|id| id.as_str())),
        timestamp: context.at_ms,
        retry_allowed: refusal.retry_allowed(),
        retry_after_ms: refusal.retry_after_ms(),
        max_retries: max_retries(refusal),
        remediation_steps: facts.remediation.iter().map(|&step| step.to_owned()).collect(),
        documentation_url: documentation(code),
        component: "host".to_owned(),
        session_id: text(context.session_id.as_deref()),
        runtime_id: text(context.runtime_id.as_deref()),
        tool_name: text(context.tool.as_deref()),
        severity: severity(facts.severity).into(),
        category: category(facts.category).into(),
        tags: vec![refusal.stage().as_str().to_owned()],
        trace_id: text(context.trace_id.as_deref()),
        ..plain
    }
}

//! A refusal as an error on the wire: the caller's side of it only. A level 1 peer gets its message and type
//! which are also the first two fields of the full form.

use std::collections::HashMap;

use grid_core::{
    Refusal,
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
        max_retries: if refusal.retry_allowed() { code.max_retries() } else { 0 },
        remediation_steps: facts.remediation.iter().map(|&step| step.to_owned()).collect(),
        documentation_url: code.documentation().to_owned(),
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

/// The refusal of one name in a batch; the name stands in the details, as the protocol has it.
pub(crate) fn of_name(name: &str, refusal: &Refusal) -> v1::EnhancedError {
    let mut error = enhanced_error(refusal);
    if !refusal.context().plain {
        error.details.entry("tool_name".to_owned()).or_insert_with(|| name.to_owned());
        if error.tool_name.is_empty() {
            name.clone_into(&mut error.tool_name);
        }
    }
    error
}

fn details(refusal: &Refusal) -> HashMap<String, String> {
    refusal.details().iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
}

fn severity(severity: Severity) -> v1::ErrorSeverity {
    match severity {
        Severity::Info => v1::ErrorSeverity::Info,
        Severity::Warning => v1::ErrorSeverity::Warning,
        Severity::Error => v1::ErrorSeverity::Error,
        Severity::Critical => v1::ErrorSeverity::Critical,
        Severity::Fatal => v1::ErrorSeverity::Fatal,
    }
}

fn category(category: Category) -> v1::ErrorCategory {
    match category {
        Category::Authorization => v1::ErrorCategory::Authorization,
        Category::Validation => v1::ErrorCategory::Validation,
        Category::Runtime => v1::ErrorCategory::Runtime,
        Category::Transport => v1::ErrorCategory::Transport,
        Category::Configuration => v1::ErrorCategory::Configuration,
    }
}

#[cfg(test)]
mod tests;

//! What stands in a frame of the outcome log: one JSON object. docs/outcome-log.md describes it for other SDKs.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_adm::Digest;
use grid_sdk::{Report, ToolError};
use serde::{Deserialize, Serialize};

use crate::clock;

/// One frame.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Entry {
    /// An outcome that the host is to have.
    Outcome(Outcome),
    /// Outcomes that are dealt with, by their numbers.
    Settled { seqs: Vec<u64> },
    /// An outcome that the host did not take, with its reason; in the files of rejected outcomes only.
    Rejected { at_ms: u64, code: String, message: String, outcome: Outcome },
}

/// An outcome on its way to the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) seq: u64,
    session: String,
    invocation: String,
    correlation: String,
    call_id: String,
    name: String,
    /// The answer as JSON text; there is exactly one of content and error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
    took_ms: u64,
    ended_at_ms: u64,
    /// Base64.
    grant: String,
    /// `sha256:` and 64 hexadecimal digits.
    args_digest: Digest,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Fault {
    r#type: String,
    message: String,
}

impl Outcome {
    pub(crate) fn new(seq: u64, report: &Report) -> Self {
        let (content, error) = match &report.answer {
            Ok(content) => (Some(content.clone()), None),
            Err(fault) => {
                let kind = fault.kind().as_str().to_owned();
                (None, Some(Fault { r#type: kind, message: fault.message().to_owned() }))
            }
        };
        Self {
            seq,
            session: report.session_id.clone(),
            invocation: report.invocation_id.clone(),
            correlation: report.correlation_id.clone(),
            call_id: report.call_id.clone(),
            name: report.name.clone(),
            content,
            error,
            took_ms: clock::millis(report.took),
            ended_at_ms: report.ended_at_ms,
            grant: BASE64_STANDARD.encode(report.grant),
            args_digest: Digest::from_bytes(report.args_digest),
            metadata: report.metadata.clone(),
        }
    }

    /// The report that it was made of, to the millisecond; nothing where it cannot have been made of one.
    pub(crate) fn report(self) -> Option<Report> {
        let answer = match (self.content, self.error) {
            (Some(content), None) => Ok(content),
            (None, Some(fault)) => Err(ToolError::new(fault.r#type, fault.message)),
            _ => return None,
        };
        Some(Report {
            session_id: self.session,
            invocation_id: self.invocation,
            correlation_id: self.correlation,
            call_id: self.call_id,
            name: self.name,
            answer,
            took: Duration::from_millis(self.took_ms),
            ended_at_ms: self.ended_at_ms,
            grant: BASE64_STANDARD.decode(self.grant).ok()?.try_into().ok()?,
            args_digest: *self.args_digest.as_bytes(),
            metadata: self.metadata,
        })
    }
}

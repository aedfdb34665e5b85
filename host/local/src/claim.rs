//! A report whose form is right. What it says is still only said.

use std::time::Duration;

use grid_adm::{Digest, Names};
use grid_core::{
    Code, Refusal, Stage,
    event::{Outcome, Sha256},
    id::{InvocationId, SessionId},
    local::Report,
    outcome::ToolAnswer,
};

/// Characters of a shape that a record keeps: a conclusion must fit into the room that is kept for it.
const SHAPE: usize = 256;

/// What a caller claims of a run. Its outcome, never its content, goes into the log.
#[derive(Debug)]
pub struct Claim {
    /// As claimed; absent where it is no id.
    pub(crate) invocation: Option<InvocationId>,
    pub(crate) session: Option<SessionId>,
    pub(crate) call_id: String,
    pub(crate) name: String,
    pub(crate) took: Duration,
    pub(crate) ended_at_ms: u64,
    pub(crate) bytes: u64,
    pub(crate) shape: Option<String>,
    pub(crate) told: Told,
}

/// What makes two reports the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) grant: Option<Sha256>,
    pub(crate) args: Option<Sha256>,
    pub(crate) outcome: Outcome,
    pub(crate) result: Sha256,
}

impl Claim {
    /// Reads a report. Ids and digests that are none fit no grant and are told apart later.
    ///
    /// # Errors
    /// MALFORMED_REQUEST where the result is not one.
    pub fn read(report: Report) -> Result<Self, Refusal> {
        let malformed = |why: &str| {
            Refusal::new(Code::MalformedRequest, Stage::Local, format!("the result cannot be logged: {why}"))
        };
        let answer = report.answer.map_err(|why| malformed(&why))?;
        let (outcome, text, shape) = match &answer {
            ToolAnswer::Success(content) => {
                let parsed = grid_adm::json::parse(content)
                    .map_err(|error| malformed(&format!("its content is not strict JSON: {error}")))?;
                // No contract declares what a function answers, so no name in it is one that may be told.
                (
                    Outcome::Success,
                    content,
                    Some(grid_adm::shape(&parsed, &Names::default()).chars().take(SHAPE).collect()),
                )
            }
            ToolAnswer::Error { message, .. } if message.trim().is_empty() => {
                return Err(malformed("its error has no message"));
            }
            // The tool did not get as far as an answer of its own.
            ToolAnswer::Error { message, kind } if kind == Code::LocalExecutionFailed.as_str() => {
                (Outcome::Failed, message, None)
            }
            ToolAnswer::Error { message, .. } => (Outcome::ToolError, message, None),
            ToolAnswer::Streamed(_) => return Err(malformed("a report has its result whole")),
        };
        Ok(Self {
            invocation: report.invocation_id.parse().ok(),
            session: report.session_id.parse().ok(),
            call_id: report.call_id,
            name: report.name,
            took: report.took,
            ended_at_ms: report.ended_at_ms,
            bytes: text.len() as u64,
            shape,
            told: Told {
                grant: report.grant.try_into().ok(),
                args: report.args_digest.try_into().ok(),
                outcome,
                result: *Digest::of_bytes(text.as_bytes()).as_bytes(),
            },
        })
    }

    /// The execution that it names; absent where that is no id.
    #[must_use]
    pub fn invocation(&self) -> Option<InvocationId> {
        self.invocation
    }

    /// Digest of what the tool gave.
    #[must_use]
    pub fn result(&self) -> &Sha256 {
        &self.told.result
    }
}

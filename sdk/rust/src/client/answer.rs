//! Reads the answer to a call. Success needs proof: a result that belongs to the call, says SUCCESS and carries
//! content; everything else is a refusal, the tool's failure or a bad answer.

use grid_proto::{adm, v1};
use serde::de::{DeserializeOwned, IgnoredAny};

use super::report::Report;
use crate::Code;
use crate::error::{Error, Setting, ToolFailure};
use crate::receipt::{self, Receipt};

/// A tool's success.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallAnswer {
    /// What the tool answered, as JSON text.
    pub content: String,
    /// The call.
    pub call_id: String,
    /// The host's id of the invocation.
    pub invocation_id: String,
    /// Joins this answer with the host's log.
    pub correlation_id: String,
    /// The answer of an earlier call with the same call id.
    pub repeated: bool,
    /// That the answer is on record, where the call asked for it.
    pub receipt: Option<Box<Receipt>>,
    /// The runtimes that had the call, in that order, as far as the host lets its callers know.
    pub attempts: Vec<Tried>,
}

/// One runtime that a call was handed to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tried {
    /// Its provider.
    pub provider: String,
    /// Itself; empty where the host does not tell.
    pub runtime: String,
    /// `success`, `tool_error`, `overtaken` where another runtime answered first, or the code it failed with.
    pub ended: String,
}

/// Those of an answer.
pub(crate) fn attempts(tried: Vec<v1::Attempt>) -> Vec<Tried> {
    let attempt = |v1::Attempt { provider, runtime, ended }| Tried { provider, runtime, ended };
    tried.into_iter().map(attempt).collect()
}

impl CallAnswer {
    /// The content as a Rust value.
    ///
    /// # Errors
    /// `Setting` where the content is not a `T`.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&self.content).map_err(|fault| {
            Error::setting(
                Setting::Content,
                format!("the content is not of the expected type ({fault}); read `content` instead"),
            )
        })
    }
}

/// How a tool ended: both are answers of the tool itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Succeeded(CallAnswer),
    /// It answered an error.
    Failed(ToolFailure),
}

impl Outcome {
    /// What a tool gave that ran here and not at a runtime.
    #[must_use]
    pub fn local(report: &Report) -> Self {
        match report.answer.clone() {
            Ok(content) => Self::Succeeded(CallAnswer {
                content,
                call_id: report.call_id.clone(),
                invocation_id: report.invocation_id.clone(),
                correlation_id: report.correlation_id.clone(),
                repeated: false,
                receipt: None,
                attempts: Vec::new(),
            }),
            Err(error) => Self::Failed(ToolFailure {
                tool: report.name.clone(),
                code: error.kind().clone(),
                message: error.message().to_owned(),
                call_id: report.call_id.clone(),
                invocation_id: report.invocation_id.clone(),
                correlation_id: report.correlation_id.clone(),
                repeated: false,
                receipt: None,
                attempts: Vec::new(),
            }),
        }
    }

    /// The success, or the tool's error as an [`Error`].
    ///
    /// # Errors
    /// `ToolFailed`.
    pub fn into_result(self) -> Result<CallAnswer, Error> {
        match self {
            Self::Succeeded(answer) => Ok(answer),
            Self::Failed(failure) => Err(Error::ToolFailed(Box::new(failure))),
        }
    }
}

/// The call that an answer must belong to.
pub(crate) struct Sent<'a> {
    pub(crate) call_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) correlation_id: &'a str,
}

impl Sent<'_> {
    /// The outcome in an answer that is no refusal.
    pub(crate) fn read(&self, answer: v1::CallToolResponse) -> Result<Outcome, Error> {
        let Some(v1::call_tool_response::Outcome::Result(outer)) = answer.outcome else {
            return Err(self.bad("the answer has neither a result nor a refusal"));
        };
        let Some(result) = outer.result else {
            return Err(self.bad("the answer's result is empty"));
        };
        if result.call_id != self.call_id || result.name != self.name {
            return Err(self.bad("the answer belongs to another call"));
        }
        let invocation_id = if answer.invocation_id.is_empty() { outer.invocation_id } else { answer.invocation_id };
        let ids = Ids {
            invocation_id,
            repeated: answer.repeated,
            receipt: receipt::read(answer.receipt),
            attempts: attempts(answer.tried),
        };
        match (result.status(), result.content, result.error) {
            (adm::ToolResultStatus::Success, Some(content), None) => self.success(content, ids),
            (adm::ToolResultStatus::Error, None, Some(error)) => Ok(Outcome::Failed(self.failure(error, ids))),
            _ => Err(self.bad("the answer's status does not match its content")),
        }
    }

    fn success(&self, content: String, ids: Ids) -> Result<Outcome, Error> {
        if serde_json::from_str::<IgnoredAny>(&content).is_err() {
            return Err(self.bad("the answer's content is not JSON"));
        }
        Ok(Outcome::Succeeded(CallAnswer {
            content,
            call_id: self.call_id.to_owned(),
            invocation_id: ids.invocation_id,
            correlation_id: self.correlation_id.to_owned(),
            repeated: ids.repeated,
            receipt: ids.receipt,
            attempts: ids.attempts,
        }))
    }

    fn failure(&self, error: adm::ErrorObject, ids: Ids) -> ToolFailure {
        ToolFailure {
            tool: self.name.to_owned(),
            code: if error.r#type.is_empty() { Code::TOOL_EXECUTION_FAILED } else { Code::from(error.r#type) },
            message: error.message,
            call_id: self.call_id.to_owned(),
            invocation_id: ids.invocation_id,
            correlation_id: self.correlation_id.to_owned(),
            repeated: ids.repeated,
            receipt: ids.receipt,
            attempts: ids.attempts,
        }
    }

    fn bad(&self, message: &str) -> Error {
        Error::bad_answer(message, self.correlation_id)
    }
}

struct Ids {
    invocation_id: String,
    repeated: bool,
    receipt: Option<Box<Receipt>>,
    attempts: Vec<Tried>,
}

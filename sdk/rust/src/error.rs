//! What can go wrong for a caller or a runtime, as one enum: refused by the host, failed in the tool, lost on the
//! way, answered nonsense, or set up wrongly here.

use std::{collections::BTreeMap, fmt, time::Duration};

use grid_proto::v1;

use crate::{Code, client::Tried, receipt::Receipt};

mod transport;

pub use transport::TransportFault;

/// Everything that a client or a runtime reports. `code()` gives the code whatever the variant.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The host refused or could not finish.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The tool ran and answered an error of its own.
    #[error("{0}")]
    ToolFailed(Box<ToolFailure>),
    /// The message or its answer did not get through.
    #[error("{0}")]
    Transport(Box<TransportFault>),
    /// An answer that no correct host gives; it is never taken for a success.
    #[error("{0}")]
    BadAnswer(Box<BadAnswer>),
    /// Something was set up or passed wrongly; nothing was sent.
    #[error("{0}")]
    Setting(Box<SettingFault>),
}

/// A tool that called another and could not go on fails with what stopped it.
impl From<Error> for grid_sdk_tool::ToolError {
    fn from(error: Error) -> Self {
        Self::new(error.code().clone(), error.to_string())
    }
}

impl Error {
    /// The code of the fault.
    #[must_use]
    pub fn code(&self) -> &Code {
        const BAD_ANSWER: &Code = &Code::PROTOCOL_VIOLATION;
        const SETTING: &Code = &Code::INVALID_CONFIG;
        const ARGUMENTS: &Code = &Code::INVALID_TOOL_ARGS;
        match self {
            Self::Refused(refusal) => &refusal.code,
            Self::ToolFailed(failure) => &failure.code,
            Self::Transport(fault) => &fault.code,
            Self::BadAnswer(_) => BAD_ANSWER,
            Self::Setting(fault) if fault.setting == Setting::Arguments => ARGUMENTS,
            Self::Setting(_) => SETTING,
        }
    }

    /// The id that joins this fault with the host's log; `None` where nothing was sent.
    #[must_use]
    pub fn correlation_id(&self) -> Option<&str> {
        let id = match self {
            Self::Refused(refusal) => &refusal.correlation_id,
            Self::ToolFailed(failure) => &failure.correlation_id,
            Self::Transport(fault) => &fault.correlation_id,
            Self::BadAnswer(bad) => &bad.correlation_id,
            Self::Setting(_) => return None,
        };
        (!id.is_empty()).then_some(id.as_str())
    }

    pub(crate) fn setting(setting: Setting, message: impl Into<String>) -> Self {
        Self::Setting(Box::new(SettingFault { setting, message: message.into() }))
    }

    pub(crate) fn bad_answer(message: impl Into<String>, correlation_id: &str) -> Self {
        Self::BadAnswer(Box::new(BadAnswer { message: message.into(), correlation_id: correlation_id.to_owned() }))
    }

    /// No answer came in time; the request may have arrived.
    pub(crate) fn late(correlation_id: &str) -> Self {
        Self::from_status(&tonic::Status::deadline_exceeded(""), correlation_id)
    }

    /// The stream ended in the middle of something.
    pub(crate) fn broken(correlation_id: &str) -> Self {
        Self::from_status(&tonic::Status::unavailable(""), correlation_id)
    }

    pub(crate) fn refused(error: v1::EnhancedError) -> Self {
        Self::Refused(Box::new(Refusal::from(error)))
    }
}

/// The host said no, or could not finish what it had admitted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Refusal {
    /// Why; the host's documentation has a page for each code.
    pub code: Code,
    /// What happened and what to do.
    pub message: String,
    /// Joins this refusal with the host's log.
    pub correlation_id: String,
    /// The same request may succeed later, unchanged.
    pub retry_allowed: bool,
    /// Not before this much time has passed.
    pub retry_after: Option<Duration>,
    /// The most repeats that the host wants to see; `None` where it set no bound.
    pub max_retries: Option<u32>,
    /// What to do, most specific first.
    pub remediation: Vec<String>,
    /// The session; empty where there was none.
    pub session_id: String,
    /// The tool; empty where there was none.
    pub tool: String,
    /// The runtime that was involved; empty where there was none.
    pub runtime_id: String,
    /// Empty where nothing was admitted.
    pub invocation_id: String,
    /// More about it; values that are not text are JSON text.
    pub details: BTreeMap<String, String>,
    /// Where to read about it.
    pub documentation_url: String,
    /// That the refusal is on record, where the call asked for it.
    pub receipt: Option<Box<Receipt>>,
    /// The runtimes that had the call, in that order, as far as the host lets its callers know.
    pub attempts: Vec<Tried>,
}

/// The detail that tells a call that waits for a person from one that is refused for good.
pub(crate) const STATE: (&str, &str) = ("state", "pending");

impl Refusal {
    /// The id of the approval that the call waits for: nothing may run yet, and the same call may be asked for again.
    #[must_use]
    pub fn waits_for(&self) -> Option<&str> {
        let pending = self.details.get(STATE.0).is_some_and(|state| state == STATE.1);
        self.details.get("approval_id").filter(|_| pending).map(String::as_str)
    }
}

impl From<v1::EnhancedError> for Refusal {
    fn from(error: v1::EnhancedError) -> Self {
        Self {
            code: if error.r#type.is_empty() { Code::default() } else { Code::from(error.r#type) },
            message: error.message,
            correlation_id: error.correlation_id,
            retry_allowed: error.retry_allowed,
            retry_after: (error.retry_after_ms > 0).then(|| Duration::from_millis(error.retry_after_ms)),
            max_retries: (error.max_retries > 0).then_some(error.max_retries),
            remediation: error.remediation_steps,
            session_id: error.session_id,
            tool: error.tool_name,
            runtime_id: error.runtime_id,
            invocation_id: String::new(),
            details: error.details.into_iter().collect(),
            documentation_url: error.documentation_url,
            receipt: None,
            attempts: Vec::new(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)?;
        if let Some(step) = self.remediation.first()
            && !self.message.contains(step.as_str())
        {
            write!(f, "; {step}")?;
        }
        if !self.correlation_id.is_empty() {
            write!(f, " ({})", self.correlation_id)?;
        }
        Ok(())
    }
}

/// The tool's own error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolFailure {
    /// The tool that answered it.
    pub tool: String,
    /// The tool's word for it, `TOOL_EXECUTION_FAILED` where it gave none.
    pub code: Code,
    /// The tool's explanation.
    pub message: String,
    /// The call that failed.
    pub call_id: String,
    /// The host's id of the invocation.
    pub invocation_id: String,
    /// Joins this failure with the host's log.
    pub correlation_id: String,
    /// The answer of an earlier call with the same call id.
    pub repeated: bool,
    /// That the failure is on record, where the call asked for it.
    pub receipt: Option<Box<Receipt>>,
    /// The runtimes that had the call, in that order, as far as the host lets its callers know.
    pub attempts: Vec<Tried>,
}

impl fmt::Display for ToolFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the tool `{}` failed with {}: {} ({})", self.tool, self.code, self.message, self.correlation_id)
    }
}

/// An answer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{message}; report it to the operator of the host ({correlation_id})")]
pub struct BadAnswer {
    /// What is wrong with it.
    pub message: String,
    /// The request that it answered.
    pub correlation_id: String,
}

/// What was set up or passed wrongly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{message}")]
pub struct SettingFault {
    /// Which thing.
    pub setting: Setting,
    /// What is wrong with it and how to mend it.
    pub message: String,
}

/// The things that a caller or a runtime sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// The host's address.
    Endpoint,
    /// The bearer token or the file that holds it.
    Token,
    /// Certificates and keys.
    Tls,
    /// The arguments of a call.
    Arguments,
    /// The content of an answer, read as the wrong type.
    Content,
    /// The id that the runtime announces.
    RuntimeId,
    /// The tools of a runtime.
    Tools,
    /// What was kept of an audit log.
    Evidence,
}

#[cfg(test)]
mod tests;

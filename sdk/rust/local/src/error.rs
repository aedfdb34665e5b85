//! How a call ends here or at a runtime, and why it did not end at all.

use std::fmt;

use grid_sdk::{CallAnswer, Code, Error, Outcome};

use crate::outcomes::Full;
use crate::permit::NotGranted;

/// Where a tool ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ran {
    /// In this process.
    Here,
    /// At a runtime of the host.
    Remotely,
}

/// That a call was to run here and went to a runtime instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FellBack {
    /// Why, as a code.
    pub code: Code,
    /// Why, in words.
    pub reason: String,
    /// The tool had run here and failed; only tools without side effects go on to a runtime then.
    pub started: bool,
}

impl fmt::Display for FellBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.started { "after it failed here" } else { "before it started here" };
        write!(f, "the call went to a runtime {how}: {}: {}", self.code, self.reason)
    }
}

/// How a tool ended, and where.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its own answer or its own error.
    pub outcome: Outcome,
    /// Where it ran last.
    pub ran: Ran,
    /// Set where it was to run here and did not, or not only.
    pub fell_back: Option<FellBack>,
}

impl Answered {
    /// The success, or the tool's error.
    ///
    /// # Errors
    /// `ToolFailed`.
    pub fn into_result(self) -> Result<CallAnswer, Error> {
        self.outcome.into_result()
    }
}

/// Why a call has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum LocalError {
    /// The host refused, or could not be reached; where the call fell back before, with the reason for that.
    #[error("{error}{}", after(.fell_back.as_ref()))]
    Host {
        /// What the host said, or what was lost.
        error: Error,
        /// Set where this is the end of a fallback.
        fell_back: Option<FellBack>,
    },
    /// The tool is not here, and the mode lets it run nowhere else.
    #[error("the tool `{tool}` cannot run here: {why}")]
    NotHere {
        /// The tool.
        tool: String,
        /// What is missing or does not fit.
        why: String,
    },
    /// The host approved, but the grant does not hold.
    #[error(transparent)]
    NotGranted(#[from] NotGranted),
    /// No outcome could be kept.
    #[error(transparent)]
    Full(#[from] Full),
    /// The call did not run here, but it is not certain that its grant is over, so no runtime may run it.
    #[error("the grant of `{tool}` could not be given back ({why}), so the call was not sent to a runtime; call again")]
    NotCancelled {
        /// The tool.
        tool: String,
        /// What came in place of a cancellation.
        why: String,
    },
}

fn after(fell_back: Option<&FellBack>) -> String {
    fell_back.map_or_else(String::new, |fell_back| format!("; {fell_back}"))
}

impl LocalError {
    /// The code of the fault.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Host { error, .. } => error.code().clone(),
            Self::NotHere { .. } => Code::UNSUPPORTED_TOOL,
            Self::NotGranted(NotGranted::Expired) => Code::TIMEOUT,
            Self::NotGranted(NotGranted::Void) => Code::PERMISSION_DENIED,
            Self::NotGranted(_) => Code::SECURITY_VIOLATION,
            Self::Full(_) => Code::RESOURCE_EXHAUSTED,
            Self::NotCancelled { .. } => Code::LOCAL_EXECUTION_FAILED,
        }
    }
}

impl From<Error> for LocalError {
    fn from(error: Error) -> Self {
        Self::Host { error, fell_back: None }
    }
}

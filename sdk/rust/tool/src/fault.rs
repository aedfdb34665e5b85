//! A tool's own error, in words fit for a caller: no stack trace, no path, of bounded length.

use std::any::Any;
use std::fmt;

use crate::Code;

const LONGEST: usize = 500;

/// A tool's own error. Its message reaches the caller as it stands, shortened to 500 characters; errors of other
/// types are cut to their first line, and absolute paths in them are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolError {
    kind: Code,
    message: String,
}

impl ToolError {
    /// An error of a kind, upper-case words such as `RESOURCE_NOT_FOUND`, and what the caller should know and do.
    #[must_use]
    pub fn new(kind: impl Into<Code>, message: impl Into<String>) -> Self {
        let message = message.into();
        let message = message.trim();
        Self {
            kind: kind.into(),
            message: if message.is_empty() {
                "the tool failed without saying why; report it to the tool's owner".to_owned()
            } else {
                message.chars().take(LONGEST).collect()
            },
        }
    }

    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> &Code {
        &self.kind
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn from_any<E: fmt::Display + Any>(error: &E) -> Self {
        if let Some(own) = (error as &dyn Any).downcast_ref::<Self>() {
            return own.clone();
        }
        let text = error.to_string();
        let line = text.trim().lines().next().unwrap_or_default();
        Self::new(Code::TOOL_EXECUTION_FAILED, without_paths(line))
    }

    /// What the caller is told of a panic: nothing of what it said.
    pub fn panicked() -> Self {
        Self::new(
            Code::TOOL_EXECUTION_FAILED,
            "the tool failed unexpectedly; report it to the tool's owner with the correlation id",
        )
    }

    /// The runtime ended it at its deadline.
    #[must_use]
    pub fn late() -> Self {
        Self::new(Code::TIMEOUT, "the tool did not finish in time; allow more time or ask for less")
    }
}

fn without_paths(line: &str) -> String {
    let shown: Vec<&str> = line.split(' ').map(|word| if is_path(word) { "(path hidden)" } else { word }).collect();
    shown.join(" ")
}

fn is_path(word: &str) -> bool {
    let bare = word.trim_matches(|sign: char| !sign.is_alphanumeric() && !"/\\~".contains(sign));
    let unix = bare.starts_with('/') && bare.matches('/').count() > 1;
    let home = bare.starts_with("~/");
    let windows = bare.starts_with("\\\\") || bare.get(1..3) == Some(":\\");
    unix || home || windows
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

impl std::error::Error for ToolError {}

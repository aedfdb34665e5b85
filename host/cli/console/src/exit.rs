//! How a command ends: a code for programs and, where it failed, one sentence for people.

use std::{fmt, io, process::ExitCode};

use serde_json::json;

/// Exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Not done.
    Error = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// The configuration or a contract is not valid.
    Invalid = 3,
    /// A test of policies did not get the answer that it must get.
    Untrue = 4,
    /// A swap did not hold, or something is not as it was declared.
    Drift = 5,
    /// The host refused.
    Denied = 6,
    /// The audit log does not verify.
    Unverified = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    message: Option<String>,
    code: Option<String>,
    correlation_id: Option<String>,
    more: Vec<(&'static str, serde_json::Value)>,
}

impl Failure {
    /// What happened and what to do.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: Some(message.into()), code: None, correlation_id: None, more: Vec::new() }
    }

    /// For a command that has already said what is wrong.
    #[must_use]
    pub fn said(exit: Exit) -> Self {
        Self { exit, message: None, code: None, correlation_id: None, more: Vec::new() }
    }

    /// Names the host's code, for `--json`.
    #[must_use]
    pub fn coded(mut self, code: String) -> Self {
        self.code = Some(code);
        self
    }

    /// Names the correlation id, for `--json`.
    #[must_use]
    pub fn correlated(mut self, id: Option<&str>) -> Self {
        self.correlation_id = id.map(str::to_owned);
        self
    }

    /// The same with another exit code.
    #[must_use]
    pub fn ending(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    /// Adds a field, for `--json`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: serde_json::Value) -> Self {
        self.more.push((name, value));
        self
    }

    /// The code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// For `--json`.
    #[must_use]
    pub fn to_json(&self) -> Option<serde_json::Value> {
        let message = self.message.as_ref()?;
        let mut fields = json!({ "error": message, "exit": self.exit as u8 });
        for (name, value) in [("code", &self.code), ("correlation_id", &self.correlation_id)] {
            if let (Some(value), Some(fields)) = (value, fields.as_object_mut()) {
                fields.insert(name.to_owned(), json!(value));
            }
        }
        for (name, value) in &self.more {
            if let Some(fields) = fields.as_object_mut() {
                fields.insert((*name).to_owned(), value.clone());
            }
        }
        Some(fields)
    }

    /// The sentence, where it was not said yet.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message.as_deref().unwrap_or("failed"))
    }
}

impl std::error::Error for Failure {}

impl From<io::Error> for Failure {
    /// A reader that has read enough is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::said(Exit::Ok)
        } else {
            Self::new(Exit::Error, format!("cannot write the output: {error}"))
        }
    }
}

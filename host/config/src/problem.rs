//! What is wrong with a configuration: where, under which key, and what would be right.

use std::{fmt, path::PathBuf};

use serde_json::{Value, json};

use grid_core::Code;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The table of settings.
    Default,
    /// The configuration file.
    File {
        /// As it was given.
        path: PathBuf,
        /// Counted from 1; not known in YAML and JSON.
        line: Option<usize>,
    },
    /// An environment variable.
    Env(String),
    /// `--set`.
    Flag,
}

impl Origin {
    /// One word for tables and JSON.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File { .. } => "file",
            Self::Env(_) => "env",
            Self::Flag => "flag",
        }
    }

    /// Problems are read in the order in which their places are: the file by its lines, then what overrides it.
    pub(crate) fn order(&self) -> (u8, usize) {
        match self {
            Self::File { line, .. } => (0, line.unwrap_or(0)),
            Self::Env(_) => (1, 0),
            Self::Flag => (2, 0),
            Self::Default => (3, 0),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: None } => write!(f, "{}", path.display()),
            Self::File { path, line: Some(line) } => write!(f, "{}:{line}", path.display()),
            Self::Env(name) => f.write_str(name),
            Self::Flag => f.write_str("--set"),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// INVALID_CONFIG and its siblings.
    pub code: Code,
    /// Where the value stands.
    pub origin: Origin,
    /// `section.key`; empty where the whole source is meant.
    pub key: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A value or a key that is not allowed.
    pub fn new(origin: Origin, key: impl Into<String>, message: impl Into<String>) -> Self {
        let key = key.into();
        let code = if key == "mode" { Code::IncompatibleMode } else { Code::InvalidConfig };
        Self { code, origin, key, message: message.into() }
    }

    /// The same with another code.
    #[must_use]
    pub fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    /// For `--json`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let (file, line) = match &self.origin {
            Origin::File { path, line } => (Some(path.display().to_string()), *line),
            _ => (None, None),
        };
        let env = match &self.origin {
            Origin::Env(name) => Some(name),
            _ => None,
        };
        json!({
            "code": self.code.as_str(),
            "origin": self.origin.word(),
            "file": file,
            "line": line,
            "env": env,
            "key": self.key,
            "message": self.message,
        })
    }
}

impl fmt::Display for Problem {
    /// `file:line: key: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.origin != Origin::Default {
            write!(f, "{}: ", self.origin)?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

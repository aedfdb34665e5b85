//! How much a record deserves to be looked at. One judgement, which each format writes in its own scale.

use grid_audit::Record;
use grid_core::Code;

/// From what happens all day to what should wake somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As intended.
    Info,
    /// Worth a look among others of its sort.
    Notice,
    /// Something was refused or failed.
    Warning,
    /// Somebody broke the rules, or nobody knows what happened.
    Error,
    /// The log itself, or trust in a part, is impaired.
    Critical,
}

impl Severity {
    /// What the kind, the outcome and the code of a record say together.
    #[must_use]
    pub fn of(record: &Record) -> Self {
        let grave = || record.code().and_then(|code| code.parse::<Code>().ok()).map(Self::of_code);
        match (record.kind(), record.outcome()) {
            ("gap", _) => Self::Critical,
            ("violation" | "rejected_result", _) | (_, Some("outcome_unknown")) => {
                grave().unwrap_or(Self::Error).max(Self::Error)
            }
            ("refused", _) | (_, Some("failed" | "unreported" | "revoked")) => {
                grave().unwrap_or(Self::Warning).max(Self::Warning)
            }
            (_, Some("tool_error"))
            | ("late_result" | "cancel_requested" | "invalidated" | "key_rotated" | "repeated", _) => Self::Notice,
            _ => Self::Info,
        }
    }

    /// Codes that an operator should look at now stay that here; the others are a caller's daily trouble.
    fn of_code(code: Code) -> Self {
        use grid_core::code::Severity as Grave;
        match code.facts().severity {
            Grave::Info | Grave::Warning | Grave::Error => Self::Warning,
            Grave::Critical => Self::Error,
            Grave::Fatal => Self::Critical,
        }
    }

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    /// OCSF `severity_id` and its caption.
    pub(crate) fn ocsf(self) -> (u8, &'static str) {
        match self {
            Self::Info => (1, "Informational"),
            Self::Notice => (2, "Low"),
            Self::Warning => (3, "Medium"),
            Self::Error => (4, "High"),
            Self::Critical => (5, "Critical"),
        }
    }

    /// CEF, 0 to 10.
    pub(crate) fn cef(self) -> &'static str {
        match self {
            Self::Info => "1",
            Self::Notice => "3",
            Self::Warning => "5",
            Self::Error => "8",
            Self::Critical => "10",
        }
    }

    /// OpenTelemetry `SeverityNumber` and its short name.
    pub(crate) fn otlp(self) -> (u8, &'static str) {
        match self {
            Self::Info => (9, "INFO"),
            Self::Notice => (10, "INFO2"),
            Self::Warning => (13, "WARN"),
            Self::Error => (17, "ERROR"),
            Self::Critical => (21, "FATAL"),
        }
    }
}

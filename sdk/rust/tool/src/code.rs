//! Codes of refusals and faults: a closed list on the host's side, an open one here, so that a newer host's
//! codes survive.

use std::{borrow::Cow, fmt};

/// Why something was refused or failed, such as `PERMISSION_DENIED`. Codes that this version does not know are
/// kept as they came.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Code(Cow<'static, str>);

macro_rules! codes {
    ($($name:ident: $text:literal,)+) => {
        impl Code {
            $(
                #[doc = $text]
                pub const $name: Self = Self(Cow::Borrowed(stringify!($name)));
            )+

            #[cfg(test)]
            const KNOWN: &[&str] = &[$(stringify!($name)),+];
        }
    };
}

codes! {
    PERMISSION_DENIED: "The caller may not use the tool.",
    INVALID_CREDENTIALS: "The token or certificate does not hold; fetch a fresh one.",
    SESSION_EXPIRED: "The session is over; open another.",
    INSUFFICIENT_SCOPE: "The caller's context is too narrow for the call.",
    POLICY_VIOLATION: "A policy of the host forbids it.",
    RATE_LIMIT_EXCEEDED: "Too many calls; wait as long as the refusal says.",
    SCHEMA_VIOLATION: "The message breaks its schema.",
    INVALID_TOOL_ARGS: "The arguments do not match the declaration.",
    UNSUPPORTED_TOOL: "No such tool, or nobody serves it.",
    INVALID_SESSION: "No such session, or it is still busy.",
    MALFORMED_REQUEST: "The message cannot be read.",
    VERSION_MISMATCH: "The two sides have no protocol version in common.",
    TOOL_EXECUTION_FAILED: "The tool ran and failed.",
    TIMEOUT: "The time for the call was over.",
    RESOURCE_EXHAUSTED: "Too little room to take the call now.",
    DEPENDENCY_UNAVAILABLE: "Something that the tool needs is down.",
    DATA_PROCESSING_ERROR: "The tool could not use the data.",
    RUNTIME_CRASH: "The runtime went away in the middle of the call.",
    SERVICE_UNAVAILABLE: "Nobody can take the call now.",
    CONNECTION_FAILED: "The host could not be reached, or the connection broke.",
    NETWORK_TIMEOUT: "No answer came in time.",
    TLS_HANDSHAKE_FAILED: "The two sides could not agree on a secured connection.",
    PROTOCOL_VIOLATION: "The other side broke the protocol.",
    MESSAGE_TOO_LARGE: "The message is larger than one side takes.",
    SERIALIZATION_ERROR: "A message could not be written or read.",
    INVALID_CONFIG: "A setting cannot be used.",
    MISSING_MANIFEST: "The host has no manifest.",
    INCOMPATIBLE_MODE: "The host's mode does not allow it.",
    CERTIFICATE_ERROR: "A certificate cannot be used.",
    ENVIRONMENT_ERROR: "The environment lacks something.",
    FEATURE_UNAVAILABLE: "The host does not offer it.",
    CANCELLED: "Somebody stopped the call.",
    AUDIT_UNAVAILABLE: "The host cannot write its audit log, so nothing runs.",
    OUTCOME_UNAUDITED: "The call ran, but its outcome could not be recorded.",
    HOST_UNAVAILABLE: "The host failed repeatedly and is left alone for a while.",
    LOCAL_EXECUTION_FAILED: "A tool ran locally and failed.",
    DATA_CORRUPTION: "Data are not what was recorded for them.",
    SECURITY_VIOLATION: "Tampering was detected.",
    SYSTEM_COMPROMISE: "A part of the system can no longer be trusted.",
    PARAMETER_VALIDATION_FAILED: "A tool's own check of its arguments failed.",
}

impl Code {
    /// The code as it travels.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An answer that names no code broke the protocol.
impl Default for Code {
    fn default() -> Self {
        Self::PROTOCOL_VIOLATION
    }
}

impl From<String> for Code {
    fn from(code: String) -> Self {
        Self(Cow::Owned(code))
    }
}

impl From<&str> for Code {
    fn from(code: &str) -> Self {
        Self(Cow::Owned(code.to_owned()))
    }
}

impl PartialEq<str> for Code {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Code {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_has_a_page_has_a_constant() {
        let pages = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/errors");
        for page in std::fs::read_dir(pages).unwrap() {
            let file = page.unwrap().file_name();
            let name = file.to_str().unwrap().trim_end_matches(".md");
            assert!(name == "README" || Code::KNOWN.contains(&name), "`{name}` is missing");
        }
    }

    #[test]
    fn codes_compare_by_their_text_and_unknown_ones_are_kept() {
        assert_eq!(Code::from("TIMEOUT"), Code::TIMEOUT);
        assert_eq!(Code::from("BRAND_NEW").to_string(), "BRAND_NEW");
    }
}

//! The closed catalogue of codes with which the host refuses, fails or ends a request (protocol 5.1, R-081, Q13).
//! A code names its facts once, in a file a category; transports, clients' advice and `docs/errors` follow from them.
//! The enum is exhaustive on purpose: who matches it without a `_` arm does not build until a new code is mapped.

#![deny(missing_docs)]

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

mod authorization;
mod configuration;
mod facts;
mod runtime;
mod transport;
mod validation;

pub use facts::{Category, Facts, Fault, Fix, Renewal, Retry, Severity};

/// A text that is no code of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such code; docs/errors/README.md lists them all")
    }
}

impl std::error::Error for Unknown {}

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $wire:literal, $room:ident :: $facts:ident;)*) => {
        /// Why a request was refused, failed or ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $wire)] $code,)*
        }

        impl Code {
            /// Every code, by category.
            pub const ALL: [Self; [$($wire),*].len()] = [$(Self::$code),*];

            /// The wire form, which `type` of an error carries.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$code => $wire,)*
                }
            }

            /// What holds wherever the code appears.
            #[must_use]
            pub const fn facts(self) -> Facts {
                match self {
                    $(Self::$code => $room::$facts,)*
                }
            }

            /// The code's page, relative to the root of the documentation.
            #[must_use]
            pub const fn documentation(self) -> &'static str {
                match self {
                    $(Self::$code => concat!("docs/errors/", $wire, ".md"),)*
                }
            }
        }
    };
}

codes! {
    /// The caller is known, but the contract or the session asks for a right that it lacks.
    PermissionDenied = "PERMISSION_DENIED", authorization::PERMISSION_DENIED;
    /// No proof of identity, or one that does not verify.
    InvalidCredentials = "INVALID_CREDENTIALS", authorization::INVALID_CREDENTIALS;
    /// The caller's session has run out.
    SessionExpired = "SESSION_EXPIRED", authorization::SESSION_EXPIRED;
    /// The credential is narrower than the rights of its principal.
    InsufficientScope = "INSUFFICIENT_SCOPE", authorization::INSUFFICIENT_SCOPE;
    /// A rule of the host forbids this request, whoever sends it.
    PolicyViolation = "POLICY_VIOLATION", authorization::POLICY_VIOLATION;
    /// Too many requests in too short a time.
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", authorization::RATE_LIMIT_EXCEEDED;
    /// Tampering was detected (Q50).
    SecurityViolation = "SECURITY_VIOLATION", authorization::SECURITY_VIOLATION;
    /// A component can no longer be trusted (Q50).
    SystemCompromise = "SYSTEM_COMPROMISE", authorization::SYSTEM_COMPROMISE;

    /// A structure is readable, but not one of the data model.
    SchemaViolation = "SCHEMA_VIOLATION", validation::SCHEMA_VIOLATION;
    /// The arguments do not fit the contract.
    InvalidToolArgs = "INVALID_TOOL_ARGS", validation::INVALID_TOOL_ARGS;
    /// The session sees no contract of that name.
    UnsupportedTool = "UNSUPPORTED_TOOL", validation::UNSUPPORTED_TOOL;
    /// No session of the caller has that id, or it is not in the state asked for.
    InvalidSession = "INVALID_SESSION", validation::INVALID_SESSION;
    /// The message cannot be read, or lacks what it must have.
    MalformedRequest = "MALFORMED_REQUEST", validation::MALFORMED_REQUEST;
    /// The two sides share no protocol version.
    VersionMismatch = "VERSION_MISMATCH", validation::VERSION_MISMATCH;

    /// The tool ran and failed.
    ToolExecutionFailed = "TOOL_EXECUTION_FAILED", runtime::TOOL_EXECUTION_FAILED;
    /// No result came before the deadline; the tool may have run.
    Timeout = "TIMEOUT", runtime::TIMEOUT;
    /// A limit on concurrent work or on memory is reached.
    ResourceExhausted = "RESOURCE_EXHAUSTED", runtime::RESOURCE_EXHAUSTED;
    /// Something that the tool needs does not answer.
    DependencyUnavailable = "DEPENDENCY_UNAVAILABLE", runtime::DEPENDENCY_UNAVAILABLE;
    /// The tool could not process this data.
    DataProcessingError = "DATA_PROCESSING_ERROR", runtime::DATA_PROCESSING_ERROR;
    /// The runtime was lost while it held the call.
    RuntimeCrash = "RUNTIME_CRASH", runtime::RUNTIME_CRASH;
    /// No runtime can take the call at present; nothing ran.
    ServiceUnavailable = "SERVICE_UNAVAILABLE", runtime::SERVICE_UNAVAILABLE;
    /// A client's own local execution failed. The host never emits it.
    LocalExecutionFailed = "LOCAL_EXECUTION_FAILED", runtime::LOCAL_EXECUTION_FAILED;
    /// Data do not match the digest that was recorded for them (Q50).
    DataCorruption = "DATA_CORRUPTION", runtime::DATA_CORRUPTION;
    /// The call ran, but its outcome could not be stored; never a success.
    OutcomeUnaudited = "OUTCOME_UNAUDITED", runtime::OUTCOME_UNAUDITED;
    /// The caller or an operator stopped the call.
    Cancelled = "CANCELLED", runtime::CANCELLED;

    /// A connection could not be made or broke.
    ConnectionFailed = "CONNECTION_FAILED", transport::CONNECTION_FAILED;
    /// The peer did not answer at the transport's level in time.
    NetworkTimeout = "NETWORK_TIMEOUT", transport::NETWORK_TIMEOUT;
    /// The two sides could not agree on a TLS session.
    TlsHandshakeFailed = "TLS_HANDSHAKE_FAILED", transport::TLS_HANDSHAKE_FAILED;
    /// A peer sent what the protocol does not allow at this point.
    ProtocolViolation = "PROTOCOL_VIOLATION", transport::PROTOCOL_VIOLATION;
    /// A message is larger than the limit.
    MessageTooLarge = "MESSAGE_TOO_LARGE", transport::MESSAGE_TOO_LARGE;
    /// Bytes of a peer program could not be decoded, or a value not encoded.
    SerializationError = "SERIALIZATION_ERROR", transport::SERIALIZATION_ERROR;
    /// A client's breaker towards the host is open. The host never emits it.
    HostUnavailable = "HOST_UNAVAILABLE", transport::HOST_UNAVAILABLE;

    /// The configuration or the manifest is wrong.
    InvalidConfig = "INVALID_CONFIG", configuration::INVALID_CONFIG;
    /// The manifest that the mode needs is not there.
    MissingManifest = "MISSING_MANIFEST", configuration::MISSING_MANIFEST;
    /// The mode is unknown, or settings contradict it.
    IncompatibleMode = "INCOMPATIBLE_MODE", configuration::INCOMPATIBLE_MODE;
    /// A key or certificate cannot be used.
    CertificateError = "CERTIFICATE_ERROR", configuration::CERTIFICATE_ERROR;
    /// The surroundings do not allow this configuration.
    EnvironmentError = "ENVIRONMENT_ERROR", configuration::ENVIRONMENT_ERROR;
    /// The message is known, but this host or this mode does not serve it.
    FeatureUnavailable = "FEATURE_UNAVAILABLE", configuration::FEATURE_UNAVAILABLE;
    /// The audit log cannot be written, so nothing runs.
    AuditUnavailable = "AUDIT_UNAVAILABLE", configuration::AUDIT_UNAVAILABLE;
}

impl Code {
    /// Whether the same request may be sent again as it is. `repeatable`: a second run does no harm, because the
    /// contract says `pure` or `read`, or because nothing was sent to a runtime.
    #[must_use]
    pub const fn retry_allowed(self, repeatable: bool) -> bool {
        self.facts().retry.retry_allowed(repeatable)
    }

    /// How long to wait before the first repeat, in milliseconds, where the host knows no better time.
    #[must_use]
    pub const fn retry_after_ms(self) -> Option<u64> {
        self.facts().retry.retry_after_ms()
    }

    /// How often to repeat at most, the first attempt not counted.
    #[must_use]
    pub const fn max_retries(self) -> u32 {
        self.facts().retry.max_retries()
    }

    /// Whether the caller's own doing led here, so that it never counts against a runtime.
    #[must_use]
    pub const fn client_fault(self) -> bool {
        matches!(self.facts().fault, Fault::Caller)
    }

    /// Whether one occurrence opens a breaker at once. The host raises these from tamper detection and
    /// output checks only; a peer that sends one has said nothing.
    #[must_use]
    pub const fn security(self) -> bool {
        matches!(self, Self::SecurityViolation | Self::DataCorruption | Self::SystemCompromise)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Code {
    type Err = Unknown;

    fn from_str(wire: &str) -> Result<Self, Unknown> {
        Self::ALL.into_iter().find(|code| code.as_str() == wire).ok_or(Unknown)
    }
}

#[cfg(test)]
mod tests;

"""One exception for each code of the closed set. Generated from `docs/errors` by `generate.sh`."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from altar_grid._fault import (
    AuthorizationError,
    Category,
    ConfigurationError,
    GridError,
    Retry,
    Severity,
    ToolRuntimeError,
    TransportError,
    ValidationError,
)


class Code(str, Enum):
    """The closed set; `docs/errors` has a page for each."""

    INSUFFICIENT_SCOPE = "INSUFFICIENT_SCOPE"
    INVALID_CREDENTIALS = "INVALID_CREDENTIALS"
    PERMISSION_DENIED = "PERMISSION_DENIED"
    POLICY_VIOLATION = "POLICY_VIOLATION"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    SECURITY_VIOLATION = "SECURITY_VIOLATION"
    SESSION_EXPIRED = "SESSION_EXPIRED"
    SYSTEM_COMPROMISE = "SYSTEM_COMPROMISE"
    INVALID_SESSION = "INVALID_SESSION"
    INVALID_TOOL_ARGS = "INVALID_TOOL_ARGS"
    MALFORMED_REQUEST = "MALFORMED_REQUEST"
    SCHEMA_VIOLATION = "SCHEMA_VIOLATION"
    UNSUPPORTED_TOOL = "UNSUPPORTED_TOOL"
    VERSION_MISMATCH = "VERSION_MISMATCH"
    CANCELLED = "CANCELLED"
    DATA_CORRUPTION = "DATA_CORRUPTION"
    DATA_PROCESSING_ERROR = "DATA_PROCESSING_ERROR"
    DEPENDENCY_UNAVAILABLE = "DEPENDENCY_UNAVAILABLE"
    LOCAL_EXECUTION_FAILED = "LOCAL_EXECUTION_FAILED"
    OUTCOME_UNAUDITED = "OUTCOME_UNAUDITED"
    RESOURCE_EXHAUSTED = "RESOURCE_EXHAUSTED"
    RUNTIME_CRASH = "RUNTIME_CRASH"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    TIMEOUT = "TIMEOUT"
    TOOL_EXECUTION_FAILED = "TOOL_EXECUTION_FAILED"
    CONNECTION_FAILED = "CONNECTION_FAILED"
    HOST_UNAVAILABLE = "HOST_UNAVAILABLE"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    NETWORK_TIMEOUT = "NETWORK_TIMEOUT"
    PROTOCOL_VIOLATION = "PROTOCOL_VIOLATION"
    SERIALIZATION_ERROR = "SERIALIZATION_ERROR"
    TLS_HANDSHAKE_FAILED = "TLS_HANDSHAKE_FAILED"
    AUDIT_UNAVAILABLE = "AUDIT_UNAVAILABLE"
    CERTIFICATE_ERROR = "CERTIFICATE_ERROR"
    ENVIRONMENT_ERROR = "ENVIRONMENT_ERROR"
    FEATURE_UNAVAILABLE = "FEATURE_UNAVAILABLE"
    INCOMPATIBLE_MODE = "INCOMPATIBLE_MODE"
    INVALID_CONFIG = "INVALID_CONFIG"
    MISSING_MANIFEST = "MISSING_MANIFEST"


class InsufficientScope(AuthorizationError):
    """The principal may do this, but the token it used covers less."""

    code = Code.INSUFFICIENT_SCOPE.value
    meaning = "The principal may do this, but the token it used covers less."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="rights")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "use a token that covers this operation; do not repeat the request with the same one",
        "ask an operator for a wider token: `grid token new --principal P --tenant T --role R`",
    )


class InvalidCredentials(AuthorizationError):
    """The host cannot tell who is asking: there is no token, or it does not verify."""

    code = Code.INVALID_CREDENTIALS.value
    meaning = "The host cannot tell who is asking: there is no token, or it does not verify."
    severity = Severity.ERROR
    retry = Retry("after_renewal", of="credential")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "get a new token and send the request again: `grid token new --principal P --tenant T --role R`",
        "send the token with every request, not only with the first",
        "check that the clocks of both machines agree and that the token comes from this host's issuer",
    )


class PermissionDenied(AuthorizationError):
    """The host knows who is asking, and this caller may not call this function."""

    code = Code.PERMISSION_DENIED.value
    meaning = "The host knows who is asking, and this caller may not call this function."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="rights")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "compare the roles that the contract requires with those of your token; `grid tools` lists the contracts",
        "ask an operator for a token with the missing role: `grid token new --principal P --tenant T --role R`",
        "leave out a security context that differs from your token; it can narrow your rights, never widen them",
    )


class PolicyViolation(AuthorizationError):
    """A rule of the host forbids this request, whatever roles the caller has."""

    code = Code.POLICY_VIOLATION.value
    meaning = "A rule of the host forbids this request, whatever roles the caller has."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="rights")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "read the message: it names the rule in words; change the request so that it no longer applies",
        "at the limit of 50 dynamic tools a session, register fewer or open another session",
        "ask an operator whether the rule is meant for this case; they find the decision with `grid audit tail`",
    )


class RateLimitExceeded(AuthorizationError):
    """Too many requests came in too short a time."""

    code = Code.RATE_LIMIT_EXCEEDED.value
    meaning = "Too many requests came in too short a time."
    severity = Severity.WARNING
    retry = Retry("after", after_ms=1_000, at_most=5)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "wait for `retry_after_ms`, then send the request again; double the wait after each refusal",
        "spread the calls out, or ask an operator for a higher limit",
    )


class SecurityViolation(AuthorizationError):
    """The host detected tampering."""

    code = Code.SECURITY_VIOLATION.value
    meaning = "The host detected tampering."
    severity = Severity.CRITICAL
    retry = Retry("never")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "stop, and hand the correlation id to whoever is responsible for security",
        "operator: read what happened with `grid audit tail` before you let the runtime back in",
        "operator: replace the credentials of every party to this call",
    )


class SessionExpired(AuthorizationError):
    """The session is yours, and its time to live is over."""

    code = Code.SESSION_EXPIRED.value
    meaning = "The session is yours, and its time to live is over."
    severity = Severity.WARNING
    retry = Retry("after_renewal", of="session")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "open a new session with CreateSession and send the call again under its id",
        "ask for a longer time to live next time: the default is 3600 s, the most is 86400 s",
    )


class SystemCompromise(AuthorizationError):
    """A part of the system can no longer be trusted."""

    code = Code.SYSTEM_COMPROMISE.value
    meaning = "A part of the system can no longer be trusted."
    severity = Severity.FATAL
    retry = Retry("never")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "stop sending work to this host, and hand the correlation id to whoever is responsible for security",
        "operator: take the host off the network, and keep its disk and its audit log as they are",
        "operator: rebuild from a known source and replace all keys before you serve again",
    )


class InvalidSession(ValidationError):
    """The host has no session of yours under that id, or it is not in the state that the request needs."""

    code = Code.INVALID_SESSION.value
    meaning = "The host has no session of yours under that id, or it is not in the state that the request needs."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="request")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "open a session with CreateSession and use the id that the host answers, not the one that you suggested",
        "use the credentials that opened the session; `grid sessions` shows an operator who that was",
        "where `details` says `state` is `busy`, wait for the calls in flight or end the session with force",
    )


class InvalidToolArgs(ValidationError):
    """The arguments do not fit the contract."""

    code = Code.INVALID_TOOL_ARGS.value
    meaning = "The arguments do not fit the contract."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="request")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "correct each argument that `details` names; it gives the place and what is expected there",
        "compare the arguments with the contract's parameters; `grid tools` lists the contracts",
        "remove arguments that the contract does not declare, and send numbers as numbers, not as text",
    )


class MalformedRequest(ValidationError):
    """The message cannot be read, or lacks something that it must have."""

    code = Code.MALFORMED_REQUEST.value
    meaning = "The message cannot be read, or lacks something that it must have."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="request")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "correct what the message names: a missing field, JSON that cannot be read, a value out of range",
        "send JSON without duplicate keys, at most 64 levels deep",
        "use a new `call_id` for a call with other arguments",
    )


class SchemaViolation(ValidationError):
    """What was sent can be read, but it is not a structure of the data model."""

    code = Code.SCHEMA_VIOLATION.value
    meaning = "What was sent can be read, but it is not a structure of the data model."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="request")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "correct each place that `details` names, then send it again",
        "for a contract or a tool declaration, run `grid check` on the manifest; it reports all problems at once",
    )


class UnsupportedTool(ValidationError):
    """The session sees no contract of that name."""

    code = Code.UNSUPPORTED_TOOL.value
    meaning = "The session sees no contract of that name."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="contract")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "check the spelling and the version of the name; `grid tools` lists what can be called",
        "in STRICT mode, an operator adds the contract to the manifest and restarts the host",
        "in DEVELOPMENT mode, register the tool in this very session; tools of another session are not visible",
    )


class VersionMismatch(ValidationError):
    """The two sides share no version of the protocol."""

    code = Code.VERSION_MISMATCH.value
    meaning = "The two sides share no version of the protocol."
    severity = Severity.ERROR
    retry = Retry("after_renewal", of="negotiation")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "announce again with the version that `details` names as `supported`",
        "update the older side; hosts and libraries of one major version understand each other",
    )


class Cancelled(ToolRuntimeError):
    """Somebody stopped the call: its caller, or an operator."""

    code = Code.CANCELLED.value
    meaning = "Somebody stopped the call: its caller, or an operator."
    severity = Severity.INFO
    retry = Retry("never")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "nothing to mend: the call was stopped because somebody asked for it",
        "treat a call that writes as possibly done: look at what it was to change",
        "send the call anew, with a new `call_id`, when it is wanted after all",
    )


class DataCorruption(ToolRuntimeError):
    """Data are not what was recorded for them."""

    code = Code.DATA_CORRUPTION.value
    meaning = "Data are not what was recorded for them."
    severity = Severity.CRITICAL
    retry = Retry("never")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "do not use the result; hand the correlation id to an operator",
        "operator: compare what was recorded with what came: `grid audit show INVOCATION`",
        "operator: take the runtime out of service until the cause is known",
    )


class DataProcessingError(ToolRuntimeError):
    """The tool understood the call, but could not process the data in it."""

    code = Code.DATA_PROCESSING_ERROR.value
    meaning = "The tool understood the call, but could not process the data in it."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="request")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "change the data: the tool understood the call but could not process what it was given",
        "try a smaller piece of the same data to find the part that fails",
    )


class DependencyUnavailable(ToolRuntimeError):
    """Something that the tool needs does not answer."""

    code = Code.DEPENDENCY_UNAVAILABLE.value
    meaning = "Something that the tool needs does not answer."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=5_000, at_most=3)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "wait until what the tool needs is back; the message names it where the tool does",
        "before you repeat a call that writes, find out what the first run did: `grid audit show INVOCATION`",
        "operator: mend the dependency, or the runtime's way to it",
    )


class LocalExecutionFailed(ToolRuntimeError):
    """A client ran a tool locally, and that failed."""

    code = Code.LOCAL_EXECUTION_FAILED.value
    meaning = "A client ran a tool locally, and that failed."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=1_000, at_most=1)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "read the local error in the client's log; the host has not seen this run",
        "send the call to the host instead where the local run had not begun, or does nothing but read",
    )


class OutcomeUnaudited(ToolRuntimeError):
    """The call ran, but its outcome could not be stored, so the host does not report it as a success."""

    code = Code.OUTCOME_UNAUDITED.value
    meaning = "The call ran, but its outcome could not be stored, so the host does not report it as a success."
    severity = Severity.CRITICAL
    retry = Retry("never")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "treat the call as done and not recorded: look at what it was to change; do not repeat it blindly",
        "hand the invocation id to an operator",
        "operator: mend the audit log, then see what it holds of the call: `grid audit show INVOCATION`",
    )


class ResourceExhausted(ToolRuntimeError):
    """A limit on concurrent work is reached."""

    code = Code.RESOURCE_EXHAUSTED.value
    meaning = "A limit on concurrent work is reached."
    severity = Severity.WARNING
    retry = Retry("if_repeatable", after_ms=30_000, at_most=3)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "wait for `retry_after_ms`, then send fewer calls at a time",
        "end sessions that are not needed; an operator sees them with `grid sessions`",
        "operator: start another runtime of the same provider; `grid runtimes` shows how many calls each one holds",
    )


class RuntimeCrash(ToolRuntimeError):
    """The runtime was lost while it held the call."""

    code = Code.RUNTIME_CRASH.value
    meaning = "The runtime was lost while it held the call."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=1_000, at_most=2)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "treat the call as possibly done: look at what it was to change before you repeat a call that writes",
        "operator: see whether the runtime is back with `grid runtimes`, and read its own log for the cause",
        "where the same arguments fail twice, stop: they may be what brings the runtime down",
    )


class ServiceUnavailable(ToolRuntimeError):
    """The contract exists, but no runtime can take the call at present."""

    code = Code.SERVICE_UNAVAILABLE.value
    meaning = "The contract exists, but no runtime can take the call at present."
    severity = Severity.ERROR
    retry = Retry("after", after_ms=1_000, at_most=5)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "wait for `retry_after_ms`, then send the call again; nothing ran",
        "operator: start a runtime that fulfils the contract; `grid runtimes` lists those that are connected",
    )


class Timeout(ToolRuntimeError):
    """No result came before the call's deadline; the tool may have run all the same."""

    code = Code.TIMEOUT.value
    meaning = "No result came before the call's deadline; the tool may have run all the same."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=1_000, at_most=2)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "treat the call as possibly done: look at what it was to change before you repeat a call that writes",
        "ask for less in one call, or give it a later deadline within the contract's timeout",
        "operator: raise the contract's timeout (default 30 s, at most 300 s) or look for a slow runtime with `grid runtimes`",
    )


class ToolExecutionFailed(ToolRuntimeError):
    """The tool ran and failed."""

    code = Code.TOOL_EXECUTION_FAILED.value
    meaning = "The tool ran and failed."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=5_000, at_most=3)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "read the tool's own message; it says what failed",
        "before you repeat a call that writes, find out what the first run did: `grid audit show INVOCATION`",
        "operator: look for the invocation id in the runtime's own log",
    )


class ConnectionFailed(TransportError):
    """A connection could not be made, or broke before the answer came."""

    code = Code.CONNECTION_FAILED.value
    meaning = "A connection could not be made, or broke before the answer came."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=1_000, at_most=5)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "connect again, and double the wait after each failure",
        "repeat under the same `call_id` and session within 300 s: a call that writes is then not run twice",
        "check the address and that the host is up; an operator checks runtimes with `grid runtimes`",
    )


class HostUnavailable(TransportError):
    """A client has stopped trying this host for a while, because it failed repeatedly."""

    code = Code.HOST_UNAVAILABLE.value
    meaning = "A client has stopped trying this host for a while, because it failed repeatedly."
    severity = Severity.ERROR
    retry = Retry("after", after_ms=30_000, at_most=3)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "wait for `retry_after_ms`; the client then tries the host again by itself; nothing was sent",
        "use another host where there is one",
        "check that the host is up, and that the address is right",
    )


class MessageTooLarge(TransportError):
    """A message is larger than the limit."""

    code = Code.MESSAGE_TOO_LARGE.value
    meaning = "A message is larger than the limit."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="request")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "send less: the limit is 4 MiB a message unless the operator changed it; split the work into several calls",
        "pass a reference to large data instead of the data",
        "operator: the limit in force is in `grid config dump`",
    )


class NetworkTimeout(TransportError):
    """The other side did not answer at the transport's level in time."""

    code = Code.NETWORK_TIMEOUT.value
    meaning = "The other side did not answer at the transport's level in time."
    severity = Severity.ERROR
    retry = Retry("if_repeatable", after_ms=1_000, at_most=5)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "repeat under the same `call_id` and session within 300 s: a call that writes is then not run twice",
        "double the wait after each failure, and try another host where there is one",
        "check the path between the two machines: firewall, proxy, load",
    )


class ProtocolViolation(TransportError):
    """A peer sent something that the protocol does not allow at this point."""

    code = Code.PROTOCOL_VIOLATION.value
    meaning = "A peer sent something that the protocol does not allow at this point."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="program")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "report it to whoever maintains the program that speaks to the host; a repeat does the same",
        "use a current client library or runtime library",
        "operator: see which peer it was and what it sent: `grid audit tail`",
    )


class SerializationError(TransportError):
    """Bytes that a program sent could not be decoded, or a value could not be encoded."""

    code = Code.SERIALIZATION_ERROR.value
    meaning = "Bytes that a program sent could not be decoded, or a value could not be encoded."
    severity = Severity.ERROR
    retry = Retry("after_fix", of="program")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "report it to whoever maintains the tool or the library that made the bytes; a repeat does the same",
        "check that both sides were built from the same protocol files",
    )


class TlsHandshakeFailed(TransportError):
    """The two sides could not agree on a TLS session."""

    code = Code.TLS_HANDSHAKE_FAILED.value
    meaning = "The two sides could not agree on a TLS session."
    severity = Severity.ERROR
    retry = Retry("after", after_ms=5_000, at_most=1)
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "check that both sides speak TLS on this port, and that the certificate is valid for the name you dialled",
        "check the clock and the trusted roots of the machine that dials",
        "repeat once at most; a certificate does not mend itself",
    )


class AuditUnavailable(ConfigurationError):
    """The audit log cannot be written, so nothing runs."""

    code = Code.AUDIT_UNAVAILABLE.value
    meaning = "The audit log cannot be written, so nothing runs."
    severity = Severity.CRITICAL
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "tell an operator; the host runs nothing that it cannot record, and it ran nothing here",
        "operator: free space on the disk of the audit log, or mend it, and check that the host may write there",
        "operator: where `/readyz` says `audit_waits_for_witnesses`, let the host reach those of `witness.file`",
        "operator: see that records come again with `grid audit tail`, then let callers send their requests again",
    )


class CertificateError(ConfigurationError):
    """A key or a certificate that the host needs cannot be used."""

    code = Code.CERTIFICATE_ERROR.value
    meaning = "A key or a certificate that the host needs cannot be used."
    severity = Severity.CRITICAL
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "operator: replace the key or the certificate that the message names, then run `grid check`",
        "operator: check its dates, its form, and that the host may read the file",
    )


class GridEnvironmentError(ConfigurationError):
    """The configuration is fine in itself, but not in these surroundings, and the host does not start."""

    code = Code.ENVIRONMENT_ERROR.value
    meaning = "The configuration is fine in itself, but not in these surroundings, and the host does not start."
    severity = Severity.FATAL
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "operator: in production (GRID_ENVIRONMENT=production) run in STRICT mode",
        "operator: off loopback, do not serve plaintext; `server.allow_plaintext = true` accepts the risk on a closed network",
        "operator: run `grid check` on the machine and as the user that runs the host",
    )


class FeatureUnavailable(ConfigurationError):
    """The host knows this message, but does not serve it, or not in this mode."""

    code = Code.FEATURE_UNAVAILABLE.value
    meaning = "The host knows this message, but does not serve it, or not in this mode."
    severity = Severity.WARNING
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "do without this message: send the call to the host with ToolCall instead of running it locally",
        "register tools in DEVELOPMENT mode only; in STRICT mode an operator adds them to the manifest",
        "look at the features that the host named in the handshake before you use one",
    )


class IncompatibleMode(ConfigurationError):
    """The mode is unknown, or other settings contradict it, and the host does not start."""

    code = Code.INCOMPATIBLE_MODE.value
    meaning = "The mode is unknown, or other settings contradict it, and the host does not start."
    severity = Severity.FATAL
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "operator: choose STRICT or DEVELOPMENT, and switch dynamic registration off in STRICT",
        "operator: run `grid check` before you start the host again",
    )


class InvalidConfig(ConfigurationError):
    """The configuration or the manifest is wrong, and the host does not start."""

    code = Code.INVALID_CONFIG.value
    meaning = "The configuration or the manifest is wrong, and the host does not start."
    severity = Severity.FATAL
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "operator: run `grid check`; it names every problem with its path in the file",
        "operator: compare with the settings in force: `grid config dump`",
    )


class MissingManifest(ConfigurationError):
    """The manifest that the mode needs is not there, and the host does not start."""

    code = Code.MISSING_MANIFEST.value
    meaning = "The manifest that the mode needs is not there, and the host does not start."
    severity = Severity.FATAL
    retry = Retry("after_fix", of="host")
    usual_remediation: ClassVar[tuple[str, ...]] = (
        "operator: put the manifest where the configuration says, readable for the host, then run `grid check`",
        "operator: see which path the host looks at: `grid config dump`",
    )


BY_CODE: dict[str, type[GridError]] = {
    "INSUFFICIENT_SCOPE": InsufficientScope,
    "INVALID_CREDENTIALS": InvalidCredentials,
    "PERMISSION_DENIED": PermissionDenied,
    "POLICY_VIOLATION": PolicyViolation,
    "RATE_LIMIT_EXCEEDED": RateLimitExceeded,
    "SECURITY_VIOLATION": SecurityViolation,
    "SESSION_EXPIRED": SessionExpired,
    "SYSTEM_COMPROMISE": SystemCompromise,
    "INVALID_SESSION": InvalidSession,
    "INVALID_TOOL_ARGS": InvalidToolArgs,
    "MALFORMED_REQUEST": MalformedRequest,
    "SCHEMA_VIOLATION": SchemaViolation,
    "UNSUPPORTED_TOOL": UnsupportedTool,
    "VERSION_MISMATCH": VersionMismatch,
    "CANCELLED": Cancelled,
    "DATA_CORRUPTION": DataCorruption,
    "DATA_PROCESSING_ERROR": DataProcessingError,
    "DEPENDENCY_UNAVAILABLE": DependencyUnavailable,
    "LOCAL_EXECUTION_FAILED": LocalExecutionFailed,
    "OUTCOME_UNAUDITED": OutcomeUnaudited,
    "RESOURCE_EXHAUSTED": ResourceExhausted,
    "RUNTIME_CRASH": RuntimeCrash,
    "SERVICE_UNAVAILABLE": ServiceUnavailable,
    "TIMEOUT": Timeout,
    "TOOL_EXECUTION_FAILED": ToolExecutionFailed,
    "CONNECTION_FAILED": ConnectionFailed,
    "HOST_UNAVAILABLE": HostUnavailable,
    "MESSAGE_TOO_LARGE": MessageTooLarge,
    "NETWORK_TIMEOUT": NetworkTimeout,
    "PROTOCOL_VIOLATION": ProtocolViolation,
    "SERIALIZATION_ERROR": SerializationError,
    "TLS_HANDSHAKE_FAILED": TlsHandshakeFailed,
    "AUDIT_UNAVAILABLE": AuditUnavailable,
    "CERTIFICATE_ERROR": CertificateError,
    "ENVIRONMENT_ERROR": GridEnvironmentError,
    "FEATURE_UNAVAILABLE": FeatureUnavailable,
    "INCOMPATIBLE_MODE": IncompatibleMode,
    "INVALID_CONFIG": InvalidConfig,
    "MISSING_MANIFEST": MissingManifest,
}

__all__ = [
    "AuditUnavailable",
    "BY_CODE",
    "Cancelled",
    "Category",
    "CertificateError",
    "Code",
    "ConnectionFailed",
    "DataCorruption",
    "DataProcessingError",
    "DependencyUnavailable",
    "FeatureUnavailable",
    "GridEnvironmentError",
    "HostUnavailable",
    "IncompatibleMode",
    "InsufficientScope",
    "InvalidConfig",
    "InvalidCredentials",
    "InvalidSession",
    "InvalidToolArgs",
    "LocalExecutionFailed",
    "MalformedRequest",
    "MessageTooLarge",
    "MissingManifest",
    "NetworkTimeout",
    "OutcomeUnaudited",
    "PermissionDenied",
    "PolicyViolation",
    "ProtocolViolation",
    "RateLimitExceeded",
    "ResourceExhausted",
    "RuntimeCrash",
    "SchemaViolation",
    "SecurityViolation",
    "SerializationError",
    "ServiceUnavailable",
    "SessionExpired",
    "SystemCompromise",
    "Timeout",
    "TlsHandshakeFailed",
    "ToolExecutionFailed",
    "UnsupportedTool",
    "VersionMismatch",
]

"""Everything that this package raises: one exception class for each code of the closed set, under a class for each
category, under `GridError`.

    try:
        answer = client.call("refund", {"order": "A-17"})
    except PermissionDenied as error:
        print(error.message, error.remediation)
    except GridError as error:
        if error.retry_allowed: ...
"""

from __future__ import annotations

from altar_grid import _codes
from altar_grid._codes import *  # noqa: F403 - the classes of the codes, as generated
from altar_grid._codes import BY_CODE, InvalidConfig, InvalidToolArgs, ProtocolViolation
from altar_grid._fault import (
    Attempt,
    AuthorizationError,
    ConfigurationError,
    GridError,
    Retry,
    Severity,
    ToolRuntimeError,
    TransportError,
    ValidationError,
)
from altar_grid._wire.grid.v1 import errors_pb2


class ToolFailed(ToolRuntimeError):
    """The tool ran and answered an error of its own: `code` is the tool's own word, `message` its explanation."""

    def __init__(self, message: str, *, code: str = "", tool: str = "", **more: object) -> None:
        super().__init__(message, tool=tool, **more)  # type: ignore[arg-type]
        self.code = code or "TOOL_EXECUTION_FAILED"

    def __str__(self) -> str:
        return f"the tool `{self.tool}` failed with {self.code}: {self.message} ({self.correlation_id})"


class UnknownCode(GridError):
    """A refusal with a code that this version of the package does not know; `code` has it as the host said it."""


class BadAnswer(ProtocolViolation):
    """An answer that no correct host gives. It is never taken for a success."""


class SettingError(InvalidConfig, ValueError):
    """Something was set up or passed wrongly here; nothing was sent."""

    usual_remediation = ()


class ArgumentsError(InvalidToolArgs, ValueError):
    """Arguments that are no JSON object, found before anything was sent."""

    usual_remediation = ()


def from_wire(error: errors_pb2.EnhancedError, *, invocation_id: str = "", repeated: bool = False) -> GridError:
    """The exception for a refusal as it came over the wire.

    Args:
        error: The refusal.
        invocation_id: The host's id of the execution, where one was admitted.
        repeated: Whether the host answered as it did the first time.
    """
    kind = BY_CODE.get(error.type, UnknownCode)
    fault = kind(
        error.message or kind.meaning or "the host gave no reason",
        details=error.details,
        remediation=list(error.remediation_steps) or None,
        retry_allowed=error.retry_allowed,
        retry_after_ms=error.retry_after_ms,
        max_retries=error.max_retries or None,
        correlation_id=error.correlation_id,
        invocation_id=invocation_id,
        session_id=error.session_id,
        tool=error.tool_name,
        runtime_id=error.runtime_id,
        component=error.component or "host",
        refused=True,
        repeated=repeated,
        caused_by=[from_wire(cause) for cause in error.caused_by],
    )
    if isinstance(fault, UnknownCode):
        fault.code = error.type or "UNKNOWN"
    return fault


__all__ = [
    "ArgumentsError",
    "Attempt",
    "AuthorizationError",
    "BadAnswer",
    "ConfigurationError",
    "GridError",
    "Retry",
    "SettingError",
    "Severity",
    "ToolFailed",
    "ToolRuntimeError",
    "TransportError",
    "UnknownCode",
    "ValidationError",
    "from_wire",
]
__all__ += _codes.__all__

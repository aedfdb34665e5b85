"""What a local run is reported as: to the host, and to the caller."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Final

from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.adm import FunctionCall
from altar_grid.client.answer import CallAnswer
from altar_grid.errors import GridError, ToolFailed
from altar_grid.later import Run
from altar_grid.local.grant import Grant
from altar_grid.local.modes import ExecutionMode

_NO_ANSWER: Final = frozenset({"not_found", "arguments", "busy", "timeout", "serialization", "cancelled"})
NO_ANSWER_TYPE: Final = "LOCAL_EXECUTION_FAILED"
"""Type of error by which the host knows that the tool gave no answer of its own."""


@dataclass(frozen=True)
class LocalAnswer:
    """How a call ended, and where.

    Attributes:
        answer: The tool's content or its error, as a remote call has it.
        mode: The mode that counted.
        final_mode: REMOTE where a runtime ran it, otherwise the local mode by which it ran here.
        governed: Whether a grant stood behind a local run.
        fallback_attempted: Whether it was to run here and went to a runtime.
        fallback_reason: Why; the code of what went wrong here, and words. Empty where it did not.
        grant_id: Invocation id of the grant that was asked for first, where a fallback followed one.
        content_digest: SHA-256 of the content, or of the error's message, as reported; `sha256:<hex>`, else empty.
        args_digest: SHA-256 over the canonical arguments that it ran with; `sha256:<hex>`, else empty.
    """

    answer: CallAnswer
    mode: ExecutionMode
    final_mode: ExecutionMode
    governed: bool = False
    fallback_attempted: bool = False
    fallback_reason: str = ""
    grant_id: str = ""
    content_digest: str = ""
    args_digest: str = ""

    @property
    def ok(self) -> bool:
        """Whether the tool succeeded."""
        return self.answer.ok

    @property
    def value(self) -> Any:
        """What the tool answered, as Python's own types.

        Raises:
            ToolFailed: The tool answered an error.
        """
        return self.answer.value


@dataclass(frozen=True)
class Fallback:
    """Why a call that was to run here goes to a runtime."""

    code: str
    reason: str
    grant_id: str = ""
    run: Run | None = None

    @property
    def words(self) -> str:
        """Code and reason."""
        return f"{self.code}: {self.reason}"


def outcome_request(
    session_id: str, call: FunctionCall, correlation_id: str, grant: Grant, run: Run, ended_ms: int
) -> local_pb2.LogToolResultRequest:
    """The report of a run. An error that is not the tool's own goes under `LOCAL_EXECUTION_FAILED`."""
    result = adm_pb2.ToolResult(call_id=call.call_id, name=call.name)
    if run.content is not None:
        result.status = adm_pb2.TOOL_RESULT_STATUS_SUCCESS
        result.content = run.content
    else:
        kind, message = error_of(run)
        result.status = adm_pb2.TOOL_RESULT_STATUS_ERROR
        result.error.type = NO_ANSWER_TYPE if run.ending in _NO_ANSWER else kind
        result.error.message = f"{kind}: {message}" if run.ending in _NO_ANSWER else message
    return local_pb2.LogToolResultRequest(
        session_id=session_id,
        invocation_id=grant.invocation_id,
        correlation_id=correlation_id,
        result=result,
        execution_time_ms=int(run.seconds * 1000),
        timestamp=ended_ms,
        grant=grant.leaf,
        args_digest=grant.args_digest,
        execution_metadata={"language": "python"},
    )


def error_of(run: Run) -> tuple[str, str]:
    """Type and message of a run's error; empty where it succeeded."""
    error = run.result.error
    return ("", "") if error is None else (error.type or "TOOL_EXECUTION_FAILED", error.message)


def call_answer(call: FunctionCall, run: Run, invocation_id: str, correlation_id: str) -> CallAnswer:
    """A local run as a caller knows remote ones."""
    failure = None
    if run.content is None:
        kind, message = error_of(run)
        failure = ToolFailed(
            message,
            code=kind,
            tool=call.name,
            invocation_id=invocation_id,
            correlation_id=correlation_id,
            details={"ending": run.ending},
        )
    return CallAnswer(
        call_id=call.call_id,
        name=call.name,
        content=run.content,
        failure=failure,
        invocation_id=invocation_id,
        correlation_id=correlation_id,
    )


def local_answer(
    call: FunctionCall, run: Run, mode: ExecutionMode, correlation_id: str, invocation_id: str
) -> LocalAnswer:
    """The answer of a run here; governed where there is an invocation id."""
    answer = call_answer(call, run, invocation_id, correlation_id)
    return LocalAnswer(answer, mode, mode, governed=bool(invocation_id))


def content_digest(request: local_pb2.LogToolResultRequest) -> str:
    """The digest that the host keeps of a report's content."""
    result = request.result
    text: str = result.content if result.HasField("content") else result.error.message
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def noted(fault: GridError, fallback: Fallback | None, mode: ExecutionMode) -> GridError:
    """A fault with what was tried before it in `details`: `fallback_attempted`, `final_execution_mode` and so on."""
    fault.details.setdefault("fallback_attempted", json.dumps(fallback is not None))
    fault.details.setdefault("final_execution_mode", mode.value)
    if fallback is not None:
        fault.details.setdefault("error_type", NO_ANSWER_TYPE)
        fault.details.setdefault("fallback_reason", fallback.words)
    return fault

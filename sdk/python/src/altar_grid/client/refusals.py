"""Finds the refusal in an answer, and raises nothing itself: what is neither a yes nor a refusal is a bad answer."""

from __future__ import annotations

from typing import Any, Protocol

from altar_grid._wire.grid.v1 import call_pb2, errors_pb2, local_pb2
from altar_grid.client.answer import attempts
from altar_grid.errors import BadAnswer, GridError, PermissionDenied, from_wire


class _Refusable(Protocol):
    @property
    def error(self) -> errors_pb2.EnhancedError: ...

    def HasField(self, field_name: Any, /) -> bool: ...


def plain_refusal(answer: _Refusable) -> GridError | None:
    """The refusal of an answer that has one in its field `error`."""
    return from_wire(answer.error) if answer.HasField("error") else None


def call_refusal(answer: call_pb2.CallToolResponse) -> GridError | None:
    """The refusal of a call."""
    if answer.WhichOneof("outcome") != "error":
        return None
    fault = from_wire(answer.error, invocation_id=answer.invocation_id, repeated=answer.repeated)
    fault.attempts = attempts(answer)
    return fault


def pending(answer: local_pb2.AuthorizeToolCallResponse) -> GridError:
    """Neither yes nor no, and no permission: nothing may run (R-102)."""
    if answer.HasField("error"):
        fault = from_wire(answer.error)
    else:
        fault = PermissionDenied("the decision is still pending, so nothing may run; ask again later", refused=True)
    fault.correlation_id = fault.correlation_id or answer.correlation_id
    for name in ("approval_id", "expires_at_ms"):
        if name in answer.execution_context:
            fault.details.setdefault(name, answer.execution_context[name])
    fault.details["state"] = "pending"
    return fault


def denial(answer: local_pb2.AuthorizeToolCallResponse) -> GridError | None:
    """Why an answer lets no call run. Only APPROVED, with an id and a grant, lets a call run (R-100, R-102)."""
    if answer.HasField("status") and answer.status == local_pb2.AuthorizeToolCallResponse.PENDING:
        return pending(answer)
    if answer.HasField("error"):
        return from_wire(answer.error, invocation_id=answer.invocation_id)
    approved = answer.HasField("status") and answer.status == local_pb2.AuthorizeToolCallResponse.APPROVED
    if approved and answer.invocation_id and answer.HasField("grant"):
        return None
    return BadAnswer(
        "the answer neither approves the call with a grant nor refuses it; the call must not run",
        correlation_id=answer.correlation_id,
    )


def report_refusal(answer: local_pb2.LogToolResultResponse) -> GridError | None:
    """The exception for a report that was not taken; `None` where it is on record."""
    if answer.HasField("status") and answer.status == local_pb2.LogToolResultResponse.LOGGED:
        return None
    if answer.HasField("error"):
        return from_wire(answer.error, invocation_id=answer.invocation_id)
    return BadAnswer("the report was neither taken nor refused", correlation_id=answer.correlation_id)

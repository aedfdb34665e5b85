"""The frames that a runtime writes."""

from __future__ import annotations

from dataclasses import dataclass

from altar_grid import _clock
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2, errors_pb2, runtime_pb2
from altar_grid.tools import ToolError

#: Bytes of a message that surround a result.
ENVELOPE = 1_024


@dataclass(frozen=True)
class Job:
    """What a result must repeat of its call."""

    invocation_id: str
    correlation_id: str
    call_id: str
    name: str


def result(job: Job, answer: str | ToolError, limit: int) -> runtime_pb2.RuntimeFrame:
    """The answer to a call: its ids and name unchanged, and exactly one of content and error."""
    if isinstance(answer, str) and not fits(answer, limit):
        advice = "the tool's answer is larger than one message may be; ask for it as a stream, or ask for less"
        answer = ToolError("MESSAGE_TOO_LARGE", advice)
    inner = adm_pb2.ToolResult(call_id=job.call_id, name=job.name)
    if isinstance(answer, ToolError):
        inner.status = adm_pb2.TOOL_RESULT_STATUS_ERROR
        inner.error.type = sendable(answer.kind)
        inner.error.message = sendable(answer.message)
    else:
        inner.status = adm_pb2.TOOL_RESULT_STATUS_SUCCESS
        inner.content = answer
    return runtime_pb2.RuntimeFrame(
        result=call_pb2.ToolResult(invocation_id=job.invocation_id, correlation_id=job.correlation_id, result=inner)
    )


def fits(answer: str, limit: int) -> bool:
    """Whether an answer has room in one message."""
    return _size(answer) <= limit - ENVELOPE


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def sendable(text: str) -> str:
    """A text without what UTF-8 cannot say."""
    return text.encode(errors="replace").decode()


def protocol_error(
    code: str, message: str, *, invocation_id: str = "", correlation_id: str = ""
) -> runtime_pb2.RuntimeFrame:
    """Something from the host that cannot be used; the stream stays up."""
    error = errors_pb2.EnhancedError(
        message=message,
        type=code,
        correlation_id=correlation_id or _clock.correlation_id("runtime"),
        timestamp=_clock.unix_ms(),
        component="runtime",
        severity=errors_pb2.ERROR,
        category=errors_pb2.TRANSPORT,
    )
    return runtime_pb2.RuntimeFrame(error=runtime_pb2.ProtocolError(error=error, invocation_id=invocation_id))


def heartbeat(sequence: int, in_flight: int, room: int, busy_percent: int) -> runtime_pb2.RuntimeFrame:
    """A sign of life, how much room there is, and how busy it is."""
    return runtime_pb2.RuntimeFrame(
        heartbeat=runtime_pb2.Heartbeat(
            sequence=sequence, in_flight=in_flight, free_slots=room, load_percent=busy_percent
        )
    )


def report(sequence: int, why_not: str | None = None) -> runtime_pb2.RuntimeFrame:
    """The answer to what was asked around a swap; a yes where there is no reason."""
    words = sendable(why_not or "")
    return runtime_pb2.RuntimeFrame(
        lifecycle=runtime_pb2.LifecycleReport(sequence=sequence, ok=why_not is None, message=words)
    )


def drain(reason: str, grace: float) -> runtime_pb2.RuntimeFrame:
    """No new calls, please; `grace` is in seconds."""
    return runtime_pb2.RuntimeFrame(drain=runtime_pb2.Drain(reason=reason, grace_ms=int(grace * 1000)))


def bye(reason: str) -> runtime_pb2.RuntimeFrame:
    """The last frame."""
    return runtime_pb2.RuntimeFrame(bye=runtime_pb2.Bye(reason=reason))

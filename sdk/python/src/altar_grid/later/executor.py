"""Runs registered tools: looks up, checks the arguments, runs, and makes a ToolResult of whatever comes of it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from altar_grid.adm import AdmError, FunctionCall, ToolResult, parse
from altar_grid.client.loop import LOOP
from altar_grid.errors import SettingError
from altar_grid.later.registry import Entry, NotRegistered, Registry, SessionRegistry
from altar_grid.runtime.threads import Threads
from altar_grid.tools import CURRENT_CALL, CallInfo, ToolError, caught, write_result

_LOG: Final = logging.getLogger("altar_grid.later")
RESULT_BYTES: Final = (4 << 20) - (64 << 10)
"""The largest result: what fits into a report to the host."""
_GRACE: Final = 1.0

Ending = Literal[
    "success",
    "tool_error",
    "crashed",
    "not_found",
    "arguments",
    "busy",
    "timeout",
    "serialization",
    "cancelled",
    "late",
]
"""How a run ended: the tool's content or its own error; it raised something else; or it was not run, or gave nothing
that can be used. `cancelled` is for runs that their caller left."""

BEFORE_START: Final[frozenset[Ending]] = frozenset({"not_found", "arguments", "busy", "late"})
"""Endings of runs in which the tool was never begun."""


@dataclass(frozen=True)
class Run:
    """What came of a call.

    Attributes:
        result: For the caller.
        ending: How it ended.
        content: The content as JSON text; `None` unless the tool succeeded.
        seconds: How long the tool ran; 0 where it was not begun.
    """

    result: ToolResult
    ending: Ending
    content: str | None = None
    seconds: float = 0.0

    @property
    def started(self) -> bool:
        """Whether the tool was begun."""
        return self.ending not in BEFORE_START


class Executor:
    """Runs the tools of a session, or of a registry.

    Every failure is a ToolResult. What a tool raises is told by type and first line of its message; the stack goes to
    this process's own log. A `def` runs on a thread; one that does not end in time is given up and keeps its thread.

    Args:
        tools: Which tools there are.
        time_limit: Seconds that a tool may run, where a call asks for no shorter time.
        threads: Threads for tools that block; calls beyond that are answered as RESOURCE_EXHAUSTED.
        result_bytes: The longest content, as JSON text.
    """

    def __init__(
        self,
        tools: SessionRegistry | Registry,
        *,
        time_limit: float = 300.0,
        threads: int = 32,
        result_bytes: int = RESULT_BYTES,
    ) -> None:
        if time_limit <= 0 or threads < 1:
            raise SettingError("`time_limit` must be above 0 and `threads` at least 1", unsent=True)
        self.tools = tools
        self._time_limit, self._most, self._result_bytes = time_limit, threads, result_bytes
        self._threads = Threads(threads)
        self._busy = 0

    def execute(self, call: FunctionCall, *, timeout: float | None = None) -> ToolResult:
        """Runs a call and waits for its result; for code without an event loop."""
        return LOOP.run(self.aexecute(call, timeout=timeout))

    async def aexecute(self, call: FunctionCall, *, timeout: float | None = None) -> ToolResult:
        """Runs a call."""
        return (await self.run(call, timeout=timeout)).result

    async def run(
        self,
        call: FunctionCall,
        *,
        timeout: float | None = None,
        info: CallInfo | None = None,
        start: Callable[[], None] | None = None,
    ) -> Run:
        """Runs a call and says how it went.

        Args:
            call: The call.
            timeout: Seconds that the tool may run; it can only shorten the executor's own limit.
            info: What `current_call` gives inside the tool.
            start: Called at the last moment before the tool begins; what it raises is raised, and nothing is run.

        Raises:
            asyncio.CancelledError: The waiting task was cancelled; an async tool was cancelled too.
        """
        try:
            entry = self.tools.get(call.name)
        except NotRegistered:
            return _not_run(call, "not_found", "UNSUPPORTED_TOOL", f"tool not found: {call.name}")
        problems = entry.checker.check(call.args)
        if problems:
            message = "; ".join(str(problem) for problem in problems[:5])
            return _not_run(call, "arguments", "PARAMETER_VALIDATION_FAILED", message)
        try:
            values = entry.tool.bind(entry.checker.prepare(call.args))
        except ToolError as fault:
            return _not_run(call, "arguments", fault.kind, fault.message)
        if not entry.tool.is_async and self._busy >= self._most:
            message = f"all {self._most} threads for tools are taken; ask again, or look for a tool that does not end"
            return _not_run(call, "busy", "RESOURCE_EXHAUSTED", message)
        limit = self._time_limit if timeout is None else min(timeout, self._time_limit)
        if limit <= 0:
            return _not_run(call, "late", "TIMEOUT", "the time of the call had passed before the tool began")
        if start is not None:
            start()
        return await self._started(call, entry, values, info, limit)

    async def _started(
        self, call: FunctionCall, entry: Entry, values: dict[str, Any], info: CallInfo | None, limit: float
    ) -> Run:
        began = time.perf_counter()
        work: asyncio.Future[str | ToolError | _Crashed]
        context = contextvars.copy_context()
        context.run(CURRENT_CALL.set, info or CallInfo("", "", call.call_id))
        if entry.tool.is_async:
            work = context.run(asyncio.ensure_future, _guarded(entry, values))
        else:
            self._busy += 1
            work = self._threads.run(lambda: context.run(_blocking, entry, values), self._freed)
        try:
            await asyncio.wait({work}, timeout=limit)
            if not work.done():
                work.cancel()
                if entry.tool.is_async:
                    # A tool that swallows the cancellation is left to itself.
                    await asyncio.wait({work}, timeout=_GRACE)
        except asyncio.CancelledError:
            work.cancel()
            raise
        seconds = time.perf_counter() - began
        if not work.done() or work.cancelled():
            message = f"the tool did not finish within {limit:g} s; allow more time or ask for less"
            if work.done() and seconds < limit:
                return _ended(call, "crashed", ToolError("TOOL_EXECUTION_FAILED", "CancelledError"), seconds)
            return _ended(call, "timeout", ToolError("TIMEOUT", message), seconds)
        return self._wrapped(call, work.result(), seconds)

    def _freed(self) -> None:
        self._busy -= 1

    def _wrapped(self, call: FunctionCall, answer: str | ToolError | _Crashed, seconds: float) -> Run:
        if isinstance(answer, _Crashed):
            return _ended(call, "crashed", answer.error, seconds)
        if isinstance(answer, ToolError):
            ending: Ending = "serialization" if answer.kind == _UNWRITABLE else "tool_error"
            return _ended(call, ending, answer, seconds)
        if len(answer.encode()) > self._result_bytes:
            message = f"the tool's answer is longer than {self._result_bytes} bytes; answer less at a time"
            return _ended(call, "serialization", ToolError(_UNWRITABLE, message), seconds)
        try:
            # As strictly as the host will read it.
            content = parse(answer)
        except AdmError as fault:
            message = f"the tool's answer is no JSON that can be sent on: {fault}"
            return _ended(call, "serialization", ToolError(_UNWRITABLE, message), seconds)
        return Run(ToolResult.success(call, content), "success", answer, seconds)


_UNWRITABLE: Final = "SERIALIZATION_ERROR"


@dataclass(frozen=True)
class _Crashed:
    """The tool raised something that it did not mean for its caller."""

    error: ToolError


def _told(entry: Entry, fault: BaseException) -> ToolError | _Crashed:
    if isinstance(fault, ToolError):
        return fault
    try:
        _LOG.warning("the tool `%s` failed", entry.tool.name, exc_info=fault)
        return _Crashed(caught(fault))
    except Exception:  # noqa: BLE001 - an exception that cannot even be shown
        return _Crashed(ToolError("TOOL_EXECUTION_FAILED", type(fault).__name__))


def _blocking(entry: Entry, values: dict[str, Any]) -> str | ToolError | _Crashed:
    try:
        return write_result(entry.tool.function(**values))
    except BaseException as fault:  # noqa: BLE001 - whatever a tool raises, SystemExit too, is its answer
        return _told(entry, fault)


async def _guarded(entry: Entry, values: dict[str, Any]) -> str | ToolError | _Crashed:
    try:
        return write_result(await entry.tool.function(**values))
    except asyncio.CancelledError:
        raise
    except BaseException as fault:  # noqa: BLE001 - as above
        return _told(entry, fault)


def _not_run(call: FunctionCall, ending: Ending, kind: str, message: str) -> Run:
    return _ended(call, ending, ToolError(kind, message), 0.0)


def _ended(call: FunctionCall, ending: Ending, error: ToolError, seconds: float) -> Run:
    message = error.message.encode("utf-8", "replace").decode()
    return Run(ToolResult.failure(call, message, error.kind), ending, None, seconds)

"""Where calls are worked on. Takes calls for accepted tools, runs each within the limit, gives a result for each that
was not cancelled; refuses unknown tools, wrong arguments, and more than it can hold."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import time
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any

from altar_grid._wire.grid.v1 import call_pb2, runtime_pb2
from altar_grid.runtime import frames
from altar_grid.runtime.flow import NOTHING, Array, Features, Flow, progress
from altar_grid.runtime.frames import Job
from altar_grid.runtime.threads import Threads
from altar_grid.tools import CURRENT_CALL, CallInfo, Tool, ToolError, caught, write_result

log = logging.getLogger("altar_grid.runtime")

#: Seconds after a deadline in which the host may still speak first.
HOST_FIRST = 0.5


@dataclass
class _Held:
    """A call in flight."""

    job: Job
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    late: bool = False
    flow: Flow | None = None


class Bench:
    """The calls of one attachment.

    Args:
        tools: The tools that the host has accepted, by name.
        limit: How many calls run at the same time; as many again may wait.
        message_limit: The largest message in bytes.
        say: Takes each frame that is to be written.
        features: What was agreed with the host.
    """

    def __init__(
        self,
        tools: Mapping[str, Tool[..., Any]],
        limit: int,
        message_limit: int,
        say: Callable[[runtime_pb2.RuntimeFrame], None],
        features: Features = NOTHING,
    ) -> None:
        self._tools = tools
        self._limit = limit
        self._message_limit = message_limit
        self._say = say
        self._features = features
        self._loop = asyncio.get_running_loop()
        self._slots = asyncio.Semaphore(limit)
        self._busy = 0
        self._calls: dict[str, _Held] = {}
        self._threads = Threads(limit)
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def in_flight(self) -> int:
        """Calls that were taken and not answered."""
        return len(self._calls)

    @property
    def free(self) -> int:
        """Calls that could begin at once."""
        return self._limit - self._busy

    @property
    def room(self) -> int:
        """Calls that it would take besides, those that would have to wait among them."""
        return max(0, 2 * self._limit - self.in_flight)

    @property
    def busy_percent(self) -> int:
        """Share of its places that are taken."""
        return self._busy * 100 // self._limit

    async def idle(self) -> None:
        """Until no call is in flight."""
        await self._idle.wait()

    def take(self, call: call_pb2.ToolCall) -> None:
        """Begins a call, or refuses it at once."""
        if not call.invocation_id or not call.HasField("call"):
            self._object(call, "MALFORMED_REQUEST", "the call lacks its invocation id or its function; send both")
            return
        if call.invocation_id in self._calls:
            self._object(call, "PROTOCOL_VIOLATION", "the invocation is in flight already; mint an id for each call")
            return
        job = Job(call.invocation_id, call.correlation_id, call.call.call_id, call.call.name)
        tool = self._tools.get(job.name)
        if self.in_flight >= 2 * self._limit:
            self._refuse(job, "RESOURCE_EXHAUSTED", "the runtime has no room for the call; try again later")
        elif tool is None:
            self._refuse(job, "UNSUPPORTED_TOOL", "the runtime does not serve this tool; call one that it fulfils")
        else:
            self._begin(job, tool, call)

    def _object(self, call: call_pb2.ToolCall, code: str, message: str) -> None:
        self._say(
            frames.protocol_error(code, message, invocation_id=call.invocation_id, correlation_id=call.correlation_id)
        )

    def _refuse(self, job: Job, kind: str, message: str) -> None:
        self._say(frames.result(job, ToolError(kind, message), self._message_limit))

    def _begin(self, job: Job, tool: Tool[..., Any], call: call_pb2.ToolCall) -> None:
        held = self._calls[job.invocation_id] = _Held(job)
        if call.streaming and self._features.credit:
            held.flow = Flow(job, self._features.credit, self._say)
        self._idle.clear()
        if call.deadline_unix_ms:
            left = call.deadline_unix_ms / 1000 - time.time()
            if left <= 0:
                self._late(held)
                return
            held.timer = self._loop.call_later(left, self._late, held)
        held.task = self._loop.create_task(self._work(held, tool, call))

    def _late(self, held: _Held) -> None:
        """Stops the tool at its deadline. What the caller hears of that is the host's word, so the answer waits until
        the host has had time to say it and to cancel the call; it goes out only where no host did."""
        held.late = True
        if held.task is not None:
            held.task.cancel()
        fault = ToolError("TIMEOUT", "the tool did not finish in time; allow more time or ask for less")
        held.timer = self._loop.call_later(HOST_FIRST, self._answer, held, fault)

    def grant(self, invocation_id: str, room: int) -> None:
        """The host has room for so many bytes more of a stream."""
        held = self._calls.get(invocation_id)
        if held is not None and held.flow is not None:
            held.flow.grant(room)

    def cancel(self, invocation_id: str) -> bool:
        """Drops a call; it gets no answer. A `def` that has begun runs on, unheard."""
        held = self._calls.get(invocation_id)
        if held is not None:
            self._drop(held)
        return held is not None

    def abandon(self) -> int:
        """Drops every call with an error result for each, and says how many there were."""
        dropped = list(self._calls.values())
        for held in dropped:
            self._drop(held)
            fault = ToolError("SERVICE_UNAVAILABLE", "the runtime stopped before the tool had finished; call again")
            self._end(held, fault)
        return len(dropped)

    def close(self) -> None:
        """Drops what is left, without a word, and lets the threads go when they are done."""
        for held in list(self._calls.values()):
            self._drop(held)
        self._threads.close()

    def _drop(self, held: _Held) -> None:
        self._forget(held)
        if held.task is not None:
            held.task.cancel()

    def _forget(self, held: _Held) -> None:
        if held.timer is not None:
            held.timer.cancel()
        if held.flow is not None:
            held.flow.close()
        if self._calls.get(held.job.invocation_id) is held:
            del self._calls[held.job.invocation_id]
        if not self._calls:
            self._idle.set()

    def _answer(self, held: _Held, answer: str | ToolError) -> None:
        self._forget(held)
        self._end(held, answer)

    def _end(self, held: _Held, answer: str | ToolError) -> None:
        """The end of a stream that has begun, or the result."""
        if held.flow is not None and held.flow.begun:
            held.flow.end(answer if isinstance(answer, ToolError) else None)
        else:
            self._say(frames.result(held.job, answer, self._message_limit))

    async def _work(self, held: _Held, tool: Tool[..., Any], call: call_pb2.ToolCall) -> None:
        CURRENT_CALL.set(
            CallInfo(
                invocation_id=held.job.invocation_id,
                correlation_id=held.job.correlation_id,
                call_id=held.job.call_id,
                session_id=call.session_id,
                deadline=call.deadline_unix_ms / 1000 if call.deadline_unix_ms else None,
                metadata=dict(call.metadata),
                said=self._progress(held) if self._features.progress else None,
            )
        )
        try:
            answer = await self._run(held, tool, call.call.args)
            if held.flow is not None and isinstance(answer, str) and not frames.fits(answer, self._message_limit):
                await held.flow.send(answer.encode())
        except asyncio.CancelledError as fault:
            if held.late or self._calls.get(held.job.invocation_id) is not held:
                raise
            # Nobody here cancelled it: the tool raised this by itself.
            answer = self._failed(held.job, fault)
        self._answer(held, answer)

    def _progress(self, held: _Held) -> Callable[[float, str], None]:
        def say(fraction: float, message: str) -> None:
            if self._calls.get(held.job.invocation_id) is held:
                self._say(progress(held.job, fraction, message))

        def said(fraction: float, message: str) -> None:
            # A tool may run on a thread; the loop may have ended meanwhile.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(say, float(fraction), str(message))

        return said

    async def _run(self, held: _Held, tool: Tool[..., Any], args: str) -> str | ToolError:
        job = held.job
        try:
            values = tool.read_args(args)
        except ToolError as fault:
            return fault
        await self._slots.acquire()
        self._busy += 1
        if not tool.is_async:
            context = contextvars.copy_context()
            # The slot goes along: a function that has been given up still takes its thread.
            return await self._threads.run(lambda: context.run(self._blocking, held, tool, values), self._free_slot)
        try:
            if tool.yields:
                return await self._yielded(held, tool.function(**values))
            return write_result(await tool.function(**values))
        except asyncio.CancelledError:
            raise
        except BaseException as fault:  # noqa: BLE001 - whatever a tool raises is its answer
            return self._failed(job, fault)
        finally:
            self._free_slot()

    def _blocking(self, held: _Held, tool: Tool[..., Any], values: dict[str, Any]) -> str | ToolError:
        try:
            if tool.yields:
                return self._yielded_on_thread(held, tool.function(**values))
            return write_result(tool.function(**values))
        except BaseException as fault:  # noqa: BLE001 - as above
            return self._failed(held.job, fault)

    async def _yielded(self, held: _Held, items: AsyncGenerator[Any, None]) -> str:
        array = Array(held.flow)
        async with contextlib.aclosing(items):
            async for item in items:
                await array.add(item)
        return await array.end()

    def _yielded_on_thread(self, held: _Held, items: Generator[Any, None, None]) -> str:
        array = Array(held.flow)
        with contextlib.closing(items):
            for item in items:
                asyncio.run_coroutine_threadsafe(array.add(item), self._loop).result()
        return asyncio.run_coroutine_threadsafe(array.end(), self._loop).result()

    def _free_slot(self) -> None:
        self._busy -= 1
        self._slots.release()

    def _failed(self, job: Job, fault: BaseException) -> ToolError:
        """What the caller is told; the runtime's own log has all of it."""
        if not isinstance(fault, ToolError):
            log.warning(
                "the tool %s failed in %s (%s)", job.name, job.invocation_id, job.correlation_id, exc_info=fault
            )
        return caught(fault)

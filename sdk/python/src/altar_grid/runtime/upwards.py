"""The calls that tools make while they work: up the runtime's own stream, for the call in hand; answers come back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from altar_grid import _clock
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2, runtime_pb2
from altar_grid.client.answer import CallAnswer, read_answer, write_args
from altar_grid.client.refusals import call_refusal
from altar_grid.errors import ConnectionFailed, FeatureUnavailable, SettingError
from altar_grid.tools import CallInfo


class Upwards:
    """The calls of one attachment that wait for their answers.

    Args:
        say: Takes each frame that is to be written.
        enabled: Whether the host takes calls from within calls.
    """

    def __init__(self, say: Callable[[runtime_pb2.RuntimeFrame], None], *, enabled: bool) -> None:
        self._say = say
        self._enabled = enabled
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[tuple[str, str], asyncio.Future[call_pb2.CallToolResponse]] = {}

    async def call(self, info: CallInfo, name: str, args: object, timeout: float | None) -> CallAnswer:
        """Calls a tool for the call in hand. A task that is cancelled takes its call back."""
        if asyncio.get_running_loop() is not self._loop:
            return await asyncio.wrap_future(
                asyncio.run_coroutine_threadsafe(self.call(info, name, args, timeout), self._loop)
            )
        request = self._request(info, name, args, timeout)
        key = (request.parent_invocation_id, request.call.call_id)
        answer = self._waiting[key] = self._loop.create_future()
        self._say(runtime_pb2.RuntimeFrame(call=request))
        try:
            response = await answer
        except asyncio.CancelledError:
            if key in self._waiting:
                self._say(_cancellation(*key))
            raise
        finally:
            self._waiting.pop(key, None)
        fault = call_refusal(response)
        if fault is not None:
            raise fault
        request.correlation_id = response.correlation_id or request.correlation_id
        return read_answer(request, response)

    def call_sync(self, info: CallInfo, name: str, args: object, timeout: float | None) -> CallAnswer:
        """The same from a thread."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            raise SettingError("an `async def` tool may not block the loop; `await` its `call`")
        return asyncio.run_coroutine_threadsafe(self.call(info, name, args, timeout), self._loop).result()

    def answered(self, response: call_pb2.CallToolResponse) -> None:
        """Hands an answer to whoever waits for it; one that was taken back has nobody."""
        answer = self._waiting.get((response.parent_invocation_id, response.call_id))
        if answer is not None and not answer.done():
            answer.set_result(response)

    def close(self) -> None:
        """The stream is gone, and with it every answer."""
        waiting, self._waiting = self._waiting, {}
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionFailed("the stream to the host broke before the answer came"))

    def _request(self, info: CallInfo, name: str, args: object, timeout: float | None) -> call_pb2.ToolCall:
        if not self._enabled:
            raise FeatureUnavailable(
                "the host does not take calls from within calls (`nested-calls`); call from a client",
                correlation_id=info.correlation_id,
            )
        ends: list[float] = [] if timeout is None else [time.time() + timeout]
        if info.deadline is not None:
            ends.append(info.deadline)
        return call_pb2.ToolCall(
            correlation_id=info.correlation_id,
            call=adm_pb2.FunctionCall(call_id=_clock.call_id(), name=name, args=write_args(args)),
            parent_invocation_id=info.invocation_id,
            deadline_unix_ms=int(min(ends) * 1000) if ends else 0,
        )


def _cancellation(parent: str, call_id: str) -> runtime_pb2.RuntimeFrame:
    cancel: Any = call_pb2.CancelToolCall(
        call_id=call_id, parent_invocation_id=parent, reason="the tool does not wait for it any more"
    )
    return runtime_pb2.RuntimeFrame(cancel_call=cancel)

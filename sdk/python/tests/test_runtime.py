"""The runtime against a host that the test plays: handshake, calls, cancel, drain, reconnection."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from played import Played

from altar_grid import AltarRuntime, ToolError, current_call, tool
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid.client import Backoff
from altar_grid.runtime import RuntimeState

QUICK = Backoff(first=0.01, longest=0.02)
SUCCESS = adm_pb2.TOOL_RESULT_STATUS_SUCCESS


@tool
def add(a: int, b: int = 1) -> int:
    """Adds two whole numbers."""
    return a + b


@tool
async def who() -> dict[str, Any]:
    """Says which call this is."""
    call = current_call()
    assert call is not None
    return {"id": call.invocation_id, "session": call.session_id, "metadata": dict(call.metadata)}


@tool
def which() -> str:
    """Says which call this is, on a thread."""
    call = current_call()
    assert call is not None
    assert threading.current_thread().name.startswith("altar-grid-tool")
    return call.correlation_id


@tool
def fail(kind: str) -> Any:
    """Fails."""
    if kind == "own":
        raise ToolError("RESOURCE_NOT_FOUND", "no such order")
    if kind == "exit":
        raise SystemExit(3)
    if kind == "interrupt":
        raise KeyboardInterrupt
    if kind == "no json":
        return object()
    raise ValueError("password is hunter2\n  File secret.py line 1")


@tool
async def afail(kind: str) -> Any:
    """Fails, on the loop."""
    if kind == "cancelled":
        raise asyncio.CancelledError
    return fail.function(kind)


def runtime(host: Played, *tools: Any, **more: Any) -> AltarRuntime:
    return AltarRuntime("calc", tools or (add,), endpoint=host.endpoint, **{"backoff": QUICK, "grace": 2.0, **more})


@contextlib.asynccontextmanager
async def serving(host: Played, *tools: Any, **more: Any) -> AsyncIterator[AltarRuntime]:
    served = runtime(host, *tools, **more)
    stop = asyncio.Event()
    task = asyncio.ensure_future(served.serve(stop))
    try:
        await host.runtimes.welcome()
        yield served
    finally:
        stop.set()
        await task


async def test_it_introduces_itself_and_answers_calls() -> None:
    async with Played() as host:
        served = runtime(host, add, concurrency=7)
        stop = asyncio.Event()
        task = asyncio.ensure_future(served.serve(stop))
        announce = await host.runtimes.welcome()
        assert (announce.runtime_id, announce.language, announce.protocol_version) == ("calc", "python", "1.0")
        assert announce.metadata["concurrency"] == "7"
        await host.runtimes.call("add", '{"a": 2, "b": 40}')
        result = await host.runtimes.result()
        assert (result.name, result.status, result.content) == ("add", SUCCESS, "42")
        assert (served.status.state, served.status.tools, served.status.connection_id) == (
            RuntimeState.SERVING,
            ("add",),
            "c-1",
        )
        stop.set()
        drain = await host.runtimes.hear("drain")
        assert drain.grace_ms == 2000
        await host.runtimes.hear("bye")
        assert await host.runtimes.heard.get() is None
        await task
        assert served.status.state is RuntimeState.STOPPED


async def test_a_tool_knows_its_call() -> None:
    async with Played() as host, serving(host, who, which):
        await host.runtimes.call("who", "{}", session_id="s-1", metadata={"k": "v"})
        assert (await host.runtimes.result()).content == '{"id":"i-1","session":"s-1","metadata":{"k":"v"}}'
        await host.runtimes.call("which", "{}")
        assert (await host.runtimes.result()).content == '"client-1"'
    assert current_call() is None


@pytest.mark.parametrize(
    ("name", "args", "kind", "message"),
    [
        ("add", '{"a": "2"}', "PARAMETER_VALIDATION_FAILED", "`/a` must be an INTEGER"),
        ("add", "{", "PARAMETER_VALIDATION_FAILED", "not usable JSON"),
        ("nothing", "{}", "UNSUPPORTED_TOOL", "does not serve"),
        ("fail", '{"kind": "own"}', "RESOURCE_NOT_FOUND", "no such order"),
        ("fail", '{"kind": "value"}', "TOOL_EXECUTION_FAILED", "ValueError: password is hunter2"),
        ("fail", '{"kind": "exit"}', "TOOL_EXECUTION_FAILED", "SystemExit: 3"),
        ("fail", '{"kind": "no json"}', "SERIALIZATION_ERROR", "a `object` is no JSON"),
        ("fail", '{"kind": "interrupt"}', "TOOL_EXECUTION_FAILED", "KeyboardInterrupt"),
        ("afail", '{"kind": "own"}', "RESOURCE_NOT_FOUND", "no such order"),
        ("afail", '{"kind": "exit"}', "TOOL_EXECUTION_FAILED", "SystemExit: 3"),
        ("afail", '{"kind": "interrupt"}', "TOOL_EXECUTION_FAILED", "KeyboardInterrupt"),
        ("afail", '{"kind": "cancelled"}', "TOOL_EXECUTION_FAILED", "CancelledError"),
        ("afail", '{"kind": "no json"}', "SERIALIZATION_ERROR", "a `object` is no JSON"),
    ],
)
async def test_whatever_goes_wrong_in_a_tool_is_an_answer(name: str, args: str, kind: str, message: str) -> None:
    async with Played() as host, serving(host, add, fail, afail):
        await host.runtimes.call(name, args)
        result = await host.runtimes.result()
        assert result.status == adm_pb2.TOOL_RESULT_STATUS_ERROR
        assert not result.HasField("content")
        assert result.error.type == kind
        assert message in result.error.message
        assert "secret.py" not in result.error.message
        await host.runtimes.call("add", '{"a": 1}', "i-2")
        assert (await host.runtimes.result("i-2")).content == "2"


async def test_blocking_tools_do_not_hold_up_each_other_or_the_loop() -> None:
    release = threading.Event()

    @tool
    def blocks() -> bool:
        """Blocks."""
        return release.wait(10)

    async with Played() as host, serving(host, add, blocks):
        for number in range(3):
            await host.runtimes.call("blocks", "{}", f"i-{number}")
        await host.runtimes.call("add", '{"a": 1}', "i-9")
        assert (await host.runtimes.result("i-9")).content == "2"
        release.set()
        for _ in range(3):
            assert (await host.runtimes.hear("result")).result.content == "true"


async def test_at_most_so_many_run_as_many_wait_and_more_are_refused() -> None:
    running = 0
    most = 0
    release = asyncio.Event()

    @tool
    async def waits() -> None:
        """Waits."""
        nonlocal running, most
        running += 1
        most = max(most, running)
        await release.wait()
        running -= 1

    async with Played() as host, serving(host, waits, concurrency=2):
        for number in range(5):
            await host.runtimes.call("waits", "{}", f"i-{number}")
        refused = await host.runtimes.result("i-4")
        assert refused.error.type == "RESOURCE_EXHAUSTED"
        release.set()
        for _ in range(4):
            assert (await host.runtimes.hear("result")).result.content == "null"
        assert most == 2


async def test_a_cancelled_call_is_dropped_without_an_answer() -> None:
    stopped = asyncio.Event()

    @tool
    async def waits() -> None:
        """Waits."""
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()

    async with Played() as host, serving(host, add, waits):
        await host.runtimes.call("waits", "{}")
        await host.runtimes.call("add", '{"a": 1}', "i-2")
        await host.runtimes.result("i-2")
        await host.runtimes.say(cancel={"invocation_id": "i-1"})
        await asyncio.wait_for(stopped.wait(), 5)
        await host.runtimes.call("add", '{"a": 1}', "i-3")
        assert (await host.runtimes.result("i-3")).content == "2"


async def test_a_tool_is_stopped_at_its_deadline_and_the_host_speaks_first() -> None:
    stopped = asyncio.Event()

    @tool
    async def waits() -> None:
        """Waits."""
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()

    async with Played() as host, serving(host, waits):
        began = time.time()
        await host.runtimes.call("waits", "{}", deadline_unix_ms=int((began + 0.2) * 1000))
        await asyncio.wait_for(stopped.wait(), 5)
        assert host.runtimes.heard.empty()
        assert (await host.runtimes.result()).error.type == "TIMEOUT"
        assert time.time() - began >= 0.7
        await host.runtimes.call("waits", "{}", "i-2", deadline_unix_ms=int(time.time() * 1000) - 1)
        assert (await host.runtimes.result("i-2")).error.type == "TIMEOUT"


async def test_an_answer_larger_than_a_message_may_be_is_refused_here() -> None:
    @tool
    def large() -> str:
        """Answers a lot."""
        return "ä" * 6_000

    async with Played() as host, serving(host, large, message_limit=12_000):
        await host.runtimes.call("large", "{}")
        assert (await host.runtimes.result()).error.type == "MESSAGE_TOO_LARGE"


async def test_frames_that_cannot_be_used_are_answered_and_the_stream_stays_up() -> None:
    async with Played() as host, serving(host, add):
        await host.runtimes.say()
        assert (await host.runtimes.hear("error")).error.type == "PROTOCOL_VIOLATION"
        await host.runtimes.say(call={"invocation_id": "i-1"})
        assert (await host.runtimes.hear("error")).error.type == "MALFORMED_REQUEST"
        await host.runtimes.say(fulfilled={})
        assert (await host.runtimes.hear("error")).error.type == "PROTOCOL_VIOLATION"
        await host.runtimes.say(error={"error": {"type": "X", "message": "y"}})
        await host.runtimes.call("add", '{"a": 1}')
        assert (await host.runtimes.result()).content == "2"

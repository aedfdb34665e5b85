"""The runtime against a host that the test plays: handshake, calls, cancel, drain, reconnection."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from typing import Any, TypeAlias

import pytest
from played import Played

from altar_grid import AltarRuntime, ToolError, current_call, errors, tool
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import errors_pb2, fulfilment_pb2
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


async def test_a_lost_stream_is_opened_anew() -> None:
    async with Played() as host, serving(host, add):
        await host.runtimes.hang_up()
        await host.runtimes.welcome()
        await host.runtimes.call("add", '{"a": 1}')
        assert (await host.runtimes.result()).content == "2"


async def test_a_host_that_is_silent_for_three_heartbeats_is_left() -> None:
    async with Played() as host:
        host.runtimes.beats = False
        task = asyncio.ensure_future(runtime(host).serve())
        await host.runtimes.welcome(heartbeat_interval_ms=30)
        await host.runtimes.welcome(heartbeat_interval_ms=30_000)
        assert len(host.runtimes.heartbeats) >= 2
        assert host.runtimes.heartbeats[0].free_slots == 64
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_host_that_drains_gets_its_answers_and_a_bye_and_then_a_new_attachment() -> None:
    release = asyncio.Event()

    @tool
    async def waits() -> str:
        """Waits."""
        await release.wait()
        return "done"

    async with Played() as host, serving(host, waits):
        await host.runtimes.call("waits", "{}")
        await host.runtimes.say(drain={"reason": "leaving", "grace_ms": 5000})
        await asyncio.sleep(0.05)
        release.set()
        assert (await host.runtimes.result()).content == '"done"'
        await host.runtimes.hear("bye")
        assert await host.runtimes.heard.get() is None
        await host.runtimes.welcome()


async def test_told_to_stop_it_finishes_what_is_in_flight_and_gives_up_the_rest() -> None:
    @tool
    async def waits(seconds: float) -> str:
        """Waits."""
        await asyncio.sleep(seconds)
        return "done"

    async with Played() as host:
        stop = asyncio.Event()
        task = asyncio.ensure_future(runtime(host, waits, grace=0.6).serve(stop))
        await host.runtimes.welcome()
        await host.runtimes.call("waits", '{"seconds": 0.2}')
        await host.runtimes.call("waits", '{"seconds": 30}', "i-2")
        await asyncio.sleep(0.05)
        stop.set()
        await host.runtimes.hear("drain")
        assert (await host.runtimes.result()).content == '"done"'
        assert (await host.runtimes.result("i-2")).error.type == "SERVICE_UNAVAILABLE"
        await host.runtimes.hear("bye")
        await task


async def test_only_what_the_host_accepts_is_served(caplog: pytest.LogCaptureFixture) -> None:
    async with Played() as host:
        stop = asyncio.Event()
        served = runtime(host, add, who)
        task = asyncio.ensure_future(served.serve(stop))
        await host.runtimes.announced()
        await host.runtimes.hear("fulfil")
        await host.runtimes.say(
            fulfilled=fulfilment_pb2.FulfillToolsResponse(
                status=fulfilment_pb2.FulfillToolsResponse.PARTIAL_SUCCESS,
                fulfilled_tools=["add", "never_offered"],
                rejected_tools=["who"],
                errors=[errors_pb2.EnhancedError(type="UNSUPPORTED_TOOL", message="unknown here")],
            )
        )
        await host.runtimes.call("who", "{}")
        assert (await host.runtimes.result()).error.type == "UNSUPPORTED_TOOL"
        assert served.status.tools == ("add",)
        assert "rejects who" in caplog.text
        stop.set()
        await task


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            {"rejected_tools": ["add"], "errors": [{"type": "POLICY_VIOLATION", "message": "no"}], "status": 2},
            errors.PolicyViolation,
        ),
        ({"status": 0}, errors.BadAnswer),
        ({"fulfilled_tools": ["add"]}, errors.BadAnswer),
    ],
)
async def test_without_a_single_accepted_tool_it_ends(answer: dict[str, Any], kind: type[errors.GridError]) -> None:
    async with Played() as host:
        task = asyncio.ensure_future(runtime(host).serve())
        await host.runtimes.announced()
        await host.runtimes.hear("fulfil")
        await host.runtimes.say(fulfilled=answer)
        with pytest.raises(kind):
            await asyncio.wait_for(task, 10)


async def test_a_refused_announcement_ends_it_unless_the_host_allows_another_try() -> None:
    async with Played() as host:
        served = runtime(host)
        task = asyncio.ensure_future(served.serve())
        await host.runtimes.hear("announce")
        await host.runtimes.say(announced={"error": {"type": "SERVICE_UNAVAILABLE", "retry_allowed": True}})
        await host.runtimes.hear("announce")
        await host.runtimes.say(announced={"error": {"type": "PERMISSION_DENIED", "message": "no role"}})
        with pytest.raises(errors.PermissionDenied, match="no role"):
            await asyncio.wait_for(task, 10)
        assert served.status.state is RuntimeState.STOPPED


async def test_after_a_loss_the_host_may_need_time_to_notice_that_the_name_is_free() -> None:
    async with Played() as host, serving(host, add):
        await host.runtimes.hang_up()
        await host.runtimes.hear("announce")
        await host.runtimes.say(announced={"error": {"type": "POLICY_VIOLATION", "message": "the id is attached"}})
        await host.runtimes.welcome()
        await host.runtimes.call("add", '{"a": 1}')
        assert (await host.runtimes.result()).content == "2"


async def test_on_a_development_host_what_its_manifest_lacks_is_registered() -> None:
    async with Played() as host:
        stop = asyncio.Event()
        served = runtime(host, add, who)
        task = asyncio.ensure_future(served.serve(stop))

        async def handshake(session: str) -> None:
            await host.runtimes.welcome("development", ("add",))
            request = await host.runtimes.hear("register")
            assert request.session_id == session
            declared = request.tools[0].function_declarations
            assert [(one.name, one.description) for one in declared] == [("who", "Says which call this is.")]
            await host.runtimes.say(registered={"status": 0, "accepted_tools": ["who"], "session_id": "s-1"})

        await handshake("")
        await host.runtimes.call("who", "{}")
        assert (await host.runtimes.result()).status == SUCCESS
        assert (served.status.session_id, set(served.status.tools)) == ("s-1", {"add", "who"})
        # It goes on in the session that it had, and in a new one where that has ended.
        await host.runtimes.hang_up()
        await handshake("s-1")
        await host.runtimes.hang_up()
        await host.runtimes.welcome("development", ("add",))
        await host.runtimes.hear("register")
        gone = {"status": 2, "rejected_tools": ["who"], "errors": [{"type": "INVALID_SESSION"}]}
        await host.runtimes.say(registered=gone)
        again = await host.runtimes.hear("register")
        assert again.session_id == ""
        await host.runtimes.say(registered={"status": 0, "accepted_tools": ["who"], "session_id": "s-2"})
        await host.runtimes.call("who", "{}")
        await host.runtimes.result()
        assert served.status.session_id == "s-2"
        stop.set()
        await task


async def test_calls_that_come_during_the_handshake_are_answered_after_it() -> None:
    async with Played() as host:
        task = asyncio.ensure_future(runtime(host).serve())
        await host.runtimes.announced()
        await host.runtimes.hear("fulfil")
        await host.runtimes.call("add", '{"a": 1}')
        await host.runtimes.say(fulfilled={"status": 0, "fulfilled_tools": ["add"]})
        assert (await host.runtimes.result()).content == "2"
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_runtime_that_reaches_nobody_keeps_trying_and_can_be_stopped() -> None:
    async with Played() as host:
        pass
    stop = asyncio.Event()
    served = runtime(host)
    task = asyncio.ensure_future(served.serve(stop))
    await asyncio.sleep(0.2)
    assert not task.done()
    stop.set()
    await asyncio.wait_for(task, 5)


async def test_its_name_comes_from_the_token_or_is_the_developers() -> None:
    token = "e30." + "eyJzdWIiOiJzaG9wIn0" + ".c2ln"
    for more, name in [({"token": token}, "shop"), ({}, "developer"), ({"token": "no-jwt"}, "developer")]:
        async with Played() as host:
            served = AltarRuntime(tools=[add], endpoint=host.endpoint, **more)  # type: ignore[arg-type]
            task = asyncio.ensure_future(served.serve())
            assert (await host.runtimes.hear("announce")).runtime_id == name
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def test_what_cannot_be_served_is_refused_before_anything_happens() -> None:
    with pytest.raises(errors.SettingError, match="no tools"):
        asyncio.run(AltarRuntime("calc").serve())
    with pytest.raises(errors.SettingError, match="called `add`"):
        AltarRuntime("calc", [add, add])
    with pytest.raises(errors.SettingError, match="no name"):
        AltarRuntime("calc", [lambda: None])
    with pytest.raises(errors.SettingError, match="at least 1"):
        AltarRuntime("calc", [add], concurrency=0)
    with pytest.raises(errors.SettingError, match="no mode"):
        AltarRuntime("calc", [add], mode="both")  # type: ignore[arg-type]


def test_tools_can_be_added_by_decorator_with_hints_that_stand_beside_them() -> None:
    served = AltarRuntime("calc")

    Number: TypeAlias = int

    @served.tool
    def one(a: int) -> int:
        """Gives it back."""
        return a

    @served.tool(name="two")
    def other(a: Number) -> int:
        """Gives it back."""
        return a

    assert [each.name for each in served.tools] == ["one", "two"]
    assert one(1) == 1

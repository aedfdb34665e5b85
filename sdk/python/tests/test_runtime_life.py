"""The runtime against a host that the test plays: how attachments begin and end, and what comes after."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

import pytest
from played import Played
from test_runtime import SUCCESS, add, runtime, serving, who

from altar_grid import AltarRuntime, errors, tool
from altar_grid._wire.grid.v1 import errors_pb2, fulfilment_pb2
from altar_grid.runtime import RuntimeState


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
        assert host.runtimes.heartbeats[0].free_slots == 128
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


async def test_an_error_beside_it_is_not_hidden_by_how_serving_ended() -> None:
    for inside in [None, KeyError("mine")]:
        async with Played() as host:
            served = runtime(host)
            welcome = asyncio.ensure_future(host.runtimes.welcome())
            with pytest.raises(KeyError if inside else errors.PermissionDenied):
                async with served:
                    await welcome
                    await host.runtimes.hang_up()
                    await host.runtimes.hear("announce")
                    await host.runtimes.say(announced={"error": {"type": "PERMISSION_DENIED"}})
                    while served.status.state is not RuntimeState.STOPPED:
                        await asyncio.sleep(0.01)
                    if inside:
                        raise inside


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

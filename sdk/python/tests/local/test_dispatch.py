"""Governed local runs against a strict fake of the host."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from altar_grid.errors import (
    ArgumentsError,
    ConnectionFailed,
    GridError,
    HostUnavailable,
    InvalidToolArgs,
    LocalExecutionFailed,
    PermissionDenied,
    ResourceExhausted,
    SettingError,
    ToolFailed,
    UnsupportedTool,
)
from altar_grid.later import Registry
from altar_grid.local import ExecutionMode, GrantRefused, LocalDispatcher, LocalSettings, Modes
from altar_grid.outcomes import OutcomeLimits
from altar_grid.tools import ToolError, current_call
from local.common import GOVERNED, scene, until
from local.fake_host import FakeHost, Response

ARGS = {"a": 2, "b": 40}


async def test_a_governed_call_runs_here_and_its_outcome_is_on_record(tmp_path: Path) -> None:
    async with scene(tmp_path, principal="alice", tenant="demo") as (host, tools, local, log):
        answer = await local.execute_tool("add", ARGS)
        assert (answer.value, answer.final_mode, answer.governed) == (42, GOVERNED, True)
        assert answer.args_digest == host.only().record["args_digest"]
        await until(lambda: host.only().state == "reported")
        await until(lambda: log.stats.pending == 0)
        assert (host.only().ended, host.events, tools.ran, host.remote) == ("success", [], ["add"], [])


async def test_a_denial_is_final(tmp_path: Path) -> None:
    for code in ("PERMISSION_DENIED", "POLICY_VIOLATION", "INVALID_TOOL_ARGS", "INVALID_CREDENTIALS"):
        async with scene(tmp_path / code, FakeHost(deny=code)) as (host, tools, local, log):
            for mode in (GOVERNED, ExecutionMode.LOCAL_FIRST, ExecutionMode.LOCAL_ONLY):
                with pytest.raises(GridError) as denied:
                    await local.execute_tool("add", ARGS, mode=mode)
                assert denied.value.code == code
                assert denied.value.details["fallback_attempted"] == "false"
            assert (tools.ran, host.remote, log.stats.running) == ([], [], 0)


async def test_what_is_no_decision_goes_to_a_runtime(tmp_path: Path) -> None:
    for code in ("FEATURE_UNAVAILABLE", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"):
        async with scene(tmp_path / code, FakeHost(deny=code)) as (host, tools, local, _):
            answer = await local.execute_tool("add", ARGS)
            assert (answer.value, answer.final_mode, answer.fallback_attempted) == (
                "remote",
                ExecutionMode.REMOTE,
                True,
            )
            assert answer.fallback_reason.startswith(code)
            with pytest.raises(GridError):
                await local.execute_tool("add", ARGS, mode=ExecutionMode.LOCAL_ONLY)
            assert (tools.ran, len(host.remote)) == ([], 1)
    async with scene(tmp_path / "off", FakeHost(deny="FEATURE_UNAVAILABLE"), fallback=False) as (host, tools, local, _):
        with pytest.raises(GridError):
            await local.execute_tool("add", ARGS)
        assert host.remote == []


async def test_remote_is_the_default_and_precedence_is_tool_session_client_global(tmp_path: Path) -> None:
    remote, first = ExecutionMode.REMOTE, ExecutionMode.LOCAL_FIRST
    assert Modes().of("t") is remote
    assert Modes(first).of("t") is first
    assert Modes(remote, client=first).of("t") is first
    assert Modes(first, client=first, session=remote).of("t") is remote
    assert Modes(remote, client=remote, session=remote, tools={"t": first}).of("t") is first
    async with scene(tmp_path, modes=Modes(tools={"add": first})) as (host, tools, local, _):
        assert (await local.execute_tool("add", ARGS)).final_mode is first
        assert (await local.execute_tool("add", ARGS, mode="remote")).value == "remote"
        assert (tools.ran, len(host.remote)) == (["add"], 1)


async def test_a_tool_that_is_not_here_or_not_the_same_goes_to_a_runtime(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        host.schemas["other"] = {"type": "OBJECT"}
        answer = await local.execute_tool("other", {})
        assert answer.fallback_reason.startswith("UNSUPPORTED_TOOL")
        with pytest.raises(UnsupportedTool):
            await local.execute_tool("other", {}, mode=ExecutionMode.LOCAL_ONLY)
        host.schemas["add"] = {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}, "b": {"type": "NUMBER"}}}
        assert (await local.execute_tool("add", ARGS)).fallback_reason.startswith("VERSION_MISMATCH")
        assert (tools.ran, host.grants) == ([], {})


async def test_arguments_that_do_not_fit_go_nowhere(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        for args in ({"a": 1}, {"a": 1, "b": "2"}, {"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 2**63}):
            with pytest.raises(InvalidToolArgs):
                await local.execute_tool("add", args)
        unsayable: list[Any] = [{"a": float("nan")}, {"a": object()}, {1: 2}]
        for wrong in unsayable:
            with pytest.raises(ArgumentsError):
                await local.execute_tool("add", wrong)
        assert (host.grants, host.remote, tools.ran) == ({}, [], [])


async def test_an_unreachable_host_is_not_asked_twice_for_good(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        await local.execute_tool("add", ARGS)
        host.down = True
        for mode in (GOVERNED, ExecutionMode.LOCAL_ONLY):
            with pytest.raises((ConnectionFailed, HostUnavailable, LocalExecutionFailed)) as down:
                await local.execute_tool("add", ARGS, mode=mode)
            assert down.value.details["fallback_attempted"] == str(mode is GOVERNED).lower()
        assert tools.ran == ["add"]


async def test_whole_numbers_are_handed_on_as_the_host_would(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        kinds: list[type] = []

        def add(a: int, b: int) -> int:
            """Adds."""
            kinds.append(type(a))
            return a + b

        tools.replace(add)
        assert await local.call("add", {"a": 2.0, "b": 1e3}) == 1002
        assert kinds == [int]
        await until(lambda: host.only().state == "reported")


@pytest.mark.parametrize("effect", ["write", "read", "pure", ""])
async def test_after_a_start_only_pure_and_read_go_to_a_runtime(tmp_path: Path, effect: str) -> None:
    async with scene(tmp_path, FakeHost(effect=effect)) as (host, tools, local, _):

        def add(a: int, b: int) -> int:
            """Adds."""
            tools.ran.append("add")
            raise ConnectionError("hunter2: backend gone")

        tools.replace(add)
        answer = await local.execute_tool("add", ARGS)
        repeatable = effect in ("read", "pure")
        assert answer.fallback_attempted is repeatable
        assert len(host.remote) == repeatable
        assert tools.ran == ["add"]
        if repeatable:
            assert answer.value == "remote"
            assert host.remote[0].metadata["local_invocation_id"] == next(iter(host.grants))
        else:
            with pytest.raises(ToolFailed, match="ConnectionError"):
                _ = answer.value
        await until(lambda: host.only().state == "reported")
        assert host.only().ended == "TOOL_EXECUTION_FAILED"


@pytest.mark.parametrize("effect", ["write", "pure"])
async def test_the_tools_own_error_is_its_result(tmp_path: Path, effect: str) -> None:
    async with scene(tmp_path, FakeHost(effect=effect)) as (host, tools, local, _):

        def add(a: int, b: int) -> int:
            """Adds."""
            raise ToolError("RESOURCE_NOT_FOUND", "no such order")

        tools.replace(add)
        answer = await local.execute_tool("add", ARGS)
        assert answer.answer.failure is not None
        assert (answer.answer.failure.code, answer.answer.failure.message) == ("RESOURCE_NOT_FOUND", "no such order")
        assert host.remote == []
        await until(lambda: host.only().ended == "RESOURCE_NOT_FOUND")


async def test_a_full_outcome_log_stops_local_runs(tmp_path: Path) -> None:
    async with scene(tmp_path, limits=OutcomeLimits(records=2)) as (host, tools, local, log):
        places = [log.place(), log.place()]
        answer = await local.execute_tool("add", ARGS)
        assert (answer.value, answer.fallback_reason.split(":")[0]) == ("remote", "RESOURCE_EXHAUSTED")
        with pytest.raises(ResourceExhausted):
            await local.execute_tool("add", ARGS, mode=ExecutionMode.LOCAL_ONLY)
        assert (tools.ran, host.grants) == ([], {})
        for place in places:
            place.release()
        assert await local.call("add", ARGS) == 42
        await until(lambda: log.stats.pending == 0)


async def test_an_outage_after_authorization_loses_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, log):

        def add(a: int, b: int) -> int:
            """Adds."""
            host.down = True
            return a + b

        tools.replace(add)
        assert await local.call("add", ARGS) == 42
        await until(lambda: log.stats.failures >= 2)
        assert (log.stats.pending, host.only().state) == (1, "open")
        host.down = False
        await until(lambda: log.stats.pending == 0)
        assert (host.only().state, host.events) == ("reported", [])


async def test_a_revoked_epoch_kills_grants_before_they_start(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        assert await local.call("add", ARGS) == 42
        await until(lambda: host.only().state == "reported")

        def revoked(answer: Response) -> None:
            host.change = lambda _: None
            host.revoke()

        async def told() -> None:
            # The answer comes after the invalidation was heard.
            assert local._governed is not None
            watch = local._governed._watch
            await until(lambda: watch.epoch == host.epoch)

        host.change = revoked
        host.before_answer = told
        # The grant is void when it comes, and another one is asked for.
        answer = await local.execute_tool("add", ARGS)
        assert answer.value == 42
        states = [held.state for held in host.grants.values()]
        assert states[:2] == ["reported", "revoked"]
        assert tools.ran == ["add", "add"]
        await until(lambda: [held.state for held in host.grants.values()] == ["reported", "revoked", "reported"])
        host.change = lambda _: host.revoke()
        again = await local.execute_tool("add", ARGS)
        assert (again.value, tools.ran) == ("remote", ["add", "add"])
        assert host.events == []


async def test_without_a_stream_of_invalidations_nothing_starts(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(watch_works=False), epoch_timeout=0.1) as (host, tools, local, _):
        answer = await local.execute_tool("add", ARGS)
        assert (answer.value, tools.ran) == ("remote", [])
        assert {held.state for held in host.grants.values()} == {"cancelled"}
        host.watch_works = True
        await until(lambda: host._watchers)
        assert await local.call("add", ARGS) == 42


async def test_without_confirmation_that_a_grant_is_over_nothing_runs_elsewhere(tmp_path: Path) -> None:
    host = FakeHost(watch_works=False, cancel_works=False)
    async with scene(tmp_path, host, epoch_timeout=0.05, authorization_timeout=0.5) as (host, tools, local, _):
        with pytest.raises(LocalExecutionFailed, match="not confirmed"):
            await local.execute_tool("add", ARGS)
        assert (tools.ran, host.remote) == ([], [])


async def test_a_grant_that_came_too_late_is_not_used(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(ttl_ms=50, delay=0.1)) as (host, tools, local, _):
        answer = await local.execute_tool("add", ARGS)
        assert (answer.value, tools.ran) == ("remote", [])
        assert {held.state for held in host.grants.values()} == {"cancelled"}


@pytest.mark.parametrize("skew_ms", [-3_600_000, -5_000, 5_000, 3_600_000])
async def test_clocks_that_differ_do_no_harm(tmp_path: Path, skew_ms: int) -> None:
    async with scene(tmp_path, FakeHost(skew_ms=skew_ms)) as (host, _, local, log):
        for _ in range(5):
            assert await local.call("add", ARGS) == 42
        await until(lambda: log.stats.pending == 0)
        assert (host.events, {held.state for held in host.grants.values()}) == ([], {"reported"})


async def test_a_grant_that_does_not_fit_is_refused_and_goes_nowhere(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        other: list[Response] = []

        def keep(answer: Response) -> None:
            kept = Response()
            kept.CopyFrom(answer)
            other.append(kept)

        host.change = keep
        assert await local.call("add", ARGS) == 42
        host.change = lambda answer: answer.CopyFrom(other[0])
        with pytest.raises(GrantRefused):
            await local.execute_tool("add", ARGS)
        host.change = lambda answer: answer.ClearField("grant")
        with pytest.raises(GridError, match="must not run"):
            await local.execute_tool("add", ARGS)
        for status in (Response.PENDING, Response.DENIED):
            host.change = lambda answer, status=status: setattr(answer, "status", status)  # type: ignore[misc]
            with pytest.raises(GridError):
                await local.execute_tool("add", ARGS)
        host.change = lambda answer: answer.ClearField("status")
        with pytest.raises(GridError):
            await local.execute_tool("add", ARGS)
        assert (tools.ran, host.remote) == (["add"], [])


async def test_somebody_elses_grant_is_refused(tmp_path: Path) -> None:
    whos: list[dict[str, Any]] = [{"principal": "bob"}, {"tenant": "other"}]
    for who in whos:
        async with scene(tmp_path / str(who), **who) as (_, tools, local, _log):
            with pytest.raises(GrantRefused):
                await local.execute_tool("add", ARGS)
            assert tools.ran == []


async def test_arguments_may_stay_here(tmp_path: Path) -> None:
    async with scene(tmp_path, args_digest_only=frozenset({"add"})) as (host, tools, local, log):
        assert await local.call("add", {"a": 2.0, "b": 40}) == 42
        assert host.only().request.args_digest.size == len(b'{"a":2,"b":40}')
        await until(lambda: log.stats.pending == 0)
        assert host.events == []
        host.deny = "FEATURE_UNAVAILABLE"
        with pytest.raises(GridError):
            await local.execute_tool("add", ARGS)
        tools.registry.remove("add")
        with pytest.raises(UnsupportedTool):
            await local.execute_tool("add", ARGS)
        assert host.remote == []


async def test_the_tool_sees_its_call(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        seen: list[Any] = []

        def add(a: int, b: int) -> int:
            """Adds."""
            seen.append(current_call())
            return 0

        tools.replace(add)
        await local.execute_tool("add", ARGS, call_id="mine", metadata={"k": "v"})
        assert (seen[0].call_id, seen[0].invocation_id, seen[0].metadata) == (
            "mine",
            next(iter(host.grants)),
            {"k": "v"},
        )


async def test_without_a_host_nothing_runs_in_production() -> None:
    registry = Registry()

    def add(a: int, b: int) -> int:
        """Adds."""
        return a + b

    registry.add(add)
    for place, mode in (("development", ExecutionMode.LOCAL_FIRST), ("test", ExecutionMode.LOCAL_ONLY)):
        local = LocalDispatcher(None, registry, settings=LocalSettings(environment=place))
        answer = await local.execute_tool("add", ARGS, mode=mode)
        assert (answer.value, answer.governed) == (42, False)
        with pytest.raises(SettingError):
            await local.execute_tool("add", ARGS, mode=GOVERNED)
        with pytest.raises(SettingError):
            await local.execute_tool("add", ARGS)
    with pytest.raises(PermissionDenied):
        await LocalDispatcher(None, registry).execute_tool("add", ARGS, mode=ExecutionMode.LOCAL_ONLY)
    with pytest.raises(SettingError):
        LocalDispatcher(None, registry, settings=LocalSettings(environment="staging"))


async def test_many_at_once_are_each_reported_once(tmp_path: Path) -> None:
    # A thread for each of those that run at once: without a free one, a call goes to a runtime.
    async with scene(tmp_path, concurrency=32, threads=32) as (host, tools, local, log):
        values = await asyncio.gather(*(local.call("add", {"a": at, "b": 1}) for at in range(100)))
        assert values == [at + 1 for at in range(100)]
        await until(lambda: log.stats.pending == 0)
        assert {held.state for held in host.grants.values()} == {"reported"}
        assert (len(host.grants), host.events, len(tools.ran)) == (100, [], 100)

"""Governed local runs that a person has to approve first: PENDING is no permission (R-102)."""

import asyncio
from pathlib import Path

import pytest

from altar_grid.client.retry import LONGEST_ANSWER
from altar_grid.errors import PermissionDenied
from altar_grid.local import ExecutionMode
from local.common import GOVERNED, scene, until
from local.fake_host import FakeHost, Response

ARGS = {"a": 2, "b": 40}


async def test_a_call_that_waits_is_asked_for_again_under_its_own_id_and_runs_once(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(pending=2)) as (host, tools, local, _):
        answer = await local.execute_tool("add", ARGS, call_id="c-1", correlation_id="flow-1")
        assert (answer.value, answer.final_mode, tools.ran, host.remote) == (42, GOVERNED, ["add"], [])
        asked = [*host.waited, host.only().request]
        assert [each.call.call_id for each in asked] == ["c-1"] * 3
        assert asked[0] == asked[1] == asked[2], "only the same request is the one that was approved"
        await until(lambda: host.only().state == "reported")
        assert host.events == []


async def test_nothing_runs_anywhere_while_nobody_has_said_yes(tmp_path: Path) -> None:
    def with_grant(answer: Response) -> None:
        answer.invocation_id = "i-1"
        answer.grant.record = b"{}"

    host = FakeHost(pending=1_000_000, change=with_grant)
    async with scene(tmp_path, host, approval=0.25) as (host, tools, local, log):
        for mode in (GOVERNED, ExecutionMode.LOCAL_FIRST, ExecutionMode.LOCAL_ONLY):
            with pytest.raises(PermissionDenied) as waits:
                await local.execute_tool("add", ARGS, mode=mode)
            assert waits.value.waits_for == "a-1"
            assert waits.value.details["fallback_attempted"] == "false"
        assert len(host.waited) > 3, "it was asked again"
        assert (tools.ran, host.remote, host.grants, log.stats.running) == ([], [], {}, 0)


@pytest.mark.parametrize("code", ["RESOURCE_EXHAUSTED", "FEATURE_UNAVAILABLE"])
async def test_pending_with_a_code_that_is_no_decision_goes_nowhere_either(tmp_path: Path, code: str) -> None:
    def other(answer: Response) -> None:
        answer.error.type = code

    async with scene(tmp_path, FakeHost(pending=9, change=other), approval=0) as (host, tools, local, _):
        with pytest.raises(Exception, match=code):
            await local.execute_tool("add", ARGS)
        assert (tools.ran, host.remote, len(host.waited)) == ([], [], 1)


async def test_the_limit_of_the_call_is_the_limit_of_the_wait(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(pending=9, pending_ms=60_000)) as (host, tools, local, _):
        with pytest.raises(PermissionDenied):
            await local.execute_tool("add", ARGS, timeout=5)
        with pytest.raises(PermissionDenied):
            await local.execute_tool("add", ARGS, approval=0)
        assert (len(host.waited), tools.ran) == (2, [])


async def test_the_time_of_a_grant_counts_from_the_request_that_was_approved(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(pending=1, pending_ms=1_500, ttl_ms=1_000)) as (_, tools, local, _log):
        assert await local.call("add", ARGS) == 42
        assert tools.ran == ["add"]


async def test_a_caller_that_goes_away_stops_asking(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(pending=1_000_000, pending_ms=60_000)) as (host, tools, local, log):
        call = asyncio.ensure_future(local.call("add", ARGS))
        await until(lambda: host.waited)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: log.stats.running == 0)
        assert (tools.ran, host.grants) == ([], {})


async def test_a_denial_after_the_wait_is_final(tmp_path: Path) -> None:
    host = FakeHost(pending=1_000_000)

    def then_denied(answer: Response) -> None:
        host.deny = "PERMISSION_DENIED"

    host.change = then_denied
    async with scene(tmp_path, host) as (_, tools, local, _log):
        with pytest.raises(PermissionDenied) as denied:
            await local.execute_tool("add", ARGS)
        assert denied.value.waits_for is None
        assert (len(host.waited), tools.ran, host.remote) == (1, [], [])


async def test_a_call_that_goes_to_a_runtime_may_wait_as_long(tmp_path: Path) -> None:
    async with scene(tmp_path, approval=1000) as (host, _tools, local, _):
        await local.execute_tool("add", ARGS, mode=ExecutionMode.REMOTE)
        await local.execute_tool("add", ARGS, mode=ExecutionMode.REMOTE, approval=0)
        longer, usual = host.allowed
        assert longer > LONGEST_ANSWER + 900
        assert usual <= LONGEST_ANSWER + 60

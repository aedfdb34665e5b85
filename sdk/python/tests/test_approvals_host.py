"""People who approve calls, with a real host between them and the callers."""

from __future__ import annotations

import asyncio
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from host import Host, contract, manifest
from test_local_host import NUMBERS, flushed, scene
from test_with_host import calculator

from altar_grid import AltarClient, Retries, tool
from altar_grid.client import WaitingCall
from altar_grid.errors import GridError, PermissionDenied

ARGS = {"a": 2, "b": 40}


@tool
def add(a: int, b: int) -> int:
    """Contract of add."""
    return a + b


@pytest.fixture
def asking(tmp_path: pathlib.Path) -> Iterator[Host]:
    """A host where somebody has to approve each call of `add`."""
    approval = {"role": "approver", "within": "1m"}
    host = Host(tmp_path, "strict", manifest(contract("add", NUMBERS, approval=approval))).start()
    yield host
    host.stop()


def decider(host: Host) -> AltarClient:
    return AltarClient(host.endpoint, token_file=host.token("bob", "caller", "approver"), retries=Retries.none())


async def the_one(client: AltarClient) -> WaitingCall:
    while not (waiting := await client.approvals.list()):
        await asyncio.sleep(0.02)
    (call,) = waiting
    return call


async def test_a_call_at_a_runtime_waits_for_the_yes_of_somebody_else(asking: Host) -> None:
    async with (
        AltarClient(asking.endpoint, token_file=asking.token("alice", "caller", "approver")) as client,
        decider(asking) as bob,
    ):
        with calculator(asking, add):
            assert [each.needs_approval for each in await client.list_tools()] == [True]
            call = asyncio.create_task(client.execute_tool("add", ARGS, approval=600))
            seen = await the_one(bob)
            assert (seen.principal, seen.tool, seen.role, seen.local) == ("alice", "add", "approver", False)
            assert (seen.arguments, seen.args_unseen) == (ARGS, False)
            assert await client.approvals.list() == [], "nobody sees a call of their own"
            with pytest.raises(GridError):
                await client.approvals.approve(seen)
            assert not call.done()
            await bob.approvals.approve(seen, reason="known")
            answer = await call
            assert answer.value == 42
            with pytest.raises(GridError):
                await bob.approvals.deny(seen)
            call = asyncio.create_task(client.execute_tool("add", ARGS))
            await bob.approvals.deny(await the_one(bob))
            with pytest.raises(PermissionDenied):
                await call


@pytest.mark.parametrize("yes", [True, False])
async def test_a_local_run_waits_for_the_decision(asking: Host, tmp_path: pathlib.Path, yes: bool) -> None:
    async with scene(asking, tmp_path) as (local, log, ran), decider(asking) as bob:
        call = asyncio.create_task(local.execute_tool("add", ARGS))
        seen = await the_one(bob)
        assert (seen.local, seen.arguments, ran) == (True, ARGS, [])
        decide: Callable[..., Any] = bob.approvals.approve if yes else bob.approvals.deny
        await decide(seen)
        if yes:
            answer = await call
            assert (answer.value, answer.governed, ran) == (42, True, ["add"])
            await flushed(log)
            admitted, concluded = asking.records(answer.answer.invocation_id)
            assert (admitted["approval"], concluded["outcome"]) == (seen.approval_id, "success")
        else:
            with pytest.raises(PermissionDenied) as denied:
                await call
            assert (denied.value.waits_for, ran) == (None, [])
    assert "verified" in asking.grid("audit", "verify")


async def test_a_local_run_that_does_not_wait_says_for_what_it_would(asking: Host, tmp_path: pathlib.Path) -> None:
    async with scene(asking, tmp_path, approval=0) as (local, log, ran), decider(asking) as bob:
        with pytest.raises(PermissionDenied) as waits:
            await local.execute_tool("add", ARGS, call_id="c-1", correlation_id="flow-1")
        seen = await the_one(bob)
        assert (waits.value.waits_for, ran) == (seen.approval_id, [])
        await bob.approvals.approve(seen)
        assert await local.call("add", ARGS, call_id="c-1", correlation_id="flow-1") == 42
        assert ran == ["add"]
        await flushed(log)

"""What changes while a dispatcher lives: contracts, clients, its own end."""

import asyncio
from pathlib import Path

import pytest

from altar_grid import AltarClient
from altar_grid.errors import (
    GridError,
    SettingError,
)
from altar_grid.local import GrantRefused, LocalDispatcher
from local.common import scene, until

ARGS = {"a": 2, "b": 40}


async def test_contracts_that_change_are_looked_at_again(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        assert await local.call("add", ARGS) == 42
        kept = host.schemas["add"]
        # Only words: the tool still fits.
        host.schemas["add"] = {**kept, "description": "Adds."}
        assert await local.call("add", ARGS) == 42
        # Other parameters: the grant that came for them is not used.
        host.schemas["add"] = {**kept, "properties": {**kept["properties"], "c": {"type": "STRING"}}}
        with pytest.raises(GrantRefused):
            await local.execute_tool("add", ARGS)
        await until(lambda: [held.state for held in host.grants.values()] == ["reported", "reported", "cancelled"])
        assert (await local.execute_tool("add", ARGS)).fallback_reason.startswith("VERSION_MISMATCH")
        host.schemas["add"] = kept
        assert await local.call("add", ARGS) == 42
        assert len(tools.ran) == 3


async def test_an_outcome_log_serves_one_client(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, log):
        assert await local.call("add", ARGS) == 42
        other = AltarClient(host.endpoint)
        second = LocalDispatcher(await other.open_session(), tools.registry, outcomes=log)
        with pytest.raises(SettingError, match="another client"):
            second.start()
        assert local._session is not None
        await local._session.transport.close()
        second.start()
        await second.close()
        await other.close()


async def test_a_call_whose_time_has_passed_is_not_run(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        with pytest.raises(GridError):
            await local.execute_tool("add", ARGS, timeout=0.0)
        assert host.grants == {}
        assert await local.call("add", ARGS) == 42

        async def slowly() -> None:
            await asyncio.sleep(0.4)

        host.before_answer = slowly
        with pytest.raises(GridError):
            await local.execute_tool("add", ARGS, timeout=0.2)
        assert (tools.ran, host.remote) == (["add"], [])


async def test_closing_waits_for_the_host_to_take_outcomes(tmp_path: Path) -> None:
    async with scene(tmp_path, flush=5.0) as (host, _, local, log):
        assert await local.call("add", ARGS) == 42
        await local.close()
        assert (log.stats.pending, host.only().state) == (0, "reported")

"""What a runtime says it was built against."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from played import Played

from altar_grid import AltarRuntime, tool
from altar_grid._wire.grid.v1 import fulfilment_pb2
from altar_grid.errors import SettingError

DIGEST = "sha256:" + "0a" * 32


@tool
def add(a: int, b: int = 1) -> int:
    """Adds two whole numbers."""
    return a + b


def written(where: Path, lock: Any) -> Path:
    path = where / "grid.lock"
    path.write_text(json.dumps(lock), encoding="utf-8")
    return path


async def test_the_digests_of_its_own_tools_are_announced(tmp_path: Path) -> None:
    contracts = {name: {"digest": DIGEST, "contract": {}} for name in ("add", "other")}
    lock = written(tmp_path, {"lock_version": 1, "manifest": {}, "contracts": contracts})
    async with Played() as host:
        runtime = AltarRuntime("calc", [add], endpoint=host.endpoint, mode="fulfil", lock=lock)
        stop = asyncio.Event()
        task = asyncio.ensure_future(runtime.serve(stop))
        await host.runtimes.announced()
        request = await host.runtimes.hear("fulfil")
        assert dict(request.contract_digests) == {"add": DIGEST}
        success = fulfilment_pb2.FulfillToolsResponse.SUCCESS
        await host.runtimes.say(fulfilled={"status": success, "fulfilled_tools": ["add"]})
        stop.set()
        await task


@pytest.mark.parametrize(
    "lock",
    [
        [],
        {},
        {"lock_version": 2, "contracts": {}},
        {"lock_version": 1, "contracts": []},
        {"lock_version": 1, "contracts": {"add": {}}},
        {"lock_version": 1, "contracts": {"add": {"digest": "sha256:0a"}}},
        {"lock_version": 1, "contracts": {"add": {"digest": DIGEST.upper()}}},
    ],
)
def test_a_lock_that_is_none_is_refused(tmp_path: Path, lock: Any) -> None:
    with pytest.raises(SettingError, match="grid manifest lock"):
        AltarRuntime("calc", [add], lock=written(tmp_path, lock))


def test_a_lock_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="cannot be read"):
        AltarRuntime("calc", [add], lock=tmp_path / "grid.lock")

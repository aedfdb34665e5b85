"""Tools that raise, hang, answer nonsense or try to end the process; callers that leave."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from local.common import scene, until
from local.fake_host import FakeHost

ARGS = {"a": 2, "b": 40}


async def test_secrets_and_stacks_stay_here(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):

        def add(a: int, b: int) -> int:
            """Adds."""
            password = "local-variable-secret"
            try:
                raise KeyError(password)
            except KeyError as fault:
                raise ValueError("bad order\nTraceback (most recent call last):\n  File '/srv/app/x.py'") from fault

        tools.replace(add)
        answer = await local.execute_tool("add", ARGS)
        assert answer.answer.failure is not None
        assert answer.answer.failure.message == "ValueError: bad order"
        await until(lambda: host.only().state == "reported")
        assert host.only().told[4] == "ValueError: bad order"


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_tool_that_hangs_is_given_up_and_reported(tmp_path: Path, is_async: bool) -> None:
    release = threading.Event()
    async with scene(tmp_path, time_limit=0.2, threads=1) as (host, tools, local, _):

        def add(a: int, b: int) -> int:
            """Adds."""
            release.wait(20)
            return 0

        async def slow(a: int, b: int) -> int:
            """Adds."""
            await asyncio.sleep(20)
            return 0

        slow.__name__ = "add"
        tools.replace(slow if is_async else add)
        began = time.monotonic()
        answer = await local.execute_tool("add", ARGS)
        assert time.monotonic() - began < 10
        assert answer.answer.failure is not None
        assert answer.answer.failure.code == "TIMEOUT"
        await until(lambda: host.only().state == "reported")
        assert host.only().ended == "failed"
        if not is_async:
            # Its thread is still taken: the next call is not run here, its grant is given back first.
            second = await local.execute_tool("add", ARGS)
            assert (second.value, second.fallback_reason.split(":")[0]) == ("remote", "RESOURCE_EXHAUSTED")
            assert sorted(held.state for held in host.grants.values()) == ["cancelled", "reported"]
        release.set()
        assert host.events == []


@pytest.mark.parametrize(
    "value",
    [
        object(),
        {1, 2},
        float("nan"),
        "\ud800",
        {"a": float("inf")},
        [[]] * 3 + [b"\xff".decode("latin1")] * 3 + [{1: 1}],
    ],
)
async def test_an_answer_that_is_no_json_is_refused_and_reported(tmp_path: Path, value: Any) -> None:
    async with scene(tmp_path, FakeHost(effect="pure")) as (host, tools, local, _):

        def add(a: int, b: int) -> Any:
            """Adds."""
            return value

        tools.replace(add)
        answer = await local.execute_tool("add", ARGS)
        await until(lambda: host.only().state == "reported")
        if answer.ok:
            # Keys that are whole numbers become text in JSON.
            assert host.only().ended == "success"
        else:
            assert answer.answer.failure is not None
            assert answer.answer.failure.code == "SERIALIZATION_ERROR"
            assert (host.only().ended, host.remote) == ("failed", [])


async def test_tools_that_try_to_end_the_process_end_only_themselves(tmp_path: Path) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    faults: list[BaseException] = [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), Mute(), RecursionError("deep")]
    async with scene(tmp_path) as (host, tools, local, log):
        for fault in [*faults, asyncio.CancelledError()]:
            for each in (raising(fault), araising(fault)):
                tools.replace(each)
                answer = await local.execute_tool("add", ARGS)
                assert answer.answer.failure is not None
                assert answer.answer.failure.code == "TOOL_EXECUTION_FAILED"
                assert type(fault).__name__ in answer.answer.failure.message
        await until(lambda: log.stats.pending == 0)
        assert {held.state for held in host.grants.values()} == {"reported"}


def raising(fault: BaseException) -> Any:
    def add(a: int, b: int) -> int:
        """Adds."""
        raise fault

    return add


def araising(fault: BaseException) -> Any:
    async def add(a: int, b: int) -> int:
        """Adds."""
        raise fault

    return add


async def test_a_caller_that_leaves_is_reported(tmp_path: Path) -> None:
    async with scene(tmp_path) as (host, tools, local, _):
        began = asyncio.Event()

        async def add(a: int, b: int) -> int:
            """Adds."""
            began.set()
            await asyncio.sleep(20)
            return 0

        tools.replace(add)
        task = asyncio.create_task(local.execute_tool("add", ARGS))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: host.only().state == "reported")
        assert host.only().ended == "failed"


async def test_a_caller_that_leaves_before_the_answer_gives_the_grant_back(tmp_path: Path) -> None:
    async with scene(tmp_path, FakeHost(delay=0.2)) as (host, tools, local, _):
        task = asyncio.create_task(local.execute_tool("add", ARGS))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: host.grants and host.only().state == "cancelled")
        assert tools.ran == []

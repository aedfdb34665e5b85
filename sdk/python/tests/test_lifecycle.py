"""What a runtime does when the host swaps, pauses or resumes one of its tools, against a host that the test plays."""

from __future__ import annotations

import asyncio

import pytest
from played import Played
from test_runtime import add, runtime

from altar_grid._wire.grid.v1 import runtime_pb2
from altar_grid.errors import SettingError


async def asked(host: Played, sequence: int, phase: int, name: str = "add") -> tuple[bool, str]:
    await host.runtimes.say(lifecycle={"sequence": sequence, "phase": phase, "tool": name, "correlation_id": "swap"})
    report = await host.runtimes.hear("lifecycle")
    assert report.sequence == sequence
    return report.ok, report.message


async def test_what_the_host_asks_is_done_by_the_tools_handlers() -> None:
    done: list[str] = []
    async with Played() as host:
        served = runtime(host, add)

        @served.on("add", "init")
        async def ready() -> None:
            done.append("init")

        @served.on("add", "health")
        def sick() -> None:
            raise RuntimeError("no disk\nat all")

        task = asyncio.ensure_future(served.serve())
        announced = await host.runtimes.welcome()
        assert "lifecycle" in announced.optional_features
        phases = runtime_pb2.Lifecycle
        assert await asked(host, 1, phases.INIT) == (True, "")
        assert await asked(host, 2, phases.HEALTH) == (False, "no disk")
        assert await asked(host, 3, phases.CLEANUP) == (True, "")
        assert await asked(host, 4, phases.HEALTH, "other") == (True, "")
        assert (await asked(host, 5, phases.PHASE_UNSPECIFIED))[0] is False
        assert (await asked(host, 6, 99))[0] is False
        assert done == ["init"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_handler_that_takes_its_time_holds_no_call_up() -> None:
    release = asyncio.Event()
    async with Played() as host:
        served = runtime(host, add)

        @served.on("add", "cleanup")
        async def cleaned() -> None:
            await release.wait()

        task = asyncio.ensure_future(served.serve())
        await host.runtimes.welcome()
        question = {"sequence": 1, "phase": runtime_pb2.Lifecycle.CLEANUP, "tool": "add", "correlation_id": "swap"}
        await host.runtimes.say(lifecycle=question)
        await host.runtimes.call("add", '{"a": 1}')
        assert (await host.runtimes.result()).content == "2"
        release.set()
        assert (await host.runtimes.hear("lifecycle")).ok
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_handler_for_what_is_not_there_is_a_mistake() -> None:
    async with Played() as host:
        with pytest.raises(SettingError, match="`sleep` is no phase"):
            runtime(host, add).on("add", "sleep")  # type: ignore[arg-type]
        served = runtime(host, add)
        served.on("ad", "init")(lambda: None)
        with pytest.raises(SettingError, match="a handler of `init` for `ad`"):
            await served.serve()

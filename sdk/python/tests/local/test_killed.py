"""A client that is killed: between run and report, in the middle of a run, before it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from altar_grid import AltarClient
from altar_grid.outcomes import OutcomeLog, ShippingSettings, TransportSender
from local.common import until
from local.fake_host import FakeHost

ROOT = Path(__file__).resolve().parents[1]
CLIENT = """
import os, pathlib, signal, sys, time
from altar_grid import AltarClient, tool
from altar_grid.later import Registry
from altar_grid.local import LocalSettings, Modes, ExecutionMode, SyncLocalDispatcher
from altar_grid.outcomes import OutcomeLog

endpoint, folder, vkey, when = sys.argv[1:]

@tool
def add(a: int, b: int) -> int:
    "Adds."
    if when == "during":
        time.sleep(0.3)
        print("running", flush=True)
        time.sleep(60)
    return a + b

settings = LocalSettings(modes=Modes(everywhere=ExecutionMode.GOVERNED_LOCAL), log_keys=(vkey,), settle=10.0)
log = OutcomeLog(folder, key=bytes(32))
with AltarClient(endpoint) as client, client.open_session() as session:
    with SyncLocalDispatcher(session, Registry([add]), outcomes=log, settings=settings) as local:
        for at in range(5 if when == "after" else 1):
            local.call("add", {"a": at, "b": 1})
            print("result", flush=True)
        time.sleep(60)
"""


async def killed(host: FakeHost, folder: Path, when: str, lines: int) -> None:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", CLIENT, host.endpoint, str(folder), host.log.vkey, when,
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    assert child.stdout is not None
    for _ in range(lines):
        assert await child.stdout.readline()
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()


async def replayed(host: FakeHost, folder: Path) -> OutcomeLog:
    host.reports_down = False
    client = AltarClient(host.endpoint)
    log = OutcomeLog(folder, key=bytes(32), shipping=ShippingSettings(first_pause=0.02))
    log.attach(TransportSender(client.transport))
    await until(lambda: log.stats.pending == 0)
    await asyncio.to_thread(log.close)
    return log


async def test_killed_between_run_and_report_the_outcomes_come_once(tmp_path: Path) -> None:
    host = FakeHost()
    host.reports_down = True
    async with host:
        await killed(host, tmp_path / "log", "after", 5)
        assert {held.state for held in host.grants.values()} == {"open"}
        log = await replayed(host, tmp_path / "log")
        assert {held.state for held in host.grants.values()} == {"reported"}
        assert (len(host.grants), host.reports, host.events, log.unknown_runs) == (5, 5, [], [])


async def test_killed_in_a_run_its_outcome_is_unknown_and_said_to_be(tmp_path: Path) -> None:
    async with FakeHost() as host:
        await killed(host, tmp_path / "log", "during", 1)
        log = await replayed(host, tmp_path / "log")
        assert [run.invocation_id for run in log.unknown_runs] == list(host.grants)
        assert (host.only().state, host.reports) == ("open", 0)


@pytest.mark.parametrize("times", [3])
async def test_killed_while_reports_are_answered_nothing_is_refused(tmp_path: Path, times: int) -> None:
    async with FakeHost() as host:
        for _ in range(times):
            await killed(host, tmp_path / "log", "after", 3)
        await replayed(host, tmp_path / "log")
        assert host.events == []
        states = [held.state for held in host.grants.values()]
        assert states.count("reported") >= 3 * times

"""The outcome log: nothing is lost, nothing is sent twice for good, nothing can be read by others."""

import asyncio
import functools
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from altar_grid.errors import ResourceExhausted, SettingError
from altar_grid.outcomes import (
    Answer,
    Begun,
    OutcomeLimits,
    OutcomeLog,
    ShippingSettings,
    from_environment,
    from_file,
)
from altar_grid.outcomes import segment as segment_module
from altar_grid.outcomes.store import Store
from outcomes.common import KEY, SECRET, FakeHost, report

QUICK = ShippingSettings(batch=10, first_pause=0.01, longest_pause=0.05)


def opened(folder: Path, host: FakeHost | None = None, **more: Any) -> OutcomeLog:
    return OutcomeLog(folder, key=KEY, sender=host, shipping=more.pop("shipping", QUICK), **more)


def wait(what: Any, timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


def fill(log: OutcomeLog, count: int, first: int = 0) -> None:
    tickets = [log.place().report(report(first + at)) for at in range(count)]
    assert all(ticket.synced.wait(5) for ticket in tickets)


def test_outcomes_reach_the_host_in_batches_and_leave_the_disk(tmp_path: Path) -> None:
    host = FakeHost()
    with opened(tmp_path / "log") as log:
        fill(log, 200)
        log.attach(host)
        assert log.flush(5)
        wait(lambda: log.stats.delivered == 200)
    assert len(host.taken) == 200
    assert max(host.batches) == 10
    again = opened(tmp_path / "log")
    assert again.stats.pending == 0
    again.close()


def test_the_caller_never_waits_for_host_or_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = segment_module.SegmentWriter.sync

    def slowly(self: segment_module.SegmentWriter) -> None:
        time.sleep(0.3)
        sync(self)

    monkeypatch.setattr(segment_module.SegmentWriter, "sync", slowly)
    log = opened(tmp_path / "log", FakeHost(down=True))
    began = time.perf_counter()
    tickets = [log.place().report(report(at)) for at in range(100)]
    assert time.perf_counter() - began < 3
    assert all(ticket.synced.wait(10) for ticket in tickets)
    log.close()


async def test_a_ticket_can_be_awaited_and_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(tmp_path / "log")
    assert await log.place().report(report(1)).until_written(5)
    gate = threading.Event()
    append = segment_module.SegmentWriter.append

    def held(self: segment_module.SegmentWriter, data: bytes) -> None:
        gate.wait(5)
        append(self, data)

    monkeypatch.setattr(segment_module.SegmentWriter, "append", held)
    slow = log.place().report(report(2))
    assert not await slow.until_written(0.05)
    gate.set()
    assert await slow.until_written(5)
    await asyncio.to_thread(log.close)


def test_an_outage_is_survived_and_replayed_once(tmp_path: Path) -> None:
    host = FakeHost(down=True)
    log = opened(tmp_path / "log", host)
    fill(log, 25)
    wait(lambda: log.stats.failures >= 3)
    assert log.stats.problem.startswith("CONNECTION_FAILED")
    host.down = False
    assert log.flush(5)
    log.close()
    assert len(host.taken) == 25
    assert host.repeats == 0


def test_what_waits_is_replayed_by_the_next_process_and_repeats_are_harmless(tmp_path: Path) -> None:
    first = opened(tmp_path / "log")
    fill(first, 30)
    first.close()
    host = FakeHost()
    for at in range(10):
        host.taken[report(at).invocation_id] = report(at).SerializeToString(deterministic=True)
    second = opened(tmp_path / "log", host)
    assert second.flush(5)
    second.close()
    assert (len(host.taken), host.repeats) == (30, 10)


def test_rejected_ones_are_kept_as_dead_letters(tmp_path: Path) -> None:
    host = FakeHost()
    host.refuse = lambda each: Answer("rejected", "TIMEOUT", "expired") if each.execution_time_ms == 3 else None
    log = opened(tmp_path / "log", host)
    fill(log, 6)
    assert log.flush(5)
    wait(lambda: len(log.dead_letters()) == 1)
    path, kept, code, message = log.dead_letters()[0]
    assert (kept, code, message) == (report(3), "TIMEOUT", "expired")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SECRET.encode() not in path.read_bytes()
    log.close()
    assert len(host.taken) == 5


def test_a_full_log_gives_no_place_and_drops_nothing(tmp_path: Path) -> None:
    host = FakeHost(down=True)
    log = opened(tmp_path / "log", host, limits=OutcomeLimits(records=5))
    fill(log, 3)
    running = [log.place(), log.place()]
    with pytest.raises(ResourceExhausted) as full:
        log.place()
    assert full.value.retry_allowed
    assert log.stats.full
    running[0].release()
    running[0].release()
    assert log.place().report(report(90)).written.wait(5)
    assert running[1].report(report(91)).written.wait(5)
    with pytest.raises(SettingError):
        running[1].report(report(92))
    host.down = False
    assert log.flush(5)
    log.place().release()
    log.close()
    assert len(host.taken) == 5


def test_bytes_are_bounded_too(tmp_path: Path) -> None:
    log = opened(tmp_path / "log", limits=OutcomeLimits(bytes=50_000))

    def grown(size: int) -> bool:
        return log.stats.bytes > size

    sent = 0
    while not log.stats.full:
        assert log.place().report(report(sent, "x" * 5_000)).synced.wait(5)
        sent += 1
        wait(functools.partial(grown, 5_000 * sent))
    assert 8 <= sent <= 11
    with pytest.raises(ResourceExhausted, match="bytes"):
        log.place()
    log.close()


def test_a_disk_that_fails_stops_runs_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = opened(tmp_path / "log")
    fill(log, 1)
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if len(data) > 40:
            return write(descriptor, data[:40])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("altar_grid.outcomes.segment.os.write", full)
    ticket = log.place().report(report(7))
    wait(lambda: log.stats.full)
    with pytest.raises(ResourceExhausted, match="No space"):
        log.place()
    monkeypatch.undo()
    assert ticket.synced.wait(5)
    log.close()
    host = FakeHost()
    again = opened(tmp_path / "log", host)
    assert again.flush(5)
    again.close()
    assert set(host.taken) == {report(0).invocation_id, report(7).invocation_id}


def test_files_are_private_and_say_nothing(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    log.place().begin(Begun("i-1", "secret-tool-name", 5))
    fill(log, 5)
    log.close()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o700
    for path in (tmp_path / "log").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        data = path.read_bytes()
        assert SECRET.encode() not in data
        assert b"secret-tool-name" not in data
    with pytest.raises(SettingError, match="another key"):
        OutcomeLog(tmp_path / "log", key=bytes(32))
    os.chmod(tmp_path / "log", 0o755)
    with pytest.raises(SettingError, match="open to others"):
        opened(tmp_path / "log")


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with opened(tmp_path / "log"), pytest.raises(SettingError, match="in use"):
        opened(tmp_path / "log")


def test_a_run_that_died_is_told_by_the_next_process(tmp_path: Path) -> None:
    log = opened(tmp_path / "log")
    lost, reported = log.place(), log.place()
    lost.begin(Begun("i-lost", "send", 5))
    reported.begin(Begun(report(1).invocation_id, "send", 5))
    assert reported.report(report(1)).synced.wait(5)
    log.close()
    again = opened(tmp_path / "log")
    assert [run.invocation_id for run in again.unknown_runs] == ["i-lost"]
    assert again.stats.pending == 1
    again.close()


def test_segments_go_when_all_in_them_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Store.__init__, "__kwdefaults__", {"segment_bytes": 2_000})
    host = FakeHost(down=True)
    log = opened(tmp_path / "log", host)
    fill(log, 60)
    assert len(list((tmp_path / "log").glob("*.seg"))) > 5
    host.down = False
    assert log.flush(5)
    wait(lambda: len(list((tmp_path / "log").glob("*.seg"))) <= 2)
    log.close()
    again = opened(tmp_path / "log")
    assert again.stats.pending == 0
    again.close()


def test_keys_come_from_private_files_or_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = from_file(tmp_path / "sub" / "key")
    assert len(key) == 32
    assert from_file(tmp_path / "sub" / "key") == key
    assert stat.S_IMODE((tmp_path / "sub" / "key").stat().st_mode) == 0o600
    os.chmod(tmp_path / "sub" / "key", 0o640)
    with pytest.raises(SettingError, match="others"):
        from_file(tmp_path / "sub" / "key")
    with pytest.raises(SettingError):
        from_file(tmp_path / "none", create=False)
    monkeypatch.setenv("OUTCOME_KEY", "not a key")
    with pytest.raises(SettingError) as refused:
        from_environment("OUTCOME_KEY")
    assert "not a key" not in str(refused.value)
    monkeypatch.delenv("OUTCOME_KEY")
    with pytest.raises(SettingError, match="not set"):
        from_environment("OUTCOME_KEY")


def test_alerts_and_senders_that_raise(tmp_path: Path) -> None:
    class Broken:
        async def send(self, reports: Any) -> list[Answer]:
            raise RuntimeError("broken")

        def may_follow(self, other: object) -> bool:
            return True

    alerts: list[int] = []
    settings = ShippingSettings(
        first_pause=0.001, longest_pause=0.001, alert_after=5, on_alert=lambda count, why: alerts.append(count)
    )
    log = opened(tmp_path / "log", shipping=settings)
    log.attach(Broken())
    fill(log, 1)
    wait(lambda: len(alerts) >= 2)
    assert alerts[:2] == [5, 10]
    assert log.stats.pending == 1
    log.close()


KILLED = """
import sys, threading
from pathlib import Path
from outcomes.common import KEY, FakeHost, report
from altar_grid.outcomes import Begun, OutcomeLog, ShippingSettings
log = OutcomeLog(Path(sys.argv[1]), key=KEY, sender=FakeHost(down=True), shipping=ShippingSettings(first_pause=0.01))
at = 0
while True:
    place = log.place()
    place.begin(Begun(report(at).invocation_id, "tool", 1))
    ticket = place.report(report(at, "x" * (at * 37 % 3000)))
    assert ticket.written.wait(5)
    # Only now does the caller hear of its result.
    print(at, flush=True)
    at += 1
"""


@pytest.mark.parametrize("survivors", [1, 40, 300])
def test_kill_9_loses_no_outcome_that_the_caller_has_seen(tmp_path: Path, survivors: int) -> None:
    root = Path(__file__).resolve().parents[1]
    seen: set[int] = set()
    for _ in range(2):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / "log")], stdout=subprocess.PIPE, cwd=root, text=True
        )
        assert child.stdout is not None
        lines = [int(child.stdout.readline()) for _ in range(survivors)]
        child.kill()
        lines += [int(line) for line in child.stdout.read().split("\n")[:-1]]
        child.wait()
        seen.update(lines)
    host = FakeHost()
    log = opened(tmp_path / "log", host)
    assert log.flush(20)
    assert not log.damaged
    wait(lambda: log.stats.pending == 0)
    log.close()
    assert {report(at).invocation_id for at in seen} <= set(host.taken)
    assert len(log.unknown_runs) <= 1

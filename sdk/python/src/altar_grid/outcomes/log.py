"""The outcome log: what tools did under grants waits here, encrypted and durable, until the host has it on record.

It never makes its caller wait for disk or network: one thread writes, another ships. It drops nothing: where it is
full, no place can be had any more, and no tool is run without one.
"""

from __future__ import annotations

import functools
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.errors import ResourceExhausted, SettingError
from altar_grid.outcomes.records import Begun, Outcome, Record
from altar_grid.outcomes.ship import Sender, Shipper, ShippingSettings
from altar_grid.outcomes.store import Store
from altar_grid.outcomes.ticket import Ticket

_LOG: Final = logging.getLogger("altar_grid.outcomes")
_MOST_AT_ONCE: Final = 512
_DISK_PAUSE: Final = 0.5
_SYNC_WITHIN: Final = 0.005
_HURRY_EVERY: Final = 0.25


@dataclass(frozen=True)
class OutcomeLimits:
    """How much may wait.

    Attributes:
        records: Reports that wait, with the runs that may still make one.
        bytes: Bytes of the folder, dead letters included.
    """

    records: int = 10_000
    bytes: int = 256 << 20


@dataclass(frozen=True)
class OutcomeStats:
    """How the log is doing.

    Attributes:
        pending: Reports that the host has yet to take.
        running: Places that are taken by runs.
        bytes: Bytes of the folder.
        delivered: Reports that the host took since the log was opened.
        rejected: Reports that it refused for good since then; they are among the dead letters.
        failures: Tries in a row that reached no host.
        full: Whether no tool can be run for want of a place.
        problem: Why the disk or the host does not answer; empty where they do.
    """

    pending: int
    running: int
    bytes: int
    delivered: int
    rejected: int
    failures: int
    full: bool
    problem: str


class Place:
    """Room for one outcome, taken before the tool is run."""

    def __init__(self, log: OutcomeLog) -> None:
        self._log = log
        self._open = True

    def begin(self, begun: Begun) -> None:
        """Notes that a tool is about to run, so that a process that dies in it leaves a trace."""
        self._log._put(begun, None)

    def report(self, request: local_pb2.LogToolResultRequest) -> Ticket:
        """Hands the outcome over; the place is used up. Returns at once."""
        self._use()
        ticket = Ticket()
        self._log._put(Outcome(request), ticket)
        return ticket

    def release(self) -> None:
        """Gives the place back; nothing was run. Harmless after a report."""
        if self._open:
            self._use()
            self._log._released()

    def _use(self) -> None:
        if not self._open:
            raise SettingError("the place in the outcome log is used up; one run makes one report")
        self._open = False


class _Group:
    """Records that were written and wait for one sync together, so that the next ones need not wait for it."""

    def __init__(self) -> None:
        self._tickets: list[Ticket] = []
        self._pending: dict[int, local_pb2.LogToolResultRequest] = {}
        self._due: float | None = None

    def wait(self) -> float | None:
        """Seconds until it is to be synced; `None` where there is nothing."""
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def add(self, sequence: int | None, record: Record | None, ticket: Ticket | None) -> None:
        """Takes what was written."""
        if self._due is None:
            self._due = time.monotonic() + _SYNC_WITHIN
        if sequence is not None and isinstance(record, Outcome) and ticket is not None:
            self._pending[sequence] = record.request
            self._tickets.append(ticket)

    def end(self) -> tuple[list[Ticket], dict[int, local_pb2.LogToolResultRequest]]:
        """Gives what was synced, and is empty again."""
        done = self._tickets, self._pending
        self._tickets, self._pending, self._due = [], {}, None
        return done


class OutcomeLog:
    """Reports of local runs, on their way to the host. One process opens a folder at a time.

        log = OutcomeLog("~/.local/state/app/outcomes", key=from_file("~/.config/app/outcomes.key"))

    Args:
        folder: Where it lies; made with mode 0700 where it is missing.
        key: 32 bytes; see `altar_grid.outcomes.key`.
        sender: Who brings reports to the host; `attach` may name it later.
        limits: How much may wait.
        shipping: Batches and pauses.

    Raises:
        SettingError: Another process has it open, others can read it, or the key is not the one it was written with.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        key: bytes,
        sender: Sender | None = None,
        limits: OutcomeLimits | None = None,
        shipping: ShippingSettings | None = None,
    ) -> None:
        self._limits = limits or OutcomeLimits()
        self._store = Store(Path(folder).expanduser(), key)
        self._lock = threading.Lock()
        self._running = 0
        self._unwritten = 0
        self._unwritten_bytes = 0
        self._disk_problem = ""
        self._closed = False
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        recovered = self._store.recovered
        #: Runs of an earlier process of which nothing is known but that they began; the host has them as unreported.
        self.unknown_runs = list(recovered.begun.values())
        #: Files that were changed by somebody, kept beside the log.
        self.damaged = list(recovered.damaged)
        for run in self.unknown_runs:
            _LOG.warning("the process ended while `%s` ran as %s; its outcome is unknown", run.tool, run.invocation_id)
        self._size = self._store.size
        self._shipper = Shipper(recovered.pending, self._queue.put, shipping or ShippingSettings())
        self._writer = threading.Thread(target=self._write, name="altar-outcomes-write", daemon=True)
        self._writer.start()
        if sender is not None:
            self.attach(sender)

    def __enter__(self) -> OutcomeLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def attach(self, sender: Sender) -> None:
        """Begins to ship, or goes on by another sender.

        Raises:
            SettingError: It ships for another client, which is open: the host takes a report from whom the grant was
                given to only.
        """
        self._shipper.attach(sender)

    def place(self) -> Place:
        """Takes room for one outcome.

        Raises:
            ResourceExhausted: There is none, or the disk cannot be written; run nothing.
        """
        with self._lock:
            problem = self._why_not()
            if problem:
                raise ResourceExhausted(
                    f"no tool may be run here now: {problem}",
                    remediation=["Wait until the host takes the reports that wait, or read the log's `stats`."],
                    retry_allowed=True,
                    retry_after_ms=1_000,
                    unsent=True,
                )
            self._running += 1
        return Place(self)

    def _why_not(self) -> str:
        waiting = self._shipper.pending + self._unwritten + self._running
        if self._closed:
            return "the outcome log is closed"
        if self._disk_problem:
            return f"the outcome log cannot be written ({self._disk_problem})"
        if waiting >= self._limits.records:
            return f"{waiting} outcomes wait for the host or run, {self._limits.records} may"
        if self._size + self._unwritten_bytes >= self._limits.bytes:
            return f"the outcome log has {self._size} bytes, {self._limits.bytes} are its limit"
        return ""

    @property
    def stats(self) -> OutcomeStats:
        """How it is doing."""
        with self._lock:
            shipping = self._shipper.state()
            return OutcomeStats(
                pending=shipping.pending + self._unwritten,
                running=self._running,
                bytes=self._size,
                delivered=shipping.delivered,
                rejected=shipping.rejected,
                failures=shipping.failures,
                full=bool(self._why_not()),
                problem=self._disk_problem or shipping.problem,
            )

    def flush(self, timeout: float) -> bool:
        """Waits until nothing is pending, at most `timeout` seconds; tries the host at once. Whether nothing is."""
        deadline = time.monotonic() + timeout
        hurried = 0.0
        while self.stats.pending:
            now = time.monotonic()
            if now >= deadline:
                return False
            if now - hurried >= _HURRY_EVERY:
                self._shipper.hurry()
                hurried = now
            time.sleep(0.005)
        return True

    def dead_letters(self) -> list[tuple[Path, local_pb2.LogToolResultRequest, str, str]]:
        """Reports that the host refused for good: file, report, code, message. Remove a file that is dealt with."""
        return self._store.dead_letters()

    def close(self, timeout: float = 5.0) -> None:
        """Writes out what was handed over and stops; what is pending waits for the next process.

        Args:
            timeout: Seconds that the host may take for what it is answering just now.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._shipper.stop(timeout)
        self._queue.put(None)
        self._writer.join(timeout)

    # Of places.

    def _put(self, record: Record, ticket: Ticket | None) -> None:
        if ticket is not None:
            with self._lock:
                self._running -= 1
                self._unwritten += 1
        self._queue.put((record, ticket))

    def _released(self) -> None:
        with self._lock:
            self._running -= 1

    # Of the writing thread, which alone uses the store.

    def _write(self) -> None:
        group = _Group()
        try:
            while self._turn(group):
                pass
        except BaseException:  # noqa: BLE001 - whatever it is, it is told by every place that is asked for
            _LOG.exception("the outcome log stopped; no tool is run any more")
            with self._lock:
                self._disk_problem = "its writer stopped"

    def _turn(self, group: _Group) -> bool:
        """Writes what came, and syncs a group that has waited long enough. False at the end."""
        batch, last = self._next_batch(group.wait())
        for item in batch:
            if callable(item):
                self._insist(functools.partial(item, self._store))
                group.add(None, None, None)
                continue
            record, ticket = item
            sequence, _ = self._insist(functools.partial(self._store.append, record))
            group.add(sequence, record, ticket)
            if ticket is not None:
                ticket.reached(synced=False)
        if last or group.wait() == 0.0:
            self._sync(group)
        if last:
            self._store.close()
        return not last

    def _next_batch(self, timeout: float | None) -> tuple[list[Any], bool]:
        batch: list[Any] = []
        try:
            batch.append(self._queue.get(timeout=timeout))
            while batch[-1] is not None and len(batch) < _MOST_AT_ONCE:
                batch.append(self._queue.get_nowait())
        except queue.Empty:
            pass
        last = bool(batch) and batch[-1] is None
        return (batch[:-1] if last else batch), last

    def _sync(self, group: _Group) -> None:
        self._insist(self._store.sync)
        tickets, pending = group.end()
        for ticket in tickets:
            ticket.reached(synced=True)
        self._shipper.add(pending)
        with self._lock:
            self._unwritten -= len(tickets)
            self._size = self._store.size

    def _insist(self, act: Callable[[], Any]) -> Any:
        """Tries until the disk takes it: nothing that was handed over is dropped, and no place is given meanwhile."""
        while True:
            try:
                result = act()
            except OSError as fault:
                if not self._disk_problem:
                    _LOG.error("the outcome log cannot be written (%s); no tool is run until it can", fault.strerror)
                with self._lock:
                    self._disk_problem = fault.strerror or "the disk failed"
                    closed = self._closed
                if closed:
                    raise
                time.sleep(_DISK_PAUSE)
                continue
            if self._disk_problem:
                with self._lock:
                    self._disk_problem = ""
            return result

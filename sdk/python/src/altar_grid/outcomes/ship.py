"""Brings reports to the host: in batches, again and again while it cannot be reached, each until it was answered."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.client.transport import Transport
from altar_grid.errors import GridError, SettingError
from altar_grid.outcomes.store import Store

_LOG: Final = logging.getLogger("altar_grid.outcomes")

#: Refusals that speak of the sender or of the host, never of the report: it is sent again.
_NOT_OF_THE_REPORT: Final = frozenset(
    {
        "AUDIT_UNAVAILABLE",
        "CERTIFICATE_ERROR",
        "CONNECTION_FAILED",
        "DEPENDENCY_UNAVAILABLE",
        "FEATURE_UNAVAILABLE",
        "HOST_UNAVAILABLE",
        "INVALID_CREDENTIALS",
        "NETWORK_TIMEOUT",
        "RATE_LIMIT_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "SERVICE_UNAVAILABLE",
        "TLS_HANDSHAKE_FAILED",
    }
)


@dataclass(frozen=True)
class Answer:
    """What the host says of one report: `logged`, `rejected` for good, or `later`."""

    status: Literal["logged", "rejected", "later"]
    code: str = ""
    message: str = ""


class Sender(Protocol):
    """Who brings a batch to the host."""

    async def send(self, reports: Sequence[local_pb2.LogToolResultRequest]) -> list[Answer]:
        """Gives an answer for each report, in their order; `later` for those that got none. Raises nothing."""

    def may_follow(self, other: Any) -> bool:
        """Whether reports of `other` may be sent by this one."""


class TransportSender:
    """Sends on the stream `LogToolResults` of a client's connection.

    Args:
        transport: The client's.
        timeout: Seconds for one batch.
    """

    def __init__(self, transport: Transport, *, timeout: float = 10.0) -> None:
        self._transport, self._timeout = transport, timeout

    def may_follow(self, other: Any) -> bool:
        """True for the same client, and where the other one is closed."""
        return not isinstance(other, TransportSender) or other._transport is self._transport or other._transport._closed

    async def send(self, reports: Sequence[local_pb2.LogToolResultRequest]) -> list[Answer]:
        """See `Sender`."""
        answers: list[Answer] = []

        async def feed() -> AsyncIterator[local_pb2.LogToolResultRequest]:
            for report in reports:
                yield report

        async def exchange() -> None:
            async for answer in self._transport.log_results(feed()):
                if len(answers) == len(reports):
                    return
                answers.append(_read(reports[len(answers)], answer))

        why = Answer("later", "CONNECTION_FAILED", "the stream ended before all reports were answered")
        try:
            await asyncio.wait_for(exchange(), self._timeout)
        except asyncio.TimeoutError:
            why = Answer("later", "NETWORK_TIMEOUT", f"the host did not answer within {self._timeout:g} s")
        except GridError as fault:
            why = Answer("later", fault.code, fault.message)
        return answers + [why] * (len(reports) - len(answers))


def _read(report: local_pb2.LogToolResultRequest, answer: local_pb2.LogToolResultResponse) -> Answer:
    if answer.invocation_id != report.invocation_id:
        return Answer("later", "PROTOCOL_VIOLATION", "the answer is to another report")
    if answer.HasField("status") and answer.status == local_pb2.LogToolResultResponse.LOGGED:
        return Answer("logged")
    if not answer.HasField("status") or not answer.HasField("error"):
        return Answer("later", "PROTOCOL_VIOLATION", "the report was neither taken nor refused")
    error = answer.error
    again = error.retry_allowed or error.type in _NOT_OF_THE_REPORT
    return Answer("later" if again else "rejected", error.type, error.message)


@dataclass(frozen=True)
class ShippingSettings:
    """How reports travel.

    Attributes:
        batch: Reports that are sent at once.
        first_pause: Seconds after the first try that failed; each further pause is twice as long.
        longest_pause: Seconds at most.
        alert_after: Tries that fail in a row before it is logged as an error, and again after as many.
        on_alert: Called then, with the number of tries and why; on the shipping thread.
    """

    batch: int = 100
    first_pause: float = 1.0
    longest_pause: float = 300.0
    alert_after: int = 100
    on_alert: Callable[[int, str], None] | None = None


@dataclass(frozen=True)
class ShippingState:
    """How shipping goes."""

    pending: int
    delivered: int
    rejected: int
    failures: int
    problem: str


Job = Callable[[Store], Any]


class Shipper:
    """The shipping thread and what it has to ship. `submit` hands work to the thread that has the store."""

    def __init__(
        self,
        pending: Mapping[int, local_pb2.LogToolResultRequest],
        submit: Callable[[Job], None],
        settings: ShippingSettings,
    ) -> None:
        self._pending = dict(sorted(pending.items()))
        self._submit, self._settings = submit, settings
        self._changed = threading.Condition()
        self._sender: Sender | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._hurry = False
        self._delivered = self._rejected = self._failures = 0
        self._problem = ""

    @property
    def pending(self) -> int:
        """Reports that have no answer yet."""
        return len(self._pending)

    def state(self) -> ShippingState:
        """How it goes."""
        return ShippingState(len(self._pending), self._delivered, self._rejected, self._failures, self._problem)

    def attach(self, sender: Sender) -> None:
        """Ships by this sender from now on; one that is still at it for another client is not replaced."""
        with self._changed:
            if self._sender is not None and not sender.may_follow(self._sender):
                raise SettingError("the outcome log ships for another client; give each client a log of its own")
            self._sender = sender
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="altar-outcomes-ship", daemon=True)
                self._thread.start()
            self._changed.notify()

    def add(self, pending: Mapping[int, local_pb2.LogToolResultRequest]) -> None:
        """Takes more."""
        if pending:
            with self._changed:
                self._pending.update(pending)
                self._changed.notify()

    def hurry(self) -> None:
        """Ends a pause."""
        with self._changed:
            self._hurry = True
            self._changed.notify()

    def stop(self, timeout: float) -> None:
        """Ends the thread after what it is doing."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        try:
            while True:
                batch, sender = self._next()
                if not batch or sender is None:
                    return
                try:
                    answers = loop.run_until_complete(sender.send(list(batch.values())))
                except Exception as fault:  # noqa: BLE001 - whatever a sender does, what waits goes on waiting
                    answers = [Answer("later", "CONNECTION_FAILED", type(fault).__name__)] * len(batch)
                self._take(batch, answers)
        finally:
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.close()

    def _next(self) -> tuple[dict[int, local_pb2.LogToolResultRequest], Sender | None]:
        with self._changed:
            while True:
                if self._stopping:
                    return {}, None
                if self._failures and self._pending and not self._hurry:
                    self._changed.wait(self._pause())
                    if self._stopping:
                        return {}, None
                    self._hurry = True
                if self._pending and self._sender is not None:
                    self._hurry = False
                    return dict(list(self._pending.items())[: self._settings.batch]), self._sender
                self._hurry = False
                self._changed.wait()

    def _pause(self) -> float:
        settings = self._settings
        longest = min(settings.first_pause * 2.0 ** min(self._failures - 1, 30), settings.longest_pause)
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret

    def _take(self, batch: Mapping[int, local_pb2.LogToolResultRequest], answers: Sequence[Answer]) -> None:
        done: list[int] = []
        later: Answer | None = None
        for (sequence, request), answer in zip(batch.items(), answers, strict=False):
            if answer.status == "later":
                later = later or answer
                continue
            done.append(sequence)
            if answer.status == "rejected":
                self._bury(request, answer)
        with self._changed:
            self._delivered += sum(answer.status == "logged" for answer in answers[: len(batch)])
            self._rejected += sum(answer.status == "rejected" for answer in answers[: len(batch)])
            for sequence in done:
                del self._pending[sequence]
            self._failures = self._failures + 1 if later is not None and not done else int(later is not None)
            self._problem = f"{later.code}: {later.message}" if later is not None else ""
            failures, problem = self._failures, self._problem
        if done:
            self._submit(lambda store: store.settle(done))
        if failures and failures % self._settings.alert_after == 0:
            _LOG.error("%d outcomes wait, the host was not reached %d times: %s", self.pending, failures, problem)
            if self._settings.on_alert is not None:
                self._settings.on_alert(failures, problem)

    def _bury(self, request: local_pb2.LogToolResultRequest, answer: Answer) -> None:
        _LOG.error(
            "the host does not take the outcome of %s (%s: %s); it is among the dead letters",
            request.invocation_id,
            answer.code,
            answer.message,
        )
        self._submit(lambda store: store.bury(request, answer.code, answer.message))

"""Stops asking a host that does not answer, so that callers hear of it at once (protocol 6.1, R-086 to R-090)."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from altar_grid.errors import ConnectionFailed, GridError, HostUnavailable, NetworkTimeout, TlsHandshakeFailed

TRIGGERS = (ConnectionFailed, NetworkTimeout, TlsHandshakeFailed, HostUnavailable)


class BreakerState(str, Enum):
    """Where a breaker stands."""

    #: Requests pass.
    CLOSED = "closed"
    #: No request passes.
    OPEN = "open"
    #: A few requests pass, to see whether the host is back.
    HALF_OPEN = "half_open"


@dataclass(frozen=True)
class BreakerSettings:
    """When a breaker opens and closes; the defaults are those of the protocol, section 6.1.

    Attributes:
        failure_threshold: So many failures within the window open it; 0 switches the breaker off.
        failure_window: Seconds that a failure counts.
        recovery_timeout: Seconds until a few requests are let through again.
        success_threshold: So many answers close it again; no more than this many requests pass at a time before.
    """

    failure_threshold: int = 5
    failure_window: float = 60.0
    recovery_timeout: float = 30.0
    success_threshold: int = 3


class CircuitBreaker:
    """One for each host that a client talks to. What the host itself refuses is an answer and never a failure."""

    def __init__(self, settings: BreakerSettings | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.settings = settings or BreakerSettings()
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: deque[float] = deque()
        self._opened_at: float | None = None
        self._half_open = False
        self._round = 0
        self._probes = 0
        self._successes = 0

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        with self._lock:
            if self._opened_at is None:
                return BreakerState.CLOSED
            return BreakerState.HALF_OPEN if self._half_open or self._rested() >= 0 else BreakerState.OPEN

    def _rested(self) -> float:
        """Seconds since the recovery timeout was over; negative before."""
        return self._clock() - (self._opened_at or 0.0) - self.settings.recovery_timeout

    def enter(self, correlation_id: str = "") -> int:
        """Lets a request pass. What it returns goes back to `leave`.

        Raises:
            HostUnavailable: The breaker is open. Nothing was sent; `retry_after_ms` says when to come back.
        """
        with self._lock:
            if self._opened_at is None:
                return 0
            if not self._half_open and self._rested() >= 0:
                self._half_open, self._probes, self._successes = True, 0, 0
                self._round += 1
            if self._half_open and self._probes < self.settings.success_threshold:
                self._probes += 1
                return self._round
            wait = 0.0 if self._half_open else -self._rested()
        raise HostUnavailable(
            "the host did not answer several times in a row, so nothing is sent to it for a while",
            retry_allowed=True,
            retry_after_ms=max(int(wait * 1000), 1000),
            max_retries=HostUnavailable.retry.at_most,
            correlation_id=correlation_id,
            unsent=True,
        )

    def leave(self, entered: int, fault: BaseException | None) -> None:
        """Notes how a request that passed has ended; `fault` is `None` where the host answered.

        A request that was given up here says nothing about the host.
        """
        failed = isinstance(fault, TRIGGERS) and not fault.refused
        answered = fault is None or (isinstance(fault, GridError) and not failed)
        with self._lock:
            probe = self._half_open and entered == self._round
            if probe:
                self._probes -= 1
            if failed and (probe or self._opened_at is None):
                self._failed()
            elif answered and probe:
                self._successes += 1
                if self._successes >= self.settings.success_threshold:
                    self._opened_at, self._half_open = None, False
                    self._failures.clear()

    def _failed(self) -> None:
        now = self._clock()
        if self._opened_at is not None:
            self._opened_at, self._half_open = now, False
            return
        self._failures.append(now)
        while self._failures and now - self._failures[0] > self.settings.failure_window:
            self._failures.popleft()
        if 0 < self.settings.failure_threshold <= len(self._failures):
            self._opened_at, self._half_open = now, False
            self._failures.clear()

"""Whether and when a request is sent again. Only where the host allows it, or the fault is transient and a repeat
cannot do harm: nothing was sent yet, or the request is idempotent (a call is, by its call id). R-069."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

from altar_grid.errors import ConnectionFailed, GridError, InvalidCredentials, NetworkTimeout, ResourceExhausted

#: The host's own TIMEOUT is worth waiting for: it says more than ours. Seconds.
SLACK = 2.0
#: Longer than any contract's timeout (at most 300 s), so that the host's own answer comes first. Seconds.
LONGEST_ANSWER = 330.0


@dataclass(frozen=True)
class Backoff:
    """Waiting times between tries. The n-th is `first * 2**n`, at most `longest`, then shortened or lengthened by up
    to a tenth, so that many clients do not return at once. Seconds."""

    first: float = 0.2
    longest: float = 10.0

    def wait(self, tries: int, asked: float = 0.0) -> float:
        """Seconds to wait after `tries` failed tries (counted from 1), at least what the host `asked` for."""
        plain = min(self.first * 2.0 ** min(tries - 1, 30), self.longest)
        return max(plain * random.uniform(0.9, 1.1), asked)  # noqa: S311 - nothing secret about a pause


@dataclass(frozen=True)
class Retries:
    """How requests are repeated where repeating is allowed at all.

    Attributes:
        most: Repeats of one request at most; 0 returns every fault at once.
        backoff: The pauses between them.
        longest_pause: A host that asks for a longer pause, in seconds, gets no repeat; its refusal is raised instead.
    """

    most: int = 3
    backoff: Backoff = Backoff()
    longest_pause: float = 30.0

    @classmethod
    def none(cls) -> Retries:
        """Every fault is raised at once."""
        return cls(most=0)


class Attempt:
    """One request on its way, over all its tries."""

    def __init__(
        self,
        correlation_id: str,
        retries: Retries,
        *,
        idempotent: bool,
        deadline: float | None = None,
        people: float = 0.0,
    ) -> None:
        self.correlation_id = correlation_id
        self.deadline = deadline
        self.tries = 0
        self._retries = retries
        self._idempotent = idempotent
        self._people = people
        self._refreshed = False
        self._reached = False
        self._former: GridError | None = None

    def patience(self, longest: float = LONGEST_ANSWER) -> float:
        """How many seconds to wait for the answer of this try; people may take theirs beside it."""
        longest += self._people
        return longest if self.deadline is None else min(max(self._left(), 0.0) + SLACK, longest)

    def _left(self) -> float:
        return float("inf") if self.deadline is None else self.deadline - time.time()

    def may_refresh(self, fault: GridError) -> bool:
        """Once a request, a refused credential is worth a look for a newer token: nothing was admitted."""
        may = isinstance(fault, InvalidCredentials) and not self._refreshed
        self._refreshed = self._refreshed or may
        return may

    def pause(self, fault: GridError) -> float | None:
        """Seconds to wait before the next try; `None` where there must be none."""
        self.tries += 1
        self._tell(fault)
        bound = self._allowed(fault)
        if bound is None or self.tries > min(bound, self._retries.most):
            return None
        pause = self._retries.backoff.wait(self.tries, fault.retry_after_ms / 1000)
        return pause if pause <= self._retries.longest_pause and pause < self._left() else None

    def _tell(self, fault: GridError) -> None:
        """Says in a fault what the tries before it were like."""
        fault.tries = self.tries
        self._reached = self._reached or not fault.unsent
        fault.unsent = not self._reached
        if self._former is not None:
            fault.caused_by = (*fault.caused_by, self._former)
        self._former = fault

    def _allowed(self, fault: GridError) -> int | None:
        """The most repeats that this fault allows."""
        if fault.refused:
            # A recorded outcome stays what it is, however often it is asked for.
            # What people have to decide is asked again by those who wait for it, not by repeats.
            if not fault.retry_allowed or fault.repeated or fault.waits_for is not None:
                return None
            return 1_000_000 if fault.max_retries is None else fault.max_retries
        transient = isinstance(fault, (ConnectionFailed, NetworkTimeout, ResourceExhausted))
        return 1_000_000 if transient and (not self._reached or self._idempotent) else None

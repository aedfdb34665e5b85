"""Follows the policy epoch of a session: a grant that is older than the last invalidation must not be used."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from typing import Final, Protocol

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.errors import GridError, InvalidSession, SessionExpired

_LOG: Final = logging.getLogger("altar_grid.local")
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0


class Watchable(Protocol):
    """Who can follow the epoch: a client's `Transport`."""

    def watch_grants(self, session_id: str) -> AsyncIterator[local_pb2.WatchGrantsResponse]:
        """The epoch at once, then each invalidation, until the stream ends."""


class EpochWatch:
    """One stream for a session, opened again where it breaks. While it is broken, no epoch is known."""

    def __init__(self, host: Watchable, session_id: str) -> None:
        self._host, self._session_id = host, session_id
        self._epoch: int | None = None
        self._newest = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        #: The session is over; no epoch will come any more.
        self.ended = False

    def start(self) -> None:
        """Begins to follow; needs a running loop."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._follow())

    async def close(self) -> None:
        """Stops following."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    @property
    def epoch(self) -> int | None:
        """The epoch; `None` while the stream is broken."""
        return self._epoch

    def allows(self, epoch: int) -> bool:
        """Whether a decision of this epoch still stands, as far as is known; never while the stream is broken."""
        return self._epoch is not None and epoch >= self._newest

    async def known(self, timeout: float) -> bool:
        """Waits until the epoch is known, at most `timeout` seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while self._epoch is None and not self.ended:
            self._changed.clear()
            left = end - loop.time()
            if left <= 0:
                return False
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), left)
        return self._epoch is not None

    async def _follow(self) -> None:
        pause = _FIRST_PAUSE
        while not self.ended:
            try:
                async for answer in self._host.watch_grants(self._session_id):
                    pause = _FIRST_PAUSE
                    # An epoch never falls; an answer that says so does not make void grants good again.
                    self._newest = max(self._newest, answer.epoch)
                    self._epoch = self._newest
                    self._changed.set()
                    if answer.reason:
                        _LOG.info("grants before epoch %d are void: %s", answer.epoch, answer.reason)
            except (InvalidSession, SessionExpired) as fault:
                _LOG.info("the session's grants are not followed any more: %s", fault.message)
                self.ended = True
            except GridError as fault:
                _LOG.info("the stream of invalidations broke (%s); it is opened again", fault.code)
            finally:
                self._epoch = None
                self._changed.set()
            if not self.ended:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

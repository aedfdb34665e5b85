"""Follows a report to the disk."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable


class Ticket:
    """Follows one report to the disk."""

    def __init__(self) -> None:
        self.written = threading.Event()
        """Handed to the system: it survives the end of this process, however that comes."""
        self.synced = threading.Event()
        """On the disk: it survives the end of the machine's power too."""
        self._wake: list[Callable[[], None]] = []
        self._lock = threading.Lock()

    def reached(self, *, synced: bool) -> None:
        """The writer says how far it got."""
        with self._lock:
            self.written.set()
            if synced:
                self.synced.set()
            wake, self._wake = self._wake, []
        for each in wake:
            each()

    async def until_written(self, timeout: float) -> bool:
        """Waits for `written`, at most `timeout` seconds, without holding up the loop."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # The loop is gone, and so is who waited.
                loop.call_soon_threadsafe(_arrive, arrived)

        with self._lock:
            if self.written.is_set():
                return True
            self._wake.append(wake)
        await asyncio.wait({arrived}, timeout=timeout)
        return self.written.is_set()


def _arrive(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)

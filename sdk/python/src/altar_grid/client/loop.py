"""One event loop on a thread of its own, on which everything blocking waits. It serves the whole process."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from altar_grid.errors import SettingError

_Result = TypeVar("_Result")


class LoopThread:
    """A loop that runs on a thread, started at first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="altar-grid", daemon=True)
                self._thread.start()
            return self._loop

    def run(self, work: Coroutine[Any, Any, _Result]) -> _Result:
        """Runs a coroutine there and waits for it; an interrupt of the waiting thread cancels it.

        Raises:
            SettingError: It was called on that very thread, which would wait for itself.
        """
        loop = self._running()
        if threading.current_thread() is self._thread:
            work.close()
            raise SettingError("a blocking method was called from the package's own loop; await the same one instead")
        future = asyncio.run_coroutine_threadsafe(work, loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def stop(self) -> None:
        """Stops the loop; the next use starts another."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=1)


LOOP = LoopThread()
atexit.register(LOOP.stop)
if hasattr(os, "register_at_fork"):
    # A child has no threads of its parent.
    os.register_at_fork(after_in_child=LOOP.__init__)  # type: ignore[misc]

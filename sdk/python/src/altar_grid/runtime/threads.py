"""Threads for functions that block. They do not keep the program from ending, as those of `concurrent.futures` would:
a tool that hangs must not hold up a runtime that was told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

_Result = TypeVar("_Result")


class Threads:
    """At most `most` threads, each started when it is needed first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._idle = threading.Semaphore(0)
        self._started = 0

    def run(self, work: Callable[[], _Result], ended: Callable[[], None]) -> asyncio.Future[_Result]:
        """Runs a function that raises nothing.

        Args:
            work: The function.
            ended: Called on the event loop when it has ended, also where nobody waits for its result any more.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Result] = loop.create_future()

        def settle(result: _Result) -> None:
            ended()
            if not future.done():
                future.set_result(result)

        def job() -> None:
            result = work()
            # The loop may have ended in the meantime; then nobody waits.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(settle, result)

        self._work.put(job)
        if not self._idle.acquire(blocking=False) and self._started < self._most:
            self._started += 1
            threading.Thread(target=self._serve, name=f"altar-grid-tool-{self._started}", daemon=True).start()
        return future

    def _serve(self) -> None:
        while True:
            job = self._work.get()
            if job is None:
                return
            job()
            self._idle.release()

    def close(self) -> None:
        """Lets each thread go when it is done."""
        for _ in range(self._started):
            self._work.put(None)

"""Serving beside other work, on a thread of its own."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from altar_grid.client.loop import LOOP
from altar_grid.errors import GridError, Timeout

Serve: TypeAlias = "Callable[[asyncio.Event, Callable[[], None]], Coroutine[Any, Any, None]]"


class Background:
    """A runtime on the package's own loop.

    Args:
        serve: Serves until the event is set, and calls the function once the host has accepted the tools.
    """

    def __init__(self, serve: Serve) -> None:
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._stop, self._serving = LOOP.run(self._begin(serve))

    async def _begin(self, serve: Serve) -> tuple[asyncio.Event, asyncio.Task[None]]:
        stop = asyncio.Event()
        serving = asyncio.get_running_loop().create_task(serve(stop, self._attached))
        serving.add_done_callback(self._ended)
        return stop, serving

    def _attached(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _ended(self, serving: asyncio.Task[None]) -> None:
        if self._ready.done():
            return
        fault = None if serving.cancelled() else serving.exception()
        self._ready.set_exception(fault or not_in_time())

    def wait(self, timeout: float) -> None:
        """Until the host has accepted the tools, at most so many seconds; raises why it has not."""
        try:
            self._ready.result(timeout)
        except concurrent.futures.TimeoutError:
            raise not_in_time() from None

    def stop(self) -> None:
        """Ends it and waits; raises how it had ended by itself."""

        async def ended() -> None:
            self._stop.set()
            fault = (await asyncio.gather(self._serving, return_exceptions=True))[0]
            # What `wait` has raised already is not raised again.
            if isinstance(fault, GridError) and self._ready.exception() is None:
                raise fault

        LOOP.run(ended())


def not_in_time() -> GridError:
    """What is raised where the host did not accept the tools in time."""
    return Timeout("the host did not accept the runtime in time; check that it runs and that the endpoint is right")

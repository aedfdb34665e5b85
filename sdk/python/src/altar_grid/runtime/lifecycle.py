"""What a runtime does when the host swaps, pauses or resumes one of its tools. Each handler runs beside the calls, so
that one that takes its time holds none up."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal, TypeAlias, get_args

from altar_grid._wire.grid.v1 import runtime_pb2
from altar_grid.runtime import frames
from altar_grid.runtime.threads import Threads

log = logging.getLogger("altar_grid.runtime")

#: What the host asks: make ready (30 s), say whether it is well (5 s), clean up (10 s), no calls come, they come again.
Phase: TypeAlias = Literal["init", "health", "cleanup", "pause", "resume"]
#: A function without arguments; what it raises is a no.
Handler: TypeAlias = Callable[[], "Awaitable[None] | None"]

PHASES: tuple[str, ...] = get_args(Phase)

#: Handlers that run at the same time; what is asked beyond that is answered at once with a no.
OPEN = 64
LONGEST_MESSAGE = 500


class Moments:
    """What is being done of it for one attachment.

    Args:
        handlers: By tool and phase; what has none is answered with a yes.
        say: Takes each frame that is to be written.
    """

    def __init__(
        self,
        handlers: Mapping[tuple[str, str], Handler],
        say: Callable[[runtime_pb2.RuntimeFrame], None],
    ) -> None:
        self._handlers = handlers
        self._say = say
        self._doing: set[asyncio.Task[None]] = set()
        self._threads = Threads(4)

    def take(self, ask: runtime_pb2.Lifecycle) -> None:
        """Begins what is asked, or answers at once."""
        known = runtime_pb2.Lifecycle.Phase.values()
        phase = runtime_pb2.Lifecycle.Phase.Name(ask.phase).lower() if ask.phase in known else ""
        log.debug("the host asks %s of %s (%s)", phase, ask.tool, ask.correlation_id)
        handler = self._handlers.get((ask.tool, phase))
        if phase not in PHASES:
            self._say(frames.report(ask.sequence, "this phase is not known here"))
        elif handler is None:
            self._say(frames.report(ask.sequence))
        elif len(self._doing) >= OPEN:
            self._say(frames.report(ask.sequence, "too much is asked at once"))
        else:
            doing = asyncio.get_running_loop().create_task(self._do(ask.sequence, handler))
            self._doing.add(doing)
            doing.add_done_callback(self._doing.discard)

    async def _do(self, sequence: int, handler: Handler) -> None:
        fault: Exception | None = None
        try:
            if inspect.iscoroutinefunction(handler):
                await handler()
            else:
                fault = await self._threads.run(lambda: _caught(handler), lambda: None)
        except Exception as raised:  # noqa: BLE001 -- whatever a handler raises is its no
            fault = raised
        if fault is not None:
            log.warning("the host was told no: %s", fault, exc_info=fault)
            words = str(fault).strip().splitlines() or ["the handler failed unexpectedly"]
            self._say(frames.report(sequence, words[0][:LONGEST_MESSAGE]))
        else:
            self._say(frames.report(sequence))

    def close(self) -> None:
        """Gives up what is being done."""
        for doing in self._doing:
            doing.cancel()
        self._threads.close()


def _caught(handler: Handler) -> Exception | None:
    try:
        handler()
    except Exception as raised:  # noqa: BLE001 -- as above
        return raised
    return None

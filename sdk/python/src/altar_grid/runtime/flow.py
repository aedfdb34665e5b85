"""Results in pieces: what a tool yields goes out as it comes, and waits where the host has no room for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from altar_grid._wire.grid.v1 import call_pb2, errors_pb2, runtime_pb2
from altar_grid.runtime.frames import Job, sendable
from altar_grid.tools import ToolError, write_result

#: Bytes of one chunk at most.
PIECE = 32 << 10
#: What a chunk costs of the stream's credit at least, as the host counts.
LEAST = 256


@dataclass(frozen=True)
class Features:
    """What was agreed with the host.

    Attributes:
        credit: Bytes that a stream may send before the host grants more; 0 where results are not sent in pieces.
        progress: The host takes progress.
    """

    credit: int = 0
    progress: bool = False


#: Nothing beside the usual.
NOTHING = Features()


class Flow:
    """One streamed result. It lives on the event loop.

    Args:
        job: The call.
        credit: Bytes that may be sent at first.
        say: Takes each frame that is to be written.
    """

    def __init__(self, job: Job, credit: int, say: Callable[[runtime_pb2.RuntimeFrame], None]) -> None:
        self._job = job
        self._credit = credit
        self._say = say
        self._more = asyncio.Event()
        self._turn = asyncio.Lock()
        self._sent = 0
        self._closed = False

    @property
    def begun(self) -> bool:
        """Whether a chunk was sent: then the end is one, too."""
        return self._sent > 0

    def grant(self, room: int) -> None:
        """The host has room for so many bytes more."""
        self._credit += room
        self._more.set()

    def close(self) -> None:
        """Nobody takes more of it; whoever sends is told so."""
        self._closed = True
        self._more.set()

    async def send(self, data: bytes) -> None:
        """Sends the next part, as soon as there is room for it.

        Raises:
            ToolError: The call was given up.
        """
        async with self._turn:
            for at in range(0, len(data), PIECE):
                piece = data[at : at + PIECE]
                cost = max(len(piece), LEAST)
                while self._credit < cost and not self._closed:
                    self._more.clear()
                    await self._more.wait()
                if self._closed:
                    raise ToolError("CANCELLED", "nobody waits for the answer any more")
                self._credit -= cost
                self._say(self._chunk(piece))

    def end(self, fault: ToolError | None) -> None:
        """The last chunk: without a fault all that was sent is the result."""
        self._say(self._chunk(b"", final=True, fault=fault))

    def _chunk(
        self, payload: bytes, *, final: bool = False, fault: ToolError | None = None
    ) -> runtime_pb2.RuntimeFrame:
        chunk = call_pb2.StreamChunk(
            invocation_id=self._job.invocation_id,
            chunk_id=self._sent,
            payload=payload,
            is_final=final,
            correlation_id=self._job.correlation_id,
        )
        if fault is not None:
            chunk.error.CopyFrom(errors_pb2.Error(message=sendable(fault.message), type=sendable(fault.kind)))
        self._sent += 1
        return runtime_pb2.RuntimeFrame(chunk=chunk)


class Array:
    """What a generator yields, as one array: sent piece by piece where the call is streamed, otherwise put together."""

    def __init__(self, flow: Flow | None) -> None:
        self._flow = flow
        self._texts: list[str] = []
        self._first = True

    async def add(self, item: object) -> None:
        """The next element."""
        text = write_result(item)
        sign, self._first = "[" if self._first else ",", False
        if self._flow is None:
            self._texts.append(sign + text)
        else:
            await self._flow.send((sign + text).encode())

    async def end(self) -> str:
        """The result, where it was not sent already."""
        if self._flow is not None and self._flow.begun:
            await self._flow.send(b"]")
            return ""
        return "".join(self._texts) + ("[]" if self._first else "]")


def progress(job: Job, fraction: float, message: str) -> runtime_pb2.RuntimeFrame:
    """How far a call has come."""
    return runtime_pb2.RuntimeFrame(
        progress=call_pb2.Progress(
            invocation_id=job.invocation_id,
            correlation_id=job.correlation_id,
            fraction=fraction,
            message=sendable(message),
        )
    )

"""A call whose result comes in pieces. Nothing counts as whole before the end says how much there was and its digest
agrees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn

from altar_grid._wire.grid.v1 import call_pb2
from altar_grid.client.answer import attempts, read_answer
from altar_grid.client.loop import LOOP
from altar_grid.client.refusals import call_refusal
from altar_grid.errors import Attempt, BadAnswer, ToolFailed

if TYPE_CHECKING:
    from altar_grid.client.transport import Transport


@dataclass(frozen=True)
class Chunk:
    """The next part of a result.

    Attributes:
        payload: Bytes of a JSON text; they may begin and end within a character.
    """

    payload: bytes


@dataclass(frozen=True)
class Progress:
    """How far a call has come.

    Attributes:
        fraction: From 0 to 1.
        message: For people.
    """

    fraction: float
    message: str


@dataclass(frozen=True)
class StreamEnd:
    """A result that is complete, and on the host's record.

    Attributes:
        chunks: How many chunks there were.
        bytes: How many bytes.
        digest: `sha256:` and the digest of the bytes in order; it was compared.
        invocation_id: The host's id of the execution.
        correlation_id: Joins the result with the host's log.
        repeated: The answer of an earlier call with the same call id.
        receipt: That the end is on record, where the call asked for it.
        attempts: The runtimes that had the call, in that order, as far as the host lets its callers know.
    """

    chunks: int
    bytes: int
    digest: str
    invocation_id: str
    correlation_id: str
    repeated: bool = False
    receipt: call_pb2.AuditReceipt | None = None
    attempts: tuple[Attempt, ...] = ()


class CallStream:
    """A streamed call: iterate over it for its chunks and progress. Whoever reads slowly slows the tool down; leaving
    it, by the end of `async with` or by `close`, stops the call.

        async with session.stream("export_orders") as stream:
            async for piece in stream:
                if isinstance(piece, Chunk):
                    out.write(piece.payload)

    Attributes:
        end: What the result was; `None` before its end.
    """

    def __init__(self, transport: Transport, request: call_pb2.ToolCall) -> None:
        self._request = request
        self._events = transport.stream_tool_call(request)
        self._digest = hashlib.sha256()
        self._chunks = 0
        self._bytes = 0
        self.end: StreamEnd | None = None

    @property
    def call_id(self) -> str:
        """The caller's own name for the call."""
        return self._request.call.call_id

    async def __aenter__(self) -> CallStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Reads no more; a call that is not over is stopped."""
        await self._events.aclose()

    def __aiter__(self) -> CallStream:
        return self

    async def __anext__(self) -> Chunk | Progress:
        if self.end is not None:
            raise StopAsyncIteration
        async for event in self._events:
            match event.WhichOneof("event"):
                case "chunk":
                    return self._chunk(event.chunk)
                case "progress":
                    return Progress(event.progress.fraction, event.progress.message)
                case "end":
                    self.end = self._ended(event.end)
                    await self.close()
                    raise StopAsyncIteration
                case _:
                    self._bad("an event is of no known kind")
        self._bad("the stream ended without an end")

    async def read(self) -> bytes:
        """The rest of the result, put together.

        Raises:
            GridError: As iterating.
        """
        return b"".join([piece.payload async for piece in self if isinstance(piece, Chunk)])

    def _chunk(self, chunk: call_pb2.StreamChunk) -> Chunk:
        if chunk.chunk_id != self._chunks:
            self._bad("a piece of the result is missing")
        self._chunks += 1
        self._bytes += len(chunk.payload)
        self._digest.update(chunk.payload)
        return Chunk(chunk.payload)

    def _ended(self, end: call_pb2.CallToolResponse) -> StreamEnd:
        refused = call_refusal(end)
        if refused is not None:
            raise refused
        if end.WhichOneof("outcome") == "result":
            failure = read_answer(self._request, end).failure
            if isinstance(failure, ToolFailed):
                raise failure
            self._bad("the end has a result, which belongs into chunks")
        if end.WhichOneof("outcome") != "streamed":
            self._bad("the end has neither a result nor a refusal")
        digest = f"sha256:{self._digest.hexdigest()}"
        if (end.streamed.chunks, end.streamed.bytes, end.streamed.digest) != (self._chunks, self._bytes, digest):
            self._bad("the pieces are not those that the host has on record")
        return StreamEnd(
            chunks=self._chunks,
            bytes=self._bytes,
            digest=digest,
            invocation_id=end.invocation_id,
            correlation_id=self._request.correlation_id,
            repeated=end.repeated,
            receipt=end.receipt if end.HasField("receipt") else None,
            attempts=attempts(end),
        )

    def _bad(self, message: str) -> NoReturn:
        raise BadAnswer(message, correlation_id=self._request.correlation_id, tool=self._request.call.name)


class SyncCallStream:
    """`CallStream`, blocking: `for piece in stream`, and `with`."""

    def __init__(self, stream: CallStream) -> None:
        self._stream = stream

    @property
    def call_id(self) -> str:
        """As `CallStream.call_id`."""
        return self._stream.call_id

    @property
    def end(self) -> StreamEnd | None:
        """As `CallStream.end`."""
        return self._stream.end

    def __enter__(self) -> SyncCallStream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """As `CallStream.close`."""
        LOOP.run(self._stream.close())

    def __iter__(self) -> Iterator[Chunk | Progress]:
        return self

    def __next__(self) -> Chunk | Progress:
        piece = LOOP.run(self._next())
        if piece is None:
            raise StopIteration
        return piece

    async def _next(self) -> Chunk | Progress | None:
        return await anext(self._stream, None)

    def read(self) -> bytes:
        """As `CallStream.read`."""
        return LOOP.run(self._stream.read())

"""One attachment: the stream to the host, the one queue through which every frame leaves, and the calls on it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine, Mapping
from enum import Enum
from typing import Any

import grpc
import grpc.aio

from altar_grid._wire.grid.v1 import runtime_pb2
from altar_grid.runtime import frames
from altar_grid.runtime.bench import Bench
from altar_grid.runtime.flow import NOTHING, Features
from altar_grid.runtime.lifecycle import Handler, Moments
from altar_grid.tools import Tool

log = logging.getLogger("altar_grid.runtime")

#: Missed heartbeats after which the host counts as gone.
MISSED_BEATS = 3
#: Seconds that a leaving runtime waits for the host to have read its drain, and to close the stream.
FAREWELL = 1.0
#: Seconds for the calls in flight where a host drains and does not say how long it waits.
HOST_GRACE = 30.0
#: Seconds between heartbeats where the host does not say.
DEFAULT_BEAT = 10.0
#: Frames that may wait for the host before the runtime stops listening to it.
OUTBOX = 1_024


class Ended(Enum):
    """Why serving ended."""

    #: The stream is gone, or the host said bye or fell silent.
    LOST = "lost"
    #: The host wants no more of this attachment.
    HOST_DRAINS = "host_drains"
    #: This program is told to stop.
    STOPPED = "stopped"


class Attachment:
    """A stream after its handshake.

    Args:
        stream: The stream.
        tools: The tools that the host has accepted, by name.
        early: What was heard during the handshake and is still to be handled.
        beat: Seconds between heartbeats; 0 for the usual time.
        limit: How many calls run at the same time.
        message_limit: The largest message in bytes.
        features: What was agreed with the host.
        handlers: What the tools do around a swap, by tool and phase.
    """

    def __init__(
        self,
        stream: Any,
        tools: Mapping[str, Tool[..., Any]],
        early: list[runtime_pb2.HostFrame],
        *,
        beat: float,
        limit: int,
        message_limit: int,
        handlers: Mapping[tuple[str, str], Handler],
        features: Features = NOTHING,
    ) -> None:
        self._stream = stream
        self._early = early
        self._beat = beat or DEFAULT_BEAT
        self._outbox: asyncio.Queue[runtime_pb2.RuntimeFrame | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()
        self._sent = 0
        self._acknowledged = asyncio.Event()
        self._awaited = 0
        self._heard = time.monotonic()
        self._host_grace = HOST_GRACE
        self._leaving = False
        self.bench = Bench(tools, limit, message_limit, self._say, features)
        self._moments = Moments(handlers, self._say)

    async def serve(self, stop: asyncio.Event, grace: float) -> Ended:
        """Answers calls until something ends it, and takes leave properly where it can.

        Args:
            stop: Set where this program is told to stop.
            grace: Seconds that calls in flight may go on then.
        """
        reading, writing = _task(self._read()), _task(self._write())
        beating, stopping = _task(self._beats()), _task(stop.wait())
        try:
            done, _ = await asyncio.wait([reading, writing, beating, stopping], return_when=asyncio.FIRST_COMPLETED)
            if reading in done or writing in done or beating in done:
                ended = reading.result() if reading in done else Ended.LOST
            else:
                ended = Ended.STOPPED
            if ended is Ended.STOPPED:
                await self._leave(grace, reading)
            elif ended is Ended.HOST_DRAINS:
                # Goes on listening: the host may cancel what is in flight.
                self._leaving = True
                reading = _task(self._read())
                await self._finish("the host asked for it", self._host_grace, reading)
            return ended
        finally:
            self.bench.close()
            self._moments.close()
            for task in (reading, writing, beating, stopping):
                task.cancel()
            self._stream.cancel()
            await asyncio.gather(reading, writing, beating, stopping, return_exceptions=True)

    def _say(self, frame: runtime_pb2.RuntimeFrame) -> None:
        self._outbox.put_nowait(frame)
        if self._outbox.qsize() >= OUTBOX:
            self._room.clear()

    async def _write(self) -> Ended:
        try:
            while (frame := await self._outbox.get()) is not None:
                await self._stream.write(frame)
                if self._outbox.qsize() < OUTBOX:
                    self._room.set()
            await self._stream.done_writing()
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError) as fault:
            _broke(fault)
            return Ended.LOST
        # Nothing more is to be written; how it ends is for the reader to say.
        await asyncio.Future()
        return Ended.LOST

    async def _beats(self) -> Ended:
        # The first one at once: until it is there the host does not know how many calls there is room for.
        self._pulse()
        while True:
            await asyncio.sleep(self._beat)
            if time.monotonic() - self._heard > self._beat * MISSED_BEATS:
                log.warning("the host has been silent for three heartbeats; connecting anew")
                return Ended.LOST
            self._pulse()

    def _pulse(self) -> int:
        self._sent += 1
        self._say(frames.heartbeat(self._sent, self.bench.in_flight, self.bench.room, self.bench.busy_percent))
        return self._sent

    async def _read(self) -> Ended:
        try:
            while True:
                if self._early:
                    frame = self._early.pop(0)
                else:
                    await self._room.wait()
                    frame = await self._stream.read()
                    if frame is grpc.aio.EOF:
                        return Ended.LOST
                self._heard = time.monotonic()
                ended = self._hear(frame)
                if ended is not None:
                    return ended
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError) as fault:
            _broke(fault)
            return Ended.LOST

    def _hear(self, frame: runtime_pb2.HostFrame) -> Ended | None:
        match frame.WhichOneof("frame"):
            case "call":
                self.bench.take(frame.call)
            case "cancel":
                self.bench.cancel(frame.cancel.invocation_id)
            case "credit":
                self.bench.grant(frame.credit.invocation_id, frame.credit.bytes)
            case "lifecycle":
                self._moments.take(frame.lifecycle)
            case "heartbeat_ack":
                if frame.heartbeat_ack.sequence >= self._awaited:
                    self._acknowledged.set()
            case "drain" if self._leaving:
                pass
            case "drain":
                log.info("the host drains this runtime: %s", frame.drain.reason)
                self._host_grace = frame.drain.grace_ms / 1000 or HOST_GRACE
                return Ended.HOST_DRAINS
            case "bye":
                log.info("the host ends the attachment: %s", frame.bye.reason)
                return Ended.LOST
            case "error":
                # Answering an error with an error would never end.
                inner = frame.error.error
                log.warning("the host could not use a frame: %s: %s", inner.type, inner.message)
            case "answer":
                self.bench.upwards.answered(frame.answer)
            case "capability_updated" | "validated":
                log.debug("the host answered something that was not asked")
            case None:
                self._refuse("the frame is of no known kind; use frames of protocol version 1.0")
            case _:
                self._refuse("the frame answers nothing that was asked; leave it out")
        return None

    def _refuse(self, message: str) -> None:
        self._say(frames.protocol_error("PROTOCOL_VIOLATION", message))

    async def _leave(self, grace: float, reading: asyncio.Task[Ended]) -> None:
        """Tells the host to send no new calls, answers what is in flight, says bye."""
        self._leaving = True
        self._say(frames.drain("the program stops", grace))
        # Frames keep their order: once this heartbeat is answered, no call can be on its way any more.
        self._acknowledged.clear()
        self._awaited = self._pulse()
        await _either(_task(self._acknowledged.wait()), reading, min(FAREWELL, grace))
        await self._finish("the program stops", grace, reading)

    async def _finish(self, reason: str, grace: float, reading: asyncio.Task[Ended]) -> None:
        await _either(_task(self.bench.idle()), reading, grace)
        if reading.done() and reading.result() is Ended.LOST:
            return
        given_up = self.bench.abandon()
        if given_up:
            log.warning("%d calls were given up at the end of the grace period", given_up)
        self._say(frames.bye(reason))
        # Our half of the stream ends here; the host's follows.
        self._outbox.put_nowait(None)
        await asyncio.wait([reading], timeout=FAREWELL)


def _task(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


async def _either(work: asyncio.Task[Any], reading: asyncio.Task[Ended], seconds: float) -> None:
    """Until the work is done, the stream has ended, or the time is over."""
    await asyncio.wait([work, reading], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    work.cancel()


def _broke(fault: BaseException) -> None:
    said = fault.details() if isinstance(fault, grpc.aio.AioRpcError) else str(fault)
    log.warning("the stream broke: %s", said)

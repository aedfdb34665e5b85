"""A GRID runtime on the bare generated stubs: everything that a runtime must do, and no SDK.

One stream carries the whole conversation. The runtime announces itself, offers its tools, answers calls, sends
heartbeats, and on SIGTERM drains: it asks for no more calls, finishes what is in flight, and says bye.

Environment: GRID_ENDPOINT (http://127.0.0.1:9090), GRID_TOKEN_FILE. Run `setup.sh` first.
"""

import asyncio
import logging
import os
import pathlib
import random
import secrets
import signal
import sys
import time
from typing import Any

import grpc

from tools import TOOLS, ToolError, run_tool

sys.path.insert(0, str(pathlib.Path(__file__).parent / "build"))
from grid.adm.v1 import adm_pb2
from grid.v1 import call_pb2, common_pb2, fulfilment_pb2, handshake_pb2, runtime_pb2, runtime_pb2_grpc

RUNTIME_ID = "quickstart-python"
GRACE_SECONDS = 30.0
MOST_CALLS = 64
log = logging.getLogger(RUNTIME_ID)


class Refused(Exception):
    """The host does not let this runtime in, and trying again would not help."""


class Attachment:
    """The stream, and the one queue through which every frame leaves."""
    def __init__(self, stream: Any, accepted: set[str]) -> None:
        self.stream, self.accepted = stream, accepted
        self.outbox: asyncio.Queue[runtime_pb2.RuntimeFrame] = asyncio.Queue(maxsize=1024)
        self.calls: dict[str, asyncio.Task[None]] = {}
        self.sent_beats, self.heard_beats = 0, 0

    async def say(self, **frame: Any) -> None:
        await self.outbox.put(runtime_pb2.RuntimeFrame(**frame))

    async def beat(self) -> None:
        self.sent_beats += 1
        busy = len(self.calls)
        await self.say(heartbeat={"sequence": self.sent_beats, "in_flight": busy, "free_slots": MOST_CALLS - busy})

    async def write(self) -> None:
        while True:
            await self.stream.write(await self.outbox.get())
            self.outbox.task_done()

    async def heartbeats(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            if self.sent_beats - self.heard_beats >= 3:
                raise ConnectionError("the host has been silent for three heartbeats")
            await self.beat()

    async def read(self) -> str:
        """Ends when the host drains the attachment, says bye, or is gone."""
        while (frame := await self.stream.read()) is not grpc.aio.EOF:
            match frame.WhichOneof("frame"):
                case "call":
                    await self.take(frame.call)
                case "cancel":
                    if task := self.calls.pop(frame.cancel.invocation_id, None):
                        task.cancel()
                case "heartbeat_ack":
                    self.heard_beats = max(self.heard_beats, frame.heartbeat_ack.sequence)
                case "drain" | "bye" as kind:
                    log.info("the host says %s: %s", kind, getattr(frame, kind).reason)
                    return kind
                case "error":
                    log.warning("the host could not use a frame: %s", frame.error.error.message)
                case None:
                    text = "the frame is of no known kind; use frames of protocol version 1.0"
                    await self.say(error={"error": {"type": "PROTOCOL_VIOLATION", "message": text}})
        return "lost"

    async def take(self, call: call_pb2.ToolCall) -> None:
        if call.call.name not in self.accepted:
            await self.say(result=answer(call, ToolError("UNSUPPORTED_TOOL", "call a tool that the runtime fulfils")))
        elif len(self.calls) >= MOST_CALLS or call.invocation_id in self.calls:
            await self.say(result=answer(call, ToolError("RESOURCE_EXHAUSTED", "no room for it now; try again later")))
        else:
            self.calls[call.invocation_id] = asyncio.create_task(self.work(call))

    async def work(self, call: call_pb2.ToolCall) -> None:
        left = call.deadline_unix_ms / 1000 - time.time() if call.deadline_unix_ms else None
        await self.say(result=answer(call, await run_tool(call.call.name, call.call.args, left)))
        self.calls.pop(call.invocation_id, None)

    async def leave(self) -> None:
        """Once the heartbeat behind the drain is acknowledged, no call can be on its way any more."""
        await self.say(drain={"reason": "the program stops", "grace_ms": int(GRACE_SECONDS * 1000)})
        await self.beat()
        awaited, end = self.sent_beats, time.monotonic() + 1
        while self.heard_beats < awaited and time.monotonic() < end:
            await asyncio.sleep(0.01)
        await self.finish("the program stops")

    async def finish(self, reason: str) -> None:
        if self.calls:
            await asyncio.wait(list(self.calls.values()), timeout=GRACE_SECONDS)
        await self.say(bye={"reason": reason})
        await asyncio.wait_for(self.outbox.join(), timeout=1)
        await self.stream.done_writing()


def answer(call: call_pb2.ToolCall, outcome: str | ToolError) -> call_pb2.ToolResult:
    result = adm_pb2.ToolResult(call_id=call.call.call_id, name=call.call.name)
    if isinstance(outcome, ToolError):
        result.status = adm_pb2.TOOL_RESULT_STATUS_ERROR
        result.error.type, result.error.message = outcome.kind, str(outcome)[:500]
    else:
        result.status, result.content = adm_pb2.TOOL_RESULT_STATUS_SUCCESS, outcome
    return call_pb2.ToolResult(invocation_id=call.invocation_id, correlation_id=call.correlation_id, result=result)


async def expect(stream: Any, kind: str) -> Any:
    frame = await stream.read()
    if frame is grpc.aio.EOF or frame.WhichOneof("frame") != kind:
        raise ConnectionError(f"the host did not answer with `{kind}`")
    return getattr(frame, kind)


async def handshake(stream: Any) -> tuple[Attachment, float]:
    """Says who this is and what it serves; only what the host accepts is served."""
    ids = {"runtime_id": RUNTIME_ID, "correlation_id": f"runtime-{int(time.time())}-{secrets.token_hex(4)}"}
    announce = handshake_pb2.AnnounceRuntime(
        language="python", version="0.1.0", capabilities=["basic-execution", "session-management", "level-2"],
        compliance_level=common_pb2.LEVEL_2_ENHANCED, protocol_version="1.0", supported_versions=["1.0"], **ids)
    await stream.write(runtime_pb2.RuntimeFrame(announce=announce))
    announced = await expect(stream, "announced")
    if announced.HasField("error"):
        kind = ConnectionError if announced.error.retry_allowed else Refused
        raise kind(f"{announced.error.type}: {announced.error.message}")
    await stream.write(runtime_pb2.RuntimeFrame(fulfil=fulfilment_pb2.FulfillTools(tool_names=list(TOOLS), **ids)))
    fulfilled = await expect(stream, "fulfilled")
    for name, error in zip(fulfilled.rejected_tools, fulfilled.errors):
        log.warning("the host rejects %s: %s: %s", name, error.type, error.message)
    if not (accepted := set(fulfilled.fulfilled_tools) & TOOLS.keys()):
        raise Refused("the host accepts none of the tools; compare their names with its manifest")
    log.info("serving %s", ", ".join(sorted(accepted)))
    return Attachment(stream, accepted), (announced.heartbeat_interval_ms or 10_000) / 1000


async def attach(stop: asyncio.Event) -> None:
    """One attachment from the first frame to the last."""
    endpoint = os.environ.get("GRID_ENDPOINT", "http://127.0.0.1:9090").removeprefix("http://")
    path = os.environ.get("GRID_TOKEN_FILE")
    metadata = [("authorization", f"Bearer {pathlib.Path(path).read_text().strip()}")] if path else []
    async with grpc.aio.insecure_channel(endpoint) as channel:
        stream = runtime_pb2_grpc.RuntimeServiceStub(channel).Attach(metadata=metadata)
        async with asyncio.timeout(10):
            attachment, seconds = await handshake(stream)
        work = [attachment.read(), attachment.write(), attachment.heartbeats(seconds), stop.wait()]
        reader, *_ = tasks = [asyncio.create_task(each) for each in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if stop.is_set():
                await attachment.leave()
                await asyncio.wait([reader], timeout=1)
            elif [task.result() for task in done] == ["drain"]:
                await attachment.finish("the host asked for it")
        finally:
            for task in [*tasks, *attachment.calls.values()]:
                task.cancel()


async def main() -> int:
    stop, pause = asyncio.Event(), 0.5
    for wish in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(wish, stop.set)
    while not stop.is_set():
        began = time.monotonic()
        try:
            await attach(stop)
        except Refused as error:
            log.error("%s", error)
            return 1
        except (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError, OSError) as error:
            log.warning("not attached: %s", error.details() if isinstance(error, grpc.aio.AioRpcError) else error)
        pause = 0.5 if time.monotonic() - began > 60 else min(pause * 2, 30.0)
        await asyncio.wait([asyncio.create_task(stop.wait())], timeout=pause * random.uniform(0.9, 1.1))
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    sys.exit(asyncio.run(main()))

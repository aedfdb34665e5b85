"""Measures a Python runtime beside a bare grpc.aio server that does the same work: read two numbers from JSON, add
them, write the sum. Each serves in a process of its own; what drives it is this process, with calls always in flight.

Usage: bench.py [--calls N] [--in-flight N] [--rounds N] [--json]

The rate is that of both processes together: it depends on how busy the machine is, and driving single requests costs
this process more than driving a stream. The processor time is that of the serving process alone, and the fairer one.
Rounds of the two are interleaved, and the middle one of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio

from altar_grid import AltarRuntime, tool
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import (
    call_pb2,
    fulfilment_pb2,
    handshake_pb2,
    runtime_pb2,
    runtime_pb2_grpc,
)

GOAL = 0.85
METHOD = "/grid.v1.ModuleService/Execute"


@tool
async def on_loop(a: int, b: int) -> int:
    """Adds, on the event loop."""
    return a + b


@tool
def on_thread(a: int, b: int) -> int:
    """Adds, on a thread."""
    return a + b


def call(number: int, name: str) -> call_pb2.ToolCall:
    """One call; its deadline is far off."""
    function = adm_pb2.FunctionCall(call_id=f"c-{number}", name=name, args='{"a": 2, "b": 40}')
    return call_pb2.ToolCall(
        invocation_id=f"i-{number}",
        correlation_id="bench",
        deadline_unix_ms=int(time.time() * 1000) + 60_000,
        call=function,
    )


def checked(result: adm_pb2.ToolResult) -> None:
    """A wrong answer is no answer."""
    if result.content != "42":
        raise SystemExit(f"a wrong answer: {result}")


def processor_seconds(process: int) -> float:
    """Processor time that a process has taken."""
    fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Meter:
    """Calls a second, and microseconds of processor time a call."""

    def __init__(self, process: int) -> None:
        self._process = process
        self._began, self._used = time.monotonic(), processor_seconds(process)

    def read(self, calls: int) -> tuple[float, float]:
        """What it was since the meter was made."""
        seconds, used = time.monotonic() - self._began, processor_seconds(self._process) - self._used
        return calls / seconds, used / calls * 1e6


class Host(runtime_pb2_grpc.RuntimeServiceServicer):
    """Drives the runtime that attaches."""

    def __init__(self, name: str, calls: int, in_flight: int) -> None:
        self.process: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.measured: asyncio.Future[tuple[float, float]] = asyncio.get_running_loop().create_future()
        self._name, self._calls, self._in_flight = name, calls, in_flight

    async def Attach(self, frames: AsyncIterator[Any], context: Any) -> None:
        """The handshake, then the calls."""
        async for frame in frames:
            if frame.WhichOneof("frame") == "announce":
                announced = handshake_pb2.AnnounceRuntimeResponse(connection_id="c-1", mode="strict")
                await context.write(runtime_pb2.HostFrame(announced=announced))
            elif frame.WhichOneof("frame") == "fulfil":
                fulfilled = fulfilment_pb2.FulfillToolsResponse(
                    status="SUCCESS", fulfilled_tools=frame.fulfil.tool_names
                )
                await context.write(runtime_pb2.HostFrame(fulfilled=fulfilled))
                break
        numbers = iter(range(self._calls))
        meter = Meter(await self.process)
        for _, number in zip(range(self._in_flight), numbers, strict=False):
            await context.write(runtime_pb2.HostFrame(call=call(number, self._name)))
        answered = 0
        async for frame in frames:
            if frame.WhichOneof("frame") != "result":
                continue
            checked(frame.result.result)
            answered += 1
            number = next(numbers, -1)
            if number >= 0:
                await context.write(runtime_pb2.HostFrame(call=call(number, self._name)))
            if answered == self._calls:
                self.measured.set_result(meter.read(answered))


async def of_runtime(name: str, calls: int, in_flight: int) -> tuple[float, float]:
    """One round of the runtime."""
    host = Host(name, calls, in_flight)
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    runtime_pb2_grpc.add_RuntimeServiceServicer_to_server(host, server)  # type: ignore[no-untyped-call]
    await server.start()
    with started("serve-runtime", name, str(port)) as process:
        host.process.set_result(process.pid)
        measured = await host.measured
        process.terminate()
    await server.stop(0)
    return measured


async def of_bare(name: str, calls: int, in_flight: int) -> tuple[float, float]:
    """One round of the bare server."""
    with started("serve-bare", name, "0", stdout=subprocess.PIPE) as process:
        if process.stdout is None:
            raise SystemExit("the bare server says nothing")
        port = int(process.stdout.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            execute = channel.unary_unary(
                METHOD,
                request_serializer=call_pb2.ToolCall.SerializeToString,
                response_deserializer=call_pb2.ToolResult.FromString,
            )
            checked((await execute(call(0, name))).result)
            meter = Meter(process.pid)

            async def work(numbers: Iterator[int]) -> None:
                for number in numbers:
                    checked((await execute(call(number, name))).result)

            numbers = iter(range(calls))
            await asyncio.gather(*(work(numbers) for _ in range(in_flight)))
            measured = meter.read(calls)
        process.terminate()
    return measured


def started(*role: str, stdout: int | None = None) -> subprocess.Popen[bytes]:
    """A process that serves."""
    return subprocess.Popen([sys.executable, __file__, *role], stdout=stdout)


def serve_runtime(name: str, port: str) -> None:
    """The runtime as a program has it."""
    AltarRuntime("bench", [on_loop, on_thread], endpoint=f"http://127.0.0.1:{port}").run()


async def serve_bare(name: str) -> None:
    """The least that does the same work."""
    threads = ThreadPoolExecutor(64)

    def work(wire: call_pb2.ToolCall) -> str:
        args = json.loads(wire.call.args)
        return json.dumps(args["a"] + args["b"])

    async def execute(wire: call_pb2.ToolCall, _: Any) -> call_pb2.ToolResult:
        if name == "on_loop":
            content = work(wire)
        else:
            content = await asyncio.get_running_loop().run_in_executor(threads, work, wire)
        result = adm_pb2.ToolResult(
            call_id=wire.call.call_id,
            name=wire.call.name,
            status=adm_pb2.TOOL_RESULT_STATUS_SUCCESS,
            content=content,
        )
        return call_pb2.ToolResult(invocation_id=wire.invocation_id, correlation_id=wire.correlation_id, result=result)

    handler = grpc.unary_unary_rpc_method_handler(
        execute,
        request_deserializer=call_pb2.ToolCall.FromString,
        response_serializer=call_pb2.ToolResult.SerializeToString,
    )
    server = grpc.aio.server()
    service, method = METHOD.strip("/").split("/")
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, {method: handler})])
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


async def measure(name: str, calls: int, in_flight: int, rounds: int) -> dict[str, Any]:
    """The middle round of each, and how they compare."""
    rates: dict[str, list[float]] = {"runtime": [], "bare": []}
    times: dict[str, list[float]] = {"runtime": [], "bare": []}
    for _ in range(rounds):
        for kind, one in (("runtime", of_runtime), ("bare", of_bare)):
            found = await one(name, calls, in_flight)
            rates[kind].append(found[0])
            times[kind].append(found[1])
    rate = {kind: statistics.median(each) for kind, each in rates.items()}
    spent = {kind: statistics.median(each) for kind, each in times.items()}
    return {
        "tool": name,
        "in_flight": in_flight,
        "calls_a_second": rate,
        "processor_us_a_call": spent,
        "rate_to_bare": rate["runtime"] / rate["bare"],
        "processor_to_bare": spent["runtime"] / spent["bare"],
    }


def main() -> None:
    """Measures and prints."""
    if sys.argv[1:2] == ["serve-runtime"]:
        return serve_runtime(*sys.argv[2:])
    if sys.argv[1:2] == ["serve-bare"]:
        return asyncio.run(serve_bare(sys.argv[2]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    for name in ("on_loop", "on_thread"):
        found = asyncio.run(measure(name, given.calls, given.in_flight, given.rounds))
        if given.json:
            print(json.dumps(found), flush=True)
            continue
        for kind in ("runtime", "bare"):
            rate, spent = found["calls_a_second"][kind], found["processor_us_a_call"][kind]
            print(f"{name:9} {kind:7} {rate:8.0f} calls/s {spent:6.0f} us of processor a call")
        verdict = "met" if found["rate_to_bare"] >= GOAL else "missed"
        print(f"{name:9} runtime to bare {found['rate_to_bare']:.2f}, at least {GOAL}: {verdict}")


if __name__ == "__main__":
    main()

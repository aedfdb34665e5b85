"""Results in pieces, with a real host between client and runtime."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from host import Host, contract, manifest

from altar_grid import AltarClient, AltarRuntime, ToolError, ToolFailed, current_call, errors, tool
from altar_grid.client import Chunk, Progress

#: How far `endless` came, and that it was stopped.
YIELDED = 0
STOPPED = threading.Event()


@tool
def rows(count: int, size: int = 10) -> Iterator[dict[str, Any]]:
    """Yields rows from a thread."""
    for number in range(count):
        call = current_call()
        if call is not None:
            call.progress(number / count, f"row {number}")
        yield {"number": number, "text": "ä" * size}


@tool
async def words(text: str) -> AsyncIterator[str]:
    """Yields words on the loop."""
    for word in text.split():
        await asyncio.sleep(0)
        yield word


@tool
def endless() -> Iterator[str]:
    """Never ends by itself."""
    global YIELDED
    try:
        while True:
            yield "x" * 10_000
            YIELDED += 10_000
    finally:
        STOPPED.set()


@tool
def breaks(after: int) -> Iterator[int]:
    """Fails in the middle."""
    yield from range(after)
    raise ToolError("DISK_FULL", "there is no room; free some")


@tool
def whole(size: int) -> str:
    """Answers at once."""
    return "y" * size


ALL = (rows, words, endless, breaks, whole)


@pytest.fixture
def host(tmp_path: Any) -> Iterator[Host]:
    contracts = [contract(each.name, each.parameters, effect="read", timeout="60s") for each in ALL]
    running = Host(tmp_path, "strict", manifest(*contracts)).start()
    yield running
    running.stop()


@pytest.fixture
def runtime(host: Host) -> Iterator[AltarRuntime]:
    token = host.runtime_token("streams")
    with AltarRuntime(tools=ALL, endpoint=host.endpoint, token_file=token) as serving:
        yield serving


def client(host: Host) -> AltarClient:
    return AltarClient(host.endpoint, token_file=host.token("alice", "caller"))


async def test_a_generator_is_an_array_that_comes_as_it_is_made(host: Host, runtime: AltarRuntime) -> None:
    async with client(host) as caller, caller.open_session() as session:
        async with session.stream("rows", {"count": 500, "size": 1000}) as stream:
            pieces = [piece async for piece in stream]
        data = b"".join(piece.payload for piece in pieces if isinstance(piece, Chunk))
        assert [row["number"] for row in json.loads(data)] == list(range(500))
        assert stream.end is not None
        assert (stream.end.bytes, stream.end.digest) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")
        said = [piece.fraction for piece in pieces if isinstance(piece, Progress)]
        assert said
        assert said == sorted(said)
        async with session.stream("words", {"text": "one two three"}) as stream:
            assert json.loads(await stream.read()) == ["one", "two", "three"]
        # Whoever wants one answer gets one.
        assert await session.call("words", {"text": "one two"}) == ["one", "two"]
        assert await session.call("rows", {"count": 0}) == []


async def test_a_result_that_no_message_holds_comes_in_pieces(host: Host, runtime: AltarRuntime) -> None:
    async with client(host) as caller, caller.open_session() as session:
        async with session.stream("whole", {"size": 9_000_000}) as stream:
            assert len(json.loads(await stream.read())) == 9_000_000
        with pytest.raises(ToolFailed) as refused:
            await session.call("whole", {"size": 9_000_000})
        assert refused.value.code == "MESSAGE_TOO_LARGE"
        assert "as a stream" in str(refused.value)


async def test_a_slow_reader_slows_the_generator_and_leaving_stops_it(host: Host, runtime: AltarRuntime) -> None:
    STOPPED.clear()
    async with client(host) as caller, caller.open_session() as session:
        async with session.stream("endless") as stream:
            assert isinstance(await anext(stream), Chunk)
            seen = -1
            while seen != YIELDED:
                seen = YIELDED
                await asyncio.sleep(0.5)
            # The host's credit, and what gRPC reads ahead on this side.
            assert 0 < YIELDED < 20_000_000
            assert not STOPPED.is_set()
        assert await asyncio.to_thread(STOPPED.wait, 20)


async def test_a_fault_in_the_middle_is_raised_after_what_came(host: Host, runtime: AltarRuntime) -> None:
    async with client(host) as caller, caller.open_session() as session:
        stream, got = session.stream("breaks", {"after": 3}), b""
        with pytest.raises(ToolFailed) as failed:
            async for piece in stream:
                if isinstance(piece, Chunk):
                    got += piece.payload
        assert (failed.value.code, got) == ("DISK_FULL", b"[0,1,2")
        with pytest.raises(errors.GridError) as refused:
            await session.stream("nothing").read()
        assert refused.value.code == "UNSUPPORTED_TOOL"


async def test_a_runtime_that_goes_ends_its_streams(host: Host, runtime: AltarRuntime) -> None:
    async with client(host) as caller, caller.open_session() as session:
        stream = session.stream("endless")
        assert isinstance(await anext(stream), Chunk)
        runtime.grace = 0.1
        await asyncio.to_thread(runtime.stop)
        with pytest.raises(errors.GridError) as ended:
            await stream.read()
        assert ended.value.code in ("RUNTIME_CRASH", "SERVICE_UNAVAILABLE")


def test_streams_are_read_without_a_loop_too(host: Host, runtime: AltarRuntime) -> None:
    with client(host) as caller, caller.open_session() as session:
        with session.stream("rows", {"count": 20}) as stream:
            data = b"".join(piece.payload for piece in stream if isinstance(piece, Chunk))
        assert len(json.loads(data)) == 20
        assert stream.end is not None
        assert stream.end.bytes == len(data)
        assert json.loads(session.stream("words", {"text": "a b"}).read()) == ["a", "b"]

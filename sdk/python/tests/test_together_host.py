"""All that goes up a runtime's one stream at once: pieces, progress, calls of other tools; with a real host."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from host import Host, contract, manifest

from altar_grid import AltarClient, AltarRuntime, ToolFailed, current_call, tool
from altar_grid.client import Chunk, Progress

NUMBER = {"type": "OBJECT", "properties": {"of": {"type": "INTEGER"}}, "required": ["of"]}


@tool
def double(of: int) -> int:
    """Doubles."""
    return of * 2


@tool
async def mixed(of: int) -> AsyncIterator[Any]:
    """Yields what another tool answers, on the loop."""
    call = current_call()
    assert call is not None
    yield "first"
    for number in range(of):
        call.progress(number / of, f"double {number}")
        yield await call.call("double", {"of": number})


@tool
def mixed_on_a_thread(of: int) -> Iterator[Any]:
    """The same on a thread."""
    call = current_call()
    assert call is not None
    yield "first"
    for number in range(of):
        call.progress(number / of, f"double {number}")
        yield call.call_sync("double", {"of": number})


@tool
async def refused(of: int) -> AsyncIterator[Any]:
    """Is refused something after its first piece."""
    call = current_call()
    assert call is not None
    yield of
    yield await call.call("secret", {"of": of})


@tool
async def many(of: int) -> AsyncIterator[int]:
    """Makes its calls at once and yields their answers in order."""
    call = current_call()
    assert call is not None
    for answer in await asyncio.gather(*(call.call("double", {"of": number}) for number in range(of))):
        yield answer


ALL = (double, mixed, mixed_on_a_thread, refused, many)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    contracts = [contract(each.name, NUMBER, effect="read", timeout="60s") for each in ALL]
    secret = {**contract("secret", NUMBER), "required_roles": ["nobody_has_this"]}
    running = Host(tmp_path_factory.mktemp("together"), "strict", manifest(*contracts, secret)).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def runtime(host: Host) -> Iterator[AltarRuntime]:
    token = host.token("together", "grid_runtime", "caller")
    serving = AltarRuntime(tools=ALL, endpoint=host.endpoint, token_file=token, concurrency=64)

    @serving.on("mixed", "health")
    def well() -> None:
        """Answers beside it all."""

    with serving:
        yield serving


def client(host: Host) -> AltarClient:
    return AltarClient(host.endpoint, token_file=host.token("alice", "caller"))


@pytest.mark.parametrize("name", ["mixed", "mixed_on_a_thread"])
async def test_a_generator_tells_how_far_it_is_and_calls_another_tool(
    host: Host, runtime: AltarRuntime, name: str
) -> None:
    async with client(host) as caller, caller.open_session() as session:
        async with session.stream(name, {"of": 5}) as stream:
            pieces = [piece async for piece in stream]
        data = b"".join(piece.payload for piece in pieces if isinstance(piece, Chunk))
        assert json.loads(data) == ["first", 0, 2, 4, 6, 8]
        assert stream.end is not None
        assert stream.end.bytes == len(data)
        said = [(piece.fraction, piece.message) for piece in pieces if isinstance(piece, Progress)]
        assert said
        assert said == sorted(said)
        # Whoever wants one answer gets one, of the same.
        assert await session.call(name, {"of": 2}) == ["first", 0, 2]


async def test_what_an_inner_call_is_refused_ends_the_stream(host: Host, runtime: AltarRuntime) -> None:
    async with client(host) as caller, caller.open_session() as session:
        stream, got = session.stream("refused", {"of": 7}), b""
        with pytest.raises(ToolFailed) as failed:
            async for piece in stream:
                if isinstance(piece, Chunk):
                    got += piece.payload
        assert (failed.value.code, got) == ("PERMISSION_DENIED", b"[7")


async def test_many_inner_calls_at_once_are_all_answered(host: Host, runtime: AltarRuntime) -> None:
    async with client(host) as caller, caller.open_session() as session, session.stream("many", {"of": 50}) as stream:
        assert json.loads(await stream.read()) == [2 * number for number in range(50)]

"""Slots and calls add up whatever happens to calls, and whenever."""

from __future__ import annotations

import asyncio
import random
import time

import pytest

from altar_grid import tool
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2, runtime_pb2
from altar_grid.runtime.bench import Bench


@tool
async def on_loop(seconds: float) -> float:
    """Sleeps."""
    await asyncio.sleep(seconds)
    if seconds > 0.008:
        raise ValueError("too long")
    return seconds


@tool
def on_thread(seconds: float) -> float:
    """Sleeps."""
    time.sleep(seconds)
    return seconds


def call(number: int, name: str, seconds: float, deadline: float | None) -> call_pb2.ToolCall:
    return call_pb2.ToolCall(
        invocation_id=f"i-{number}",
        deadline_unix_ms=0 if deadline is None else int((time.time() + deadline) * 1000),
        call=adm_pb2.FunctionCall(call_id="c", name=name, args=f'{{"seconds": {seconds}}}'),
    )


@pytest.mark.parametrize("seed", range(6))
async def test_every_call_is_answered_once_or_cancelled_and_no_slot_is_lost(seed: int) -> None:
    dice = random.Random(seed)
    said: list[runtime_pb2.RuntimeFrame] = []
    bench = Bench({"on_loop": on_loop, "on_thread": on_thread}, 4, 1 << 20, said.append)
    cancelled = set()
    for number in range(200):
        deadline = dice.choice([None, 60.0, 0.002, -1.0])
        bench.take(call(number, dice.choice(["on_loop", "on_thread", "none"]), dice.random() / 100, deadline))
        if dice.random() < 0.3:
            victim = f"i-{dice.randrange(number + 1)}"
            if bench.cancel(victim):
                cancelled.add(victim)
        if dice.random() < 0.5:
            await asyncio.sleep(dice.random() / 200)
    await asyncio.wait_for(bench.idle(), 20)
    answered = [frame.result.invocation_id for frame in said]
    assert len(answered) == len(set(answered))
    assert set(answered) | cancelled == {f"i-{number}" for number in range(200)}
    assert not set(answered) & cancelled
    end = time.monotonic() + 5
    while bench.free != 4 and time.monotonic() < end:
        await asyncio.sleep(0.01)
    assert (bench.free, bench.in_flight) == (4, 0)
    bench.close()


async def test_what_is_left_at_the_end_is_dropped_without_a_word() -> None:
    said: list[runtime_pb2.RuntimeFrame] = []
    bench = Bench({"on_loop": on_loop}, 2, 1 << 20, said.append)
    for number in range(3):
        bench.take(call(number, "on_loop", 30.0, None))
    await asyncio.sleep(0.01)
    bench.close()
    await asyncio.sleep(0.01)
    assert (said, bench.in_flight, bench.free) == ([], 0, 2)

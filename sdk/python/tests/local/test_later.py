"""Registries and the executor: every failure is a ToolResult, and nothing of the inside gets out."""

import asyncio
import threading
from typing import Any

import pytest

from altar_grid import tool
from altar_grid.adm import FunctionCall
from altar_grid.errors import SettingError
from altar_grid.later import AlreadyRegistered, Executor, NotRegistered, Registry, SessionRegistry
from altar_grid.schema import ToolDefinitionError


@tool
def add(a: int, b: int = 1) -> int:
    """Adds."""
    return a + b


@tool
async def wait(seconds: float) -> str:
    """Waits."""
    await asyncio.sleep(seconds)
    return "done"


def call(name: str, **args: Any) -> FunctionCall:
    return FunctionCall(call_id="c-1", name=name, args=args)


def test_registries_are_apart() -> None:
    registry = Registry([add, wait])
    session, other = SessionRegistry(["add"], registry=registry), SessionRegistry(registry=registry)
    assert (list(session), list(other)) == (["add"], ["add", "wait"])
    assert "wait" not in session
    with pytest.raises(NotRegistered):
        session.get("wait")
    session.add("wait")
    assert session.get("wait") is registry.get("wait")
    with pytest.raises(NotRegistered):
        session.add("none")
    registry.remove("wait")
    assert list(session) == ["add"]
    session.close()
    assert list(session) == []
    assert list(other) == ["add"]
    with pytest.raises(SettingError):
        session.add("add")
    with pytest.raises(NotRegistered):
        other.remove("wait2")


def test_names_are_taken_once_and_functions_must_be_tools() -> None:
    registry = Registry([add])
    with pytest.raises(AlreadyRegistered):
        registry.add(add)
    registry.add(add, replace=True)

    def bad(what: Any) -> None:
        """Bad."""

    with pytest.raises(ToolDefinitionError, match="what"):
        registry.add(bad)
    with pytest.raises(NotRegistered):
        registry.remove("none")
    assert [each.name for each in registry.declarations()] == ["add"]


def test_the_executor_answers_whatever_happens() -> None:
    executor = Executor(Registry([add, wait]))
    assert executor.execute(call("add", a=2, b=40)).content == 42
    assert executor.execute(call("add", a=2)).content == 3
    assert executor.execute(call("wait", seconds=0.01)).content == "done"
    cases = [
        (call("none"), "UNSUPPORTED_TOOL", "tool not found: none"),
        (call("add"), "PARAMETER_VALIDATION_FAILED", "required argument `a`"),
        (call("add", a="2"), "PARAMETER_VALIDATION_FAILED", "/a"),
        (call("add", a=1, c=1), "PARAMETER_VALIDATION_FAILED", "`c` is not declared"),
    ]
    for each, kind, words in cases:
        result = executor.execute(each)
        assert result.error is not None
        assert (result.error.type, result.call_id) == (kind, "c-1")
        assert words in result.error.message
    late = executor.execute(call("wait", seconds=10), timeout=0.05)
    assert late.error is not None
    assert late.error.type == "TIMEOUT"


async def test_what_comes_too_late_is_not_begun() -> None:
    for timeout in (0.0, -1.0):
        run = await Executor(Registry([add])).run(call("add", a=1), timeout=timeout)
        assert (run.ending, run.started, run.seconds) == ("late", False, 0.0)
        assert run.result.error is not None
        assert run.result.error.type == "TIMEOUT"


async def test_it_works_inside_a_running_loop_too() -> None:
    executor = Executor(Registry([add, wait]))
    assert (await executor.aexecute(call("add", a=1, b=1))).content == 2
    assert (await asyncio.to_thread(executor.execute, call("wait", seconds=0.0))).content == "done"


async def test_an_async_tool_that_swallows_its_end_is_left() -> None:
    registry = Registry()

    async def stubborn(n: int) -> int:
        """Does not stop."""
        for _ in range(50):
            try:
                await asyncio.sleep(0.1)
            except asyncio.CancelledError:
                continue
        return n

    registry.add(stubborn)
    loop = asyncio.get_running_loop()
    began = loop.time()
    result = await Executor(registry).aexecute(call("stubborn", n=1), timeout=0.1)
    assert result.error is not None
    assert result.error.type == "TIMEOUT"
    assert loop.time() - began < 4.5


async def test_threads_that_hang_are_bounded() -> None:
    gate = threading.Event()
    registry = Registry()

    def hang(n: int) -> int:
        """Hangs."""
        gate.wait(20)
        return n

    registry.add(hang)
    executor = Executor(registry, threads=2)
    results = [await executor.aexecute(call("hang", n=1), timeout=0.05) for _ in range(3)]
    kinds = [result.error.type for result in results if result.error is not None]
    assert kinds == ["TIMEOUT", "TIMEOUT", "RESOURCE_EXHAUSTED"]
    gate.set()
    await asyncio.sleep(0.1)
    assert (await executor.aexecute(call("hang", n=7))).content == 7


async def test_answers_are_read_as_strictly_as_the_host_reads_them() -> None:
    registry = Registry()

    def deep(n: int) -> list[list[str]]:
        """Answers deep."""
        value: list[Any] = []
        for _ in range(n):
            value = [value]
        return value

    def many(n: int) -> list[int]:
        """Answers many."""
        return [0] * n

    registry.add(deep)
    registry.add(many)
    executor = Executor(registry)
    for name, good, bad in (("deep", 63, 64), ("many", 99_999, 100_000)):
        assert (await executor.aexecute(call(name, n=good))).ok
        result = await executor.aexecute(call(name, n=bad))
        assert result.error is not None
        assert result.error.type == "SERIALIZATION_ERROR"


async def test_long_answers_are_refused() -> None:
    registry = Registry()

    def long(n: int) -> str:
        """Answers much."""
        return "x" * n

    registry.add(long)
    executor = Executor(registry, result_bytes=1000)
    assert (await executor.aexecute(call("long", n=998))).ok
    result = await executor.aexecute(call("long", n=999))
    assert result.error is not None
    assert result.error.type == "SERIALIZATION_ERROR"

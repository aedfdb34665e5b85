"""A tool in Python that calls one in Rust, through a real host: three processes, and the tree of what happened."""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from host import REPOSITORY, Host, contract

from altar_grid import AltarClient, ToolFailed, current_call
from altar_grid.errors import ConnectionFailed, FeatureUnavailable, PermissionDenied, PolicyViolation, SettingError
from altar_grid.runtime.upwards import Upwards
from altar_grid.tools import CallInfo

NUMBERS = {"type": "OBJECT", "properties": {"numbers": {"type": "ARRAY", "items": {"type": "NUMBER"}}}}
NOTHING: dict[str, Any] = {"type": "OBJECT", "properties": {}}

SCRIPT = """
from altar_grid import AltarRuntime, current_call

runtime = AltarRuntime("shop")


@runtime.tool
async def total(numbers: list[float]) -> float:
    "Adds prices."
    return await current_call().call("calculate_sum", {"numbers": numbers})


@runtime.tool
def total_on_a_thread(numbers: list[float]) -> float:
    "Adds prices, on a thread."
    return current_call().call_sync("calculate_sum", {"numbers": numbers})


@runtime.tool
async def circle() -> float:
    "Calls itself."
    return await current_call().call("circle")


@runtime.tool
async def report() -> float:
    "Calls what needs more."
    return await current_call().call("admin_report")


@runtime.tool
async def above() -> float:
    "Calls what calls."
    return await current_call().call("total", {"numbers": [1, 2, 39]})


runtime.run()
"""


class Programs:
    """A host with a runtime in Rust and one in Python."""

    def __init__(self, folder: pathlib.Path) -> None:
        manifest = json.loads((REPOSITORY / "manifests" / "quickstart.json").read_text())
        own = [contract(name, NUMBERS) for name in ("total", "total_on_a_thread")]
        own += [contract(name, NOTHING) for name in ("circle", "report", "above")]
        manifest["contracts"] += own
        self.host = Host(folder, "strict", manifest).start()
        rust = REPOSITORY / "target" / "debug" / "quickstart-rust"
        script = folder / "shop.py"
        script.write_text(SCRIPT)
        self.processes = [
            self.begin([str(rust)], self.host.runtime_token("quickstart-rust")),
            self.begin(
                [sys.executable, str(script)],
                self.host.token("shop", "grid_runtime", "caller", "calculator_user"),
            ),
        ]

    def begin(self, command: list[str], token: pathlib.Path) -> subprocess.Popen[bytes]:
        source = str(REPOSITORY / "sdk" / "python" / "src")
        env = {**self.host.environment(), "GRID_TOKEN_FILE": str(token), "PYTHONPATH": source}
        return subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        for process in self.processes:
            process.terminate()
            process.wait(timeout=30)
        self.host.stop()

    async def client(self, *roles: str) -> AltarClient:
        return AltarClient(self.host.endpoint, token_file=self.host.token("-".join(["alice", *roles]), *roles))


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    made = Programs(tmp_path_factory.mktemp("nested"))
    yield made
    made.end()


async def ready(client: AltarClient, *tools: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        serving = {each.name for each in await client.list_tools() if each.available}
        if set(tools) <= serving:
            return
        time.sleep(0.1)
    raise AssertionError("the runtimes did not attach")


async def test_python_calls_rust_and_the_log_has_the_tree(programs: Programs) -> None:
    async with await programs.client("caller", "calculator_user", "text_user") as client:
        await ready(client, "total", "calculate_sum")
        for name in ("total", "total_on_a_thread"):
            answer = await client.execute_tool(name, {"numbers": [1, 41]}, correlation_id=f"w-{name}")
            assert answer.value == 42
        answer = await client.execute_tool("above", correlation_id="w-above")
        assert answer.value == 42
    programs.host.stop()
    try:
        for wanted in (answer.invocation_id, "w-above"):
            (root,) = json.loads(programs.host.grid("audit", "show", "--tree", wanted, "--json"))["calls"]
            assert (root["tool"], root["runtime"], root["outcome"]) == ("above", "shop", "success")
            (total,) = root["calls"]
            assert (total["tool"], total["runtime"], total["correlation"]) == ("total", "shop", "w-above-1")
            (summed,) = total["calls"]
            assert (summed["tool"], summed["runtime"]) == ("calculate_sum", "quickstart-rust")
            assert (summed["correlation"], summed["calls"]) == ("w-above-1-1", [])
            assert {each["principal"] for each in (root, total, summed)} == {root["principal"]}
        drawn = programs.host.grid("audit", "show", "--tree", "w-above").splitlines()
        assert drawn[0].startswith("above  for alice")
        assert drawn[1].startswith("└─ total  for alice")
        assert drawn[2].startswith("   └─ calculate_sum  for alice")
        assert "at quickstart-rust  success  i-" in drawn[2]
    finally:
        programs.host.start()


async def test_neither_gains_what_the_other_has(programs: Programs) -> None:
    async with await programs.client("caller") as client:
        await ready(client, "total")
        # The runtime may add, its caller may not.
        with pytest.raises(ToolFailed) as fault:
            (await client.execute_tool("total", {"numbers": [1]})).value  # noqa: B018 - raises
        assert fault.value.code == PermissionDenied.code
    async with await programs.client("caller", "calculator_user", "text_user", "report_admin") as client:
        await ready(client, "total", "admin_report")
        # Its caller may read reports, the runtime may not.
        with pytest.raises(ToolFailed) as fault:
            (await client.execute_tool("report")).value  # noqa: B018 - raises
        assert fault.value.code == PermissionDenied.code
        with pytest.raises(ToolFailed) as fault:
            (await client.execute_tool("circle")).value  # noqa: B018 - raises
        assert fault.value.code == PolicyViolation.code


async def test_only_a_tool_that_answers_a_call_calls_others() -> None:
    assert current_call() is None
    with pytest.raises(SettingError):
        await CallInfo("i", "c", "k").call("total")


async def test_without_the_feature_nothing_is_sent() -> None:
    said: list[Any] = []
    info = CallInfo("i", "c", "k", upwards=Upwards(said.append, enabled=False))
    with pytest.raises(FeatureUnavailable):
        await info.call("total")
    assert said == []


async def test_a_cancelled_task_takes_its_call_back_and_a_lost_stream_ends_it() -> None:
    said: list[Any] = []
    upwards = Upwards(said.append, enabled=True)
    deadline = time.time() + 5
    info = CallInfo("i-1", "c", "k", upwards=upwards, deadline=deadline)
    waiting = asyncio.ensure_future(info.call("total", {"a": 1}, timeout=60))
    await asyncio.sleep(0)
    (sent,) = said
    assert (sent.call.parent_invocation_id, sent.call.call.name) == ("i-1", "total")
    assert sent.call.deadline_unix_ms == int(deadline * 1000)
    waiting.cancel()
    await asyncio.wait([waiting])
    cancel = said[1].cancel_call
    assert (cancel.parent_invocation_id, cancel.call_id) == ("i-1", sent.call.call.call_id)
    waiting = asyncio.ensure_future(info.call("total"))
    await asyncio.sleep(0)
    upwards.close()
    with pytest.raises(ConnectionFailed):
        await waiting
    assert len(said) == 3

"""Client and runtime with a real host between them."""

from __future__ import annotations

import asyncio
import inspect
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from host import Host, contract, manifest

from altar_grid import AltarClient, AltarRuntime, Retries, ToolError, ToolFailed, errors, tool
from altar_grid.client import Backoff, Session, SyncAltarClient, SyncSession
from altar_grid.runtime import RuntimeState

QUICK = Backoff(first=0.05, longest=0.2)


@tool
def add(a: int, b: int = 1) -> int:
    """Adds two whole numbers."""
    return a + b


@tool
async def nap(seconds: float) -> float:
    """Sleeps."""
    await asyncio.sleep(seconds)
    return seconds


@tool
def fail(kind: str) -> None:
    """Fails."""
    if kind == "own":
        raise ToolError("RESOURCE_NOT_FOUND", "no such order; list them")
    raise RuntimeError(f"cannot open /etc/secret/{kind}")


@tool
def secret_add(a: int, b: int = 1) -> int:
    """Adds in secret."""
    return a + b


ALL = (add, nap, fail, secret_add)


def calculator(host: Host, *tools: Any, name: str = "calculator", **more: Any) -> AltarRuntime:
    token = host.runtime_token(name)
    return AltarRuntime(tools=tools or ALL, endpoint=host.endpoint, token_file=token, **{"backoff": QUICK, **more})


def agent(host: Host, **more: Any) -> AltarClient:
    return AltarClient(host.endpoint, token_file=host.token("alice", "caller"), **more)


async def test_a_governed_call_in_strict_mode_from_end_to_end(strict: Host) -> None:
    async with calculator(strict) as runtime, agent(strict) as client:
        assert runtime.status.host_mode == "strict"
        assert set(runtime.status.tools) == {each.name for each in ALL}
        listed = {each.name: each for each in await client.list_tools()}
        assert set(listed) == {"add", "nap", "fail"}
        assert (listed["add"].effect, listed["add"].available, listed["nap"].timeout) == ("pure", True, 1.0)
        assert listed["add"].declaration.parameters.required == ["a"]
        answer = await client.execute_tool("add", {"a": 2, "b": 40}, receipt=True)
        assert (answer.value, answer.repeated) == (42, False)
        assert answer.receipt is not None
        assert len(answer.receipt.leaf_hash) == 32
        kinds = [record["kind"] for record in strict.records(answer.invocation_id)]
        assert kinds == ["admitted", "concluded"]
        again = await client.execute_tool("nap", {"seconds": 0.1}, call_id="once")
        twice = await client.execute_tool("nap", {"seconds": 0.1}, call_id="once")
        assert (again.invocation_id, twice.repeated) == (twice.invocation_id, True)
    assert runtime.status.state is RuntimeState.STOPPED


async def test_what_the_host_refuses_is_raised_by_its_code(strict: Host) -> None:
    async with calculator(strict), agent(strict) as client:
        with pytest.raises(errors.PermissionDenied) as denied:
            await client.call("secret_add", {"a": 1})
        assert denied.value.refused
        assert denied.value.remediation
        assert not denied.value.retry_allowed
        assert denied.value.correlation_id
        with pytest.raises(errors.InvalidToolArgs) as wrong:
            await client.call("add", {"a": "two"})
        assert "/a" in wrong.value.details["violations"]
        with pytest.raises(errors.UnsupportedTool):
            await client.call("launch_rockets")
        with pytest.raises(errors.Timeout):
            await client.call("nap", {"seconds": 30}, timeout=0.3)
        with pytest.raises(ToolFailed) as own:
            await client.call("fail", {"kind": "own"})
        assert (own.value.code, own.value.message) == ("RESOURCE_NOT_FOUND", "no such order; list them")
        with pytest.raises(ToolFailed) as failed:
            await client.call("fail", {"kind": "key.pem"})
        assert failed.value.message == "RuntimeError: cannot open (path hidden)"


async def test_a_stranger_is_refused(strict: Host) -> None:
    async with AltarClient(strict.endpoint) as nobody:
        with pytest.raises(errors.InvalidCredentials):
            await nobody.list_tools()
    forged = strict.token("alice", "caller").read_text().strip()[:-6] + "AAAAAA"
    async with AltarClient(strict.endpoint, token=forged) as liar:
        with pytest.raises(errors.InvalidCredentials):
            await liar.list_tools()
    with pytest.raises(errors.GridError) as caught:
        await AltarRuntime("calculator", [add], endpoint=strict.endpoint, token=forged).serve()
    assert caught.value.code == "INVALID_CREDENTIALS"


async def test_a_runtime_without_the_role_or_with_another_name_is_refused(strict: Host) -> None:
    with pytest.raises(errors.PermissionDenied):
        await AltarRuntime(tools=[add], endpoint=strict.endpoint, token_file=strict.token("alice", "caller")).serve()
    token = strict.runtime_token("calculator")
    with pytest.raises(errors.GridError):
        await AltarRuntime("somebody-else", [add], endpoint=strict.endpoint, token_file=token).serve()


async def test_a_call_can_be_cancelled(strict: Host) -> None:
    async with calculator(strict), agent(strict) as client, client.open_session(label="cancelling") as session:
        calling = asyncio.ensure_future(session.call("nap", {"seconds": 0.9}, call_id="c-1"))
        while not await session.cancel("c-1"):
            await asyncio.sleep(0.02)
        with pytest.raises(errors.Cancelled):
            await calling
        assert not await session.cancel("c-1")


async def test_many_calls_share_one_connection(strict: Host) -> None:
    async with calculator(strict), agent(strict) as client:
        answers = await asyncio.gather(*(client.call("add", {"a": number}) for number in range(200)))
        assert answers == [number + 1 for number in range(200)]


async def test_client_and_runtime_outlive_a_restart_of_the_host(tmp_path: pathlib.Path) -> None:
    add_only = manifest(contract("add", add.parameters, effect="pure"))
    host = Host(tmp_path, "strict", add_only).start()
    try:
        patient = Retries(most=40, backoff=Backoff(first=0.05, longest=0.2))
        runtime = calculator(host, add)
        async with runtime, agent(host, retries=patient) as client:
            assert await client.call("add", {"a": 1}) == 2
            await asyncio.to_thread(host.stop, signal.SIGKILL)
            calling = asyncio.ensure_future(client.call("add", {"a": 2}))
            await asyncio.sleep(0.2)
            client.transport.breaker.settings = type(client.transport.breaker.settings)(failure_threshold=0)
            await asyncio.to_thread(host.start)
            # The session of before is gone, and what may have run in it is not repeated in another one.
            outcome = (await asyncio.gather(calling, return_exceptions=True))[0]
            assert isinstance(outcome, errors.GridError)
            end = time.monotonic() + 20
            while runtime.status.state is not RuntimeState.SERVING and time.monotonic() < end:
                await asyncio.sleep(0.05)
            assert await client.call("add", {"a": 2}) == 3
    finally:
        host.stop()


async def test_a_refused_runtime_may_run_again_with_another_token(strict: Host, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "own.token"
    path.write_text(strict.token("alice", "caller").read_text())
    runtime = AltarRuntime("renewed", [add], endpoint=strict.endpoint, token_file=path, backoff=QUICK)
    serving = asyncio.ensure_future(runtime.serve())
    with pytest.raises(errors.GridError):
        await serving
    path.write_text(strict.runtime_token("renewed").read_text())
    async with runtime:
        assert runtime.status.tools == ("add",)


def test_blocking_methods_do_the_same(strict: Host) -> None:
    with calculator(strict), agent(strict) as client:
        assert {each.name for each in client.list_tools()} == {"add", "nap", "fail"}
        assert client.call("add", {"a": 2, "b": 40}) == 42
        assert client.execute_tool("add", {"a": 1}).value == 2
        with client.open_session(ttl=60) as session:
            assert 50 < session.expires_at - time.time() <= 61
            assert session.call("add", {"a": 1}) == 2
            assert client.session(session.id).call("add", {"a": 2}) == 3
            session.close()
        with pytest.raises(errors.InvalidSession):
            session.call("add", {"a": 1})
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(lambda a: client.call("add", {"a": a}), range(50))) == list(range(1, 51))


def test_a_blocking_call_can_be_cancelled_from_another_thread(strict: Host) -> None:
    with calculator(strict), agent(strict) as client, client.open_session() as session:
        faults: list[BaseException] = []

        def call() -> None:
            try:
                session.call("nap", {"seconds": 0.9}, call_id="c-1")
            except errors.GridError as fault:
                faults.append(fault)

        calling = threading.Thread(target=call)
        calling.start()
        while not session.cancel("c-1"):
            time.sleep(0.02)
        calling.join(10)
        assert isinstance(faults[0], errors.Cancelled)


async def test_a_blocking_call_inside_a_running_loop_does_not_break(strict: Host) -> None:
    """As in a notebook, whose cells run in a loop."""
    # A runtime on this very loop could not answer while a blocking call holds it up.
    runtime = await asyncio.to_thread(calculator(strict).start)
    try:
        client = agent(strict).sync
        assert client.call("add", {"a": 1}) == 2
        async with agent(strict) as other:
            assert await other.call("add", {"a": 1}) == 2
        client.close()
    finally:
        await asyncio.to_thread(runtime.stop)


@pytest.mark.parametrize(("blocking", "awaited"), [(SyncAltarClient, AltarClient), (SyncSession, Session)])
def test_both_forms_have_the_same_methods_with_the_same_parameters(blocking: type, awaited: type) -> None:
    def methods(kind: type) -> dict[str, list[tuple[str, Any, Any]]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]
            for name, function in found
            if not name.startswith("_")
        }

    assert methods(blocking) == methods(awaited)


def test_a_development_host_takes_tools_along_and_needs_no_token(development: Host) -> None:
    with AltarClient(development.endpoint) as client, client.open_session() as session:
        with AltarRuntime(tools=[add], endpoint=development.endpoint, session=session.id) as runtime:
            assert (runtime.status.host_mode, runtime.status.session_id) == ("development", session.id)
            listed = session.list_tools()
            assert [(each.name, each.dynamic) for each in listed] == [("add", True)]
            assert session.call("add", {"a": 2, "b": 40}) == 42
            with pytest.raises(errors.InvalidToolArgs):
                session.call("add", {"a": 2, "c": 40})
        with pytest.raises(errors.ServiceUnavailable):
            session.execute_tool("add", {"a": 2}, retries=Retries.none())


def test_a_runtime_that_names_no_session_gets_one_and_keeps_it_over_a_loss(development: Host) -> None:
    runtime = AltarRuntime(tools=[add], endpoint=development.endpoint, backoff=QUICK)
    with runtime, AltarClient(development.endpoint) as client:
        first = runtime.status.session_id
        assert client.session(first).call("add", {"a": 1}) == 2
    with runtime:
        assert runtime.status.session_id == first


def test_a_strict_host_registers_nothing(strict: Host) -> None:
    @tool
    def brought() -> None:
        """Comes along."""

    with pytest.raises(errors.FeatureUnavailable), calculator(strict, brought, mode="register"):
        pass
    with pytest.raises(errors.UnsupportedTool), calculator(strict, brought):
        pass


PROGRAM = """
import time
from altar_grid import AltarRuntime
runtime = AltarRuntime(grace=5.0)

@runtime.tool
def nap(seconds: float) -> float:
    "Sleeps."
    time.sleep(seconds)
    return seconds

runtime.run()
"""


def test_sigterm_lets_calls_end(strict: Host, tmp_path: pathlib.Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    environment = {**strict.environment(), "GRID_TOKEN_FILE": str(strict.runtime_token("calculator"))}
    with agent(strict) as client:
        process = subprocess.Popen([sys.executable, "program.py"], env=environment, cwd=tmp_path)
        try:
            wait_for(lambda: any(each.name == "nap" and each.available for each in client.list_tools()))
            with ThreadPoolExecutor(1) as pool:
                calling = pool.submit(client.call, "nap", {"seconds": 0.6})
                time.sleep(0.3)
                process.send_signal(signal.SIGTERM)
                assert calling.result(10) == 0.6
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.wait()


def wait_for(true: Any, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def test_a_hanging_tool_does_not_keep_the_program(development: Host, tmp_path: pathlib.Path) -> None:
    program = PROGRAM.replace("grace=5.0", "grace=0.3")
    (tmp_path / "program.py").write_text(program)
    with AltarClient(development.endpoint) as client, client.open_session() as session:
        (tmp_path / "program.py").write_text(program.replace("grace=0.3", f'grace=0.3, session="{session.id}"'))
        process = subprocess.Popen([sys.executable, "program.py"], env=development.environment(), cwd=tmp_path)
        try:
            wait_for(lambda: any(each.available for each in session.list_tools()))
            with ThreadPoolExecutor(1) as pool:
                calling = pool.submit(session.execute_tool, "nap", {"seconds": 60}, retries=Retries.none())
                time.sleep(0.3)
                process.send_signal(signal.SIGTERM)
                assert process.wait(10) == 0
                answer = calling.exception(10) or calling.result()
                assert "stopped before" in str(getattr(answer, "failure", answer))
        finally:
            process.kill()
            process.wait()


def test_a_fork_does_not_inherit_the_loop(development: Host) -> None:
    program = f"""
import os
from altar_grid import AltarClient
with AltarClient("{development.endpoint}") as client:
    pass
from altar_grid.client.loop import LOOP
async def one(): return 1
assert LOOP.run(one()) == 1
child = os.fork()
if child == 0:
    os._exit(0 if LOOP.run(one()) == 1 else 1)
os._exit(os.waitpid(child, 0)[1])
"""
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ}, timeout=30, check=False)
    assert done.returncode == 0

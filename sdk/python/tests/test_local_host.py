"""Governed local runs with a real host."""

from __future__ import annotations

import asyncio
import json
import pathlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from host import REPOSITORY, Host, contract, manifest

from altar_grid import AltarClient, Retries, ToolError
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid.errors import GridError, PermissionDenied
from altar_grid.later import Registry
from altar_grid.local import ExecutionMode, GrantRefused, LocalDispatcher, LocalSettings, Modes
from altar_grid.outcomes import OutcomeLog, ShippingSettings

NUMBERS = {
    "type": "OBJECT",
    "properties": {"a": {"type": "INTEGER"}, "b": {"type": "INTEGER"}},
    "required": ["a", "b"],
}
ARGS = {"a": 2, "b": 40}
NAMES = ("add", "never", "unseen_add", "pure_add", "admin_add")
EXAMPLE = REPOSITORY / "examples" / "python_local"


def log_key(host: Host) -> pathlib.Path:
    """The file appears with the first tiles."""
    path, end = host.folder / "data" / "audit" / "log.vkey", time.monotonic() + 20
    while not path.is_file():
        assert time.monotonic() < end
        time.sleep(0.02)
    return path


@pytest.fixture
def governing(tmp_path: pathlib.Path) -> Any:
    host = Host(
        tmp_path,
        "strict",
        manifest(
            contract("add", NUMBERS),
            contract("never", NUMBERS, local=False),
            contract("unseen_add", NUMBERS, local={"args_digest_only": True}),
            contract("pure_add", NUMBERS, effect="pure"),
            contract("admin_add", NUMBERS, required_roles=["administration"]),
        ),
    ).start()
    yield host
    host.stop()


def registry(ran: list[str]) -> Registry:
    return Registry(adding(name, ran) for name in NAMES)


def adding(name: str, ran: list[str]) -> Any:
    def function(a: int, b: int) -> int:
        ran.append(name)
        if a == 7:
            raise ToolError("BUSINESS_RULE_VIOLATION", "not seven")
        if a == 8:
            raise RuntimeError("hunter2")
        return a + b

    function.__name__, function.__doc__ = name, f"Contract of {name}."
    return function


@asynccontextmanager
async def scene(
    host: Host, folder: pathlib.Path, **more: Any
) -> AsyncIterator[tuple[LocalDispatcher, OutcomeLog, list[str]]]:
    ran: list[str] = []
    settings = LocalSettings(
        modes=Modes(everywhere=ExecutionMode.GOVERNED_LOCAL),
        log_keys=(log_key(host).read_text(),),
        principal="alice",
        tenant="demo",
        settle=5.0,
        flush=0.1,
        **more,
    )
    client = AltarClient(host.endpoint, token_file=host.token("alice", "caller"), retries=Retries.none())
    log = OutcomeLog(folder / "outcomes", key=bytes(32), shipping=ShippingSettings(first_pause=0.05, longest_pause=0.2))
    try:
        session = await client.open_session()
        async with LocalDispatcher(session, registry(ran), outcomes=log, settings=settings) as local:
            yield local, log, ran
    finally:
        await asyncio.to_thread(log.close)
        await client.close()


async def flushed(log: OutcomeLog) -> None:
    assert await asyncio.to_thread(log.flush, 20.0)


async def test_a_local_run_and_its_outcome_are_in_the_verified_log(governing: Host, tmp_path: pathlib.Path) -> None:
    async with scene(governing, tmp_path) as (local, log, ran):
        answer = await local.execute_tool("add", {"a": 2.0, "b": 40})
        assert (answer.value, answer.governed, ran) == (42, True, ["add"])
        own = await local.execute_tool("add", {"a": 7, "b": 1})
        crashed = await local.execute_tool("add", {"a": 8, "b": 1})
        await flushed(log)
        assert log.stats.rejected == 0
        told = [governing.records(each.answer.invocation_id) for each in (answer, own, crashed)]
        assert [[record["kind"] for record in each] for each in told] == [["admitted", "concluded"]] * 3
        admitted, concluded = told[0]
        assert (admitted["local"], admitted["args_digest"]) == (True, answer.args_digest)
        assert (concluded["claimed"], concluded["outcome"]) == (True, "success")
        assert concluded["result_digest"] == answer.content_digest
        assert [each[1]["outcome"] for each in told[1:]] == ["tool_error", "tool_error"]
        assert "hunter2" not in json.dumps(told)
    assert "verified" in governing.grid("audit", "verify")


async def test_arguments_may_stay_here_where_the_contract_permits_it(governing: Host, tmp_path: pathlib.Path) -> None:
    async with scene(governing, tmp_path, args_digest_only=frozenset({"unseen_add", "add"})) as (local, log, ran):
        answer = await local.execute_tool("unseen_add", {"a": 1e3, "b": 40})
        assert answer.value == 1040
        await flushed(log)
        admitted, concluded = governing.records(answer.answer.invocation_id)
        assert admitted["args_digest"] == answer.args_digest
        assert concluded["outcome"] == "success"
        with pytest.raises(GridError) as refused:
            await local.execute_tool("add", ARGS)
        assert refused.value.refused
        assert (ran, log.stats.rejected) == (["unseen_add"], 0)


async def test_denied_calls_are_not_run(governing: Host, tmp_path: pathlib.Path) -> None:
    async with scene(governing, tmp_path) as (local, log, ran):
        with pytest.raises(PermissionDenied):
            await local.execute_tool("admin_add", ARGS)
        with pytest.raises(GridError) as never:
            await local.execute_tool("never", ARGS)
        assert never.value.code == "SERVICE_UNAVAILABLE", "a runtime is asked, and there is none"
        assert ran == []
        assert log.stats.pending == 0


def invalidate(host: Host) -> None:
    """What an operator does when somebody's rights end."""
    token = host.token("root", "grid_admin").read_text().strip()
    with grpc.insecure_channel(f"127.0.0.1:{host.admin_port}") as channel:
        ask = channel.unary_unary(
            "/grid.v1.AdminService/InvalidateAuthorizations",
            request_serializer=lambda reason: b"\x0a" + bytes([len(reason)]) + reason,
            response_deserializer=bytes,
        )
        ask(b"test", metadata=(("authorization", f"Bearer {token}"),), timeout=10)


async def test_rights_that_end_kill_open_grants(governing: Host, tmp_path: pathlib.Path) -> None:
    async with scene(governing, tmp_path) as (local, log, ran):
        assert await local.call("add", ARGS) == 42
        await flushed(log)
        assert local._governed is not None
        watch = local._governed._watch
        assert await watch.known(5)
        before = watch.epoch
        assert before is not None
        wire = adm_pb2.FunctionCall(call_id="held", name="add", args='{"a":1,"b":2}')
        held = await local._governed._session.transport.authorize(local._governed._session.id, wire)
        await asyncio.to_thread(invalidate, governing)
        end = time.monotonic() + 5
        while watch.epoch == before:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        assert not watch.allows(before)
        records = governing.records(held.invocation_id)
        assert [(each["kind"], each.get("outcome")) for each in records] == [
            ("admitted", None),
            ("concluded", "revoked"),
        ]
        assert await local.call("add", ARGS) == 42
        await flushed(log)
        assert (ran, log.stats.rejected) == (["add", "add"], 0)


async def test_a_cancelled_grant_is_over(governing: Host, tmp_path: pathlib.Path) -> None:
    async with scene(governing, tmp_path, threads=1, time_limit=0.3) as (local, log, _):

        def pure_add(a: int, b: int) -> int:
            """Contract of pure_add."""
            time.sleep(2)
            return 0

        local._executor.tools.add(pure_add, replace=True)  # type: ignore[arg-type,call-arg]
        late = asyncio.create_task(local.execute_tool("pure_add", ARGS, mode=ExecutionMode.LOCAL_ONLY))
        answer = await late
        assert answer.answer.failure is not None
        assert answer.answer.failure.code == "TIMEOUT"
        with pytest.raises(GridError) as busy:
            await local.execute_tool("pure_add", ARGS, mode=ExecutionMode.LOCAL_ONLY)
        assert busy.value.code == "RESOURCE_EXHAUSTED"
        given_back = governing.records(busy.value.invocation_id)
        assert [record["kind"] for record in given_back] == ["admitted", "concluded"]
        assert (given_back[1]["outcome"], given_back[1]["code"]) == ("failed", "CANCELLED")
        await flushed(log)
        concluded = governing.records(answer.answer.invocation_id)[1]
        assert (concluded["outcome"], concluded["claimed"]) == ("failed", True)


async def test_an_outage_between_run_and_report_loses_nothing(governing: Host, tmp_path: pathlib.Path) -> None:
    async with scene(governing, tmp_path) as (local, log, _):
        ids = []
        for at in range(3):
            ids.append((await local.execute_tool("add", {"a": at, "b": 1})).answer.invocation_id)
        await flushed(log)

        def add(a: int, b: int) -> int:
            """Contract of add."""
            governing.stop()
            return a + b

        local._executor.tools.add(add, replace=True)  # type: ignore[arg-type,call-arg]
        answer = await local.execute_tool("add", ARGS)
        assert answer.value == 42
        assert log.stats.pending == 1
        await asyncio.to_thread(governing.start)
        await flushed(log)
        assert log.stats.rejected == 0
        records = governing.records(answer.answer.invocation_id)
        assert [(record["kind"], record.get("outcome")) for record in records] == [
            ("admitted", None),
            ("concluded", "success"),
        ]


async def test_a_wrong_log_key_refuses_every_grant(governing: Host, tmp_path: pathlib.Path) -> None:
    from local.fake_log import FakeLog

    async with scene(governing, tmp_path) as (local, _, ran):
        wrong = LocalDispatcher(
            local._session,
            registry(ran),
            outcomes=local._governed._outcomes if local._governed else None,
            settings=LocalSettings(log_keys=(FakeLog().vkey,), flush=0.1),
        )
        async with wrong:
            with pytest.raises(GrantRefused):
                await wrong.execute_tool("add", ARGS, mode="governed_local")
        assert ran == []


def test_the_example(tmp_path: pathlib.Path) -> None:
    host = Host(tmp_path, "strict", json.loads((EXAMPLE / "tools.json").read_text())).start()
    try:
        environment = {
            **host.environment(),
            "GRID_TOKEN_FILE": str(host.token("alice", "support")),
            "GRID_LOG_KEY": str(log_key(host)),
            "STATE_DIR": str(tmp_path / "state"),
        }
        done = subprocess.run(
            [sys.executable, "agent.py"],
            cwd=EXAMPLE,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        lines = done.stdout.splitlines()
        assert lines[0] == "counted: 4 mode: governed_local governed: True"
        assert lines[2:] == [
            "the tool says: BUSINESS_RULE_VIOLATION",
            "the host says: PERMISSION_DENIED and nothing was run",
            "on record: True rejected: 0",
        ]
        records = host.records(lines[1].removeprefix("record: "))
        assert [record["kind"] for record in records] == ["admitted", "concluded"]
        assert records[1]["claimed"] is True
    finally:
        host.stop()

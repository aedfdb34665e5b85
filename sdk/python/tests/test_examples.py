"""The examples, and what the README tells to paste, run as they stand."""

from __future__ import annotations

import importlib.util
import json
import pathlib
import re
import subprocess
import sys
import time

import pytest
from host import REPOSITORY, Host

from altar_grid import AltarClient
from altar_grid.client import SyncAltarClient

EXAMPLES = REPOSITORY / "examples"


def run(program: pathlib.Path, host: Host, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, str(program)],
        env={**host.environment(), **more},
        cwd=program.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("readme", ["sdk/python/README.md", "README.md"])
def test_the_example_that_a_person_can_paste_runs_and_has_twenty_lines(
    readme: str, development: Host, tmp_path: pathlib.Path
) -> None:
    found = re.search(
        r"```python\n(from altar_grid import AltarClient, AltarRuntime.*?)```",
        (REPOSITORY / readme).read_text(),
        re.DOTALL,
    )
    assert found is not None
    assert len(found[1].splitlines()) <= 20
    (tmp_path / "pasted.py").write_text(found[1])
    lines = run(tmp_path / "pasted.py", development).splitlines()
    assert lines[0] == "42"
    assert lines[1].startswith("INVALID_TOOL_ARGS an argument of `add` does not fit its contract: /a")


def test_the_guide_leads_to_a_first_call(tmp_path: pathlib.Path) -> None:
    guide = (REPOSITORY / "docs" / "getting-started.md").read_text()
    contracts = re.search(r"```json\n(.*?)```", guide, re.DOTALL)
    assert contracts is not None
    serving, calling = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (tmp_path / "serving.py").write_text(serving)
    (tmp_path / "calling.py").write_text(calling)
    host = Host(tmp_path, "strict", json.loads(contracts[1])).start()
    host.runtime_token("calculator")
    alice = host.token("alice", "calculator_user")
    runtime = subprocess.Popen([sys.executable, "serving.py"], cwd=tmp_path, env=host.environment())
    try:
        with AltarClient(host.endpoint, token_file=alice) as client:
            wait_until_served(client)
        assert run(tmp_path / "calling.py", host) == "42\n"
    finally:
        runtime.kill()
        runtime.wait()
        host.stop()


def wait_until_served(client: SyncAltarClient) -> None:
    end = time.monotonic() + 20
    while not all(each.available for each in client.list_tools()):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_development(development: Host) -> None:
    lines = run(EXAMPLES / "python_development" / "try_notes.py", development).splitlines()
    assert lines == [
        "written: [1, 2]",
        lines[1],
        "RESOURCE_NOT_FOUND there is no note 9; the last one is 2",
        "INVALID_TOOL_ARGS",
    ]
    assert re.fullmatch(r"read: \{'text': '(buy milk|call home)', 'tags': \[.*\]\}", lines[1])


def test_strict(tmp_path: pathlib.Path) -> None:
    folder = EXAMPLES / "python_strict"
    host = Host(tmp_path, "strict", json.loads((folder / "tools.json").read_text())).start()
    token = str(host.runtime_token("orders"))
    runtime = subprocess.Popen(
        [sys.executable, "orders.py"], cwd=folder, env={**host.environment(), "GRID_TOKEN_FILE": token}
    )
    try:
        alice = str(host.token("alice", "support"))
        with AltarClient(host.endpoint, token_file=alice) as client:
            wait_until_served(client)
        said = run(folder / "agent.py", host, GRID_TOKEN_FILE=alice)
        assert "may call find_order (read): Finds an order." in said
        assert "delete_order" not in said.split("found:")[0]
        assert "found: {'number': 'A-17', 'cents': 4200, 'refunded': False}" in said
        assert "refunded: True on record: True\nagain: True" in said
        assert "the tool says: BUSINESS_RULE_VIOLATION" in said
        assert "the host says: INVALID_TOOL_ARGS because" in said
        assert "the host says: PERMISSION_DENIED and to do is:" in said
        runtime.terminate()
        assert runtime.wait(20) == 0
    finally:
        runtime.kill()
        runtime.wait()
        host.stop()


def test_the_contracts_of_the_strict_example_are_those_of_its_tools() -> None:
    folder = EXAMPLES / "python_strict"
    spec = importlib.util.spec_from_file_location("orders", folder / "orders.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    contracts = json.loads((folder / "tools.json").read_text())["contracts"]
    declared = {each["name"]: each for each in contracts[0]["function_declarations"]}
    for each in module.runtime.tools:
        contract = declared[each.name]
        assert {key: contract[key] for key in each.declaration()} == each.declaration()

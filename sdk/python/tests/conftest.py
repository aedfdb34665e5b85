"""Lets a test be an `async def`, each in a loop of its own, and lends it a host."""

import asyncio
import inspect
from collections.abc import Iterator

import pytest
from host import Host, contract, manifest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    wanted = inspect.signature(test).parameters
    asyncio.run(asyncio.wait_for(test(**{name: pyfuncitem.funcargs[name] for name in wanted}), timeout=60))
    return True


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The line that `.ci/run` counts, in cargo's words."""
    stats = terminalreporter.stats
    failed = len(stats.get("failed", [])) + len(stats.get("error", []))
    passed, skipped = len(stats.get("passed", [])), len(stats.get("skipped", []))
    verdict = "FAILED" if failed else "ok"
    terminalreporter.write_line(f"test result: {verdict}. {passed} passed; {failed} failed; {skipped} ignored")


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the machine's own settings say does not matter here."""
    monkeypatch.delenv("GRID_ENDPOINT", raising=False)
    monkeypatch.delenv("GRID_TOKEN_FILE", raising=False)


@pytest.fixture(scope="session")
def development(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host in DEVELOPMENT mode, shared by all tests."""
    host = Host(tmp_path_factory.mktemp("development"), "development").start()
    yield host
    host.stop()


NUMBERS = {
    "type": "OBJECT",
    "properties": {"a": {"type": "INTEGER"}, "b": {"type": "INTEGER"}},
    "required": ["a"],
}
SECONDS = {"type": "OBJECT", "properties": {"seconds": {"type": "NUMBER"}}, "required": ["seconds"]}
KIND = {"type": "OBJECT", "properties": {"kind": {"type": "STRING"}}, "required": ["kind"]}


@pytest.fixture(scope="session")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host in STRICT mode with contracts for `add`, `nap`, `fail` and `secret_add`, shared by all tests."""
    contracts = manifest(
        contract("add", NUMBERS, effect="pure"),
        contract("nap", SECONDS, effect="write", timeout="1s"),
        contract("fail", KIND, effect="pure"),
        {**contract("secret_add", NUMBERS), "required_roles": ["nobody_has_this"]},
    )
    host = Host(tmp_path_factory.mktemp("strict"), "strict", contracts).start()
    yield host
    host.stop()

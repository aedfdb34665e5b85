"""`altar-grid dev` serves a runtime and starts it anew when a source changes, in the same session."""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from host import Host

from altar_grid import AltarClient, GridError, dev
from altar_grid.errors import SettingError

TOOLS = '''
from altar_grid import AltarRuntime

runtime = AltarRuntime()

@runtime.tool
def greet(name: str) -> str:
    """Greets."""
    return "Hello, " + name
'''


class Session:
    """`altar-grid dev` in a folder of its own, and what it prints."""

    def __init__(self, folder: pathlib.Path, host: Host, **more: str) -> None:
        self.folder = folder
        self.output = folder / "output.txt"
        self.write(TOOLS)
        self.process = subprocess.Popen(
            [str(pathlib.Path(sys.executable).parent / "altar-grid"), "dev", "shop:runtime"],
            cwd=folder,
            env={**host.environment(), "PYTHONDONTWRITEBYTECODE": "1", **more},
            stdout=self.output.open("wb"),
            stderr=subprocess.STDOUT,
        )

    def write(self, text: str) -> None:
        (self.folder / "shop.py").write_text(text)

    def wait_for(self, pattern: str, times: int = 1) -> str:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = re.findall(pattern, self.output.read_text())
            if len(found) >= times:
                last: str = found[-1]
                return last
            time.sleep(0.05)
        raise AssertionError(f"{pattern} did not come {times} times: {self.output.read_text()}")


@pytest.fixture
def session(tmp_path: pathlib.Path, development: Host) -> Iterator[Session]:
    begun = Session(tmp_path, development)
    yield begun
    if begun.process.poll() is None:
        begun.process.kill()
        begun.process.wait()


SERVING = r"serving greet in session (s-\w+)"


def test_a_change_is_served_in_the_same_session_and_ctrl_c_ends_it(session: Session, development: Host) -> None:
    first = session.wait_for(SERVING)
    with AltarClient(development.endpoint) as client:
        callee = client.session(first)
        assert callee.call("greet", {"name": "you"}) == "Hello, you"
        session.write(TOOLS.replace("Hello, ", "Good morning, "))
        assert session.wait_for(SERVING, 2) == first
        assert callee.call("greet", {"name": "you"}) == "Good morning, you"
        session.write("this is no Python")
        session.wait_for("waiting for a change")
        assert "SyntaxError" in session.output.read_text()
        session.write(TOOLS.replace("name: str", "name: str, loud: bool = False"))
        assert session.wait_for(SERVING, 3) == first
        assert "loud" in callee.list_tools()[0].parameters["properties"]
    session.process.send_signal(signal.SIGINT)
    assert session.process.wait(20) == 0


def test_nothing_is_left_where_it_is_killed(session: Session, development: Host) -> None:
    first = session.wait_for(SERVING)
    with AltarClient(development.endpoint) as client:
        callee = client.session(first)
        assert callee.list_tools()[0].available
        session.process.kill()
        end = time.monotonic() + 10
        while callee.list_tools()[0].available:
            assert time.monotonic() < end, "it is still served"
            time.sleep(0.05)


def test_a_strict_host_is_refused(tmp_path: pathlib.Path, strict: Host) -> None:
    token = strict.runtime_token("developer")
    begun = Session(tmp_path, strict, GRID_TOKEN_FILE=str(token))
    try:
        begun.wait_for("INCOMPATIBLE_MODE")
        begun.wait_for("waiting for a change")
    finally:
        begun.process.terminate()
        assert begun.process.wait(20) == 0


def test_production_is_refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("GRID_ENVIRONMENT", "production")
    assert dev.main(["dev", "shop:runtime"]) == 1
    assert "production" in capsys.readouterr().err


@pytest.mark.parametrize("target", ["shop", "json:", "json:dumps", "json:nothing"])
def test_a_target_that_is_no_runtime_is_named(target: str) -> None:
    with pytest.raises(SettingError, match=re.escape(target.split(":")[0])):
        dev.load(target)


def test_only_the_programs_own_sources_are_watched(tmp_path: pathlib.Path) -> None:
    for name in ["a.py", "inner/b.py", ".hidden/c.py", "build/d.py", "venv/e.py", "f.txt"]:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("")
    (tmp_path / "venv" / "pyvenv.cfg").write_text("")
    before = dev.snapshot([tmp_path])
    assert {path.name for path in before} == {"a.py", "b.py"}
    os.utime(tmp_path / "a.py", (1, 1))
    assert dev.snapshot([tmp_path]) != before


def test_what_is_refused_for_good_ends_it(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    assert issubclass(SettingError, GridError)
    monkeypatch.chdir(tmp_path)
    assert dev.main(["serve", "json:nothing"]) == 1

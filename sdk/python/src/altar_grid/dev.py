"""The command `altar-grid`: `altar-grid dev module:runtime` serves a runtime to a DEVELOPMENT host and starts it anew
whenever a source changes. The session stays the same, so that callers notice nothing but the change."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import logging
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence

from altar_grid._version import VERSION
from altar_grid.errors import GridError, SettingError
from altar_grid.runtime import AltarRuntime, RuntimeState, RuntimeStatus

#: Names the file in which the serving process writes the session that its tools are in.
STATE = "ALTAR_GRID_DEV_STATE"
#: Seconds that calls may go on while a new version waits.
GRACE = 5.0
#: Folders whose sources are not the program's own.
FOREIGN = {"__pycache__", "node_modules", "site-packages", "build", "dist"}

Snapshot = dict[pathlib.Path, tuple[int, int]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="altar-grid", description="Tools for runtimes of a GRID host.")
    parser.add_argument("--version", action="version", version=f"altar-grid {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    dev = commands.add_parser("dev", help="serve a runtime, and start it anew whenever a source changes")
    dev.add_argument("target", help="where the AltarRuntime is, such as `shop.tools:runtime`")
    dev.add_argument(
        "--watch", action="append", metavar="FOLDER", help="folder of sources; the working directory if none is given"
    )
    serve = commands.add_parser("serve", help="serve a runtime once, as `dev` does it after each change")
    serve.add_argument("target", help="as above")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if os.environ.get("GRID_ENVIRONMENT", "").lower() == "production":
        print("this is production (GRID_ENVIRONMENT); start the program itself instead", file=sys.stderr)
        return 1
    sys.path.insert(0, str(pathlib.Path.cwd()))
    if given.command == "serve":
        return serve_once(given.target)
    return Reloader(given.target, [pathlib.Path(folder) for folder in given.watch or ["."]]).run()


def load(target: str) -> AltarRuntime:
    """The runtime that a target names.

    Raises:
        SettingError: It names none.
        Exception: Whatever its module raises while it is imported.
    """
    module, _, attribute = target.partition(":")
    if not module or not attribute:
        raise SettingError(f"`{target}` names no runtime; write it as `module:runtime`")
    found = getattr(importlib.import_module(module), attribute, None)
    if not isinstance(found, AltarRuntime):
        raise SettingError(f"`{attribute}` in `{module}` is no AltarRuntime; make one there and name it")
    return found


def serve_once(target: str) -> int:
    """Serves until told to stop."""
    state = pathlib.Path(os.environ[STATE]) if os.environ.get(STATE) else None
    if state is not None:
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        runtime = load(target)
        runtime.development_only = True
        runtime.grace = min(runtime.grace, GRACE)
        if state is not None and state.is_file():
            runtime.resume(state.read_text(encoding="utf-8"))
        runtime.on_status = lambda status: _told(status, state)
        runtime.run()
    except GridError as fault:
        print(f"altar-grid: {fault}", file=sys.stderr)
        return 1
    return 0


def _end_with(parent: int) -> None:
    """Ends this process when `dev` has been killed and cannot end it any more."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


def _told(status: RuntimeStatus, state: pathlib.Path | None) -> None:
    if status.state is not RuntimeState.SERVING:
        return
    where = f" in session {status.session_id}" if status.session_id else ""
    print(f"altar-grid: serving {', '.join(sorted(status.tools))}{where}", flush=True)
    if state is not None and status.session_id:
        state.write_text(status.session_id, encoding="utf-8")


class Reloader:
    """Keeps one serving process, and replaces it whenever a source changes.

    Args:
        target: Where the runtime is.
        folders: Folders of sources.
        pause: Seconds between two looks at them.
    """

    def __init__(self, target: str, folders: Sequence[pathlib.Path], pause: float = 0.3) -> None:
        self._target = target
        self._folders = folders
        self._pause = pause
        self._stop = threading.Event()

    def run(self) -> int:
        """Until SIGTERM or ctrl-c."""
        for wish in (signal.SIGTERM, signal.SIGINT):
            signal.signal(wish, lambda *_: self._stop.set())
        with tempfile.TemporaryDirectory(prefix="altar-grid-") as folder:
            environment = {**os.environ, STATE: str(pathlib.Path(folder) / "session")}
            while not self._stop.is_set():
                seen = snapshot(self._folders)
                with self._process(environment) as process:
                    changed = self._changed(seen, process)
                if changed:
                    print(f"altar-grid: {changed} changed; starting anew", flush=True)
        return 0

    @contextlib.contextmanager
    def _process(self, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
        command = [sys.executable, "-m", "altar_grid.dev", "serve", self._target]
        process = subprocess.Popen(command, env=environment)  # noqa: S603 - the target is the caller's own program
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(GRACE + 3.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _changed(self, seen: Snapshot, process: subprocess.Popen[bytes]) -> str:
        """Waits for a change, and names a file of it; empty where this program is told to stop."""
        ended = False
        while not self._stop.wait(self._pause):
            if not ended and process.poll() is not None:
                ended = True
                print("altar-grid: it has ended; waiting for a change", flush=True)
            now = snapshot(self._folders)
            if now == seen:
                continue
            # Editors and version control write many files; wait until they are done.
            while not self._stop.wait(self._pause) and (later := snapshot(self._folders)) != now:
                now = later
            different = {path for path, _ in set(now.items()) ^ set(seen.items())}
            return str(min(different)) if different else ""
        return ""


def snapshot(folders: Sequence[pathlib.Path]) -> Snapshot:
    """Time of change and size of every source."""
    found: Snapshot = {}
    for folder in folders:
        for place, inner, files in os.walk(folder):
            inner[:] = [name for name in inner if name not in FOREIGN and not name.startswith(".")]
            if "pyvenv.cfg" in files:
                inner.clear()
                continue
            for name in files:
                if name.endswith(".py"):
                    path = pathlib.Path(place) / name
                    with contextlib.suppress(OSError):
                        said = path.stat()
                        found[path] = (said.st_mtime_ns, said.st_size)
    return found


if __name__ == "__main__":
    sys.exit(main())

"""A real host for tests: the debug build of `grid`, on a free port, in a folder of its own.

GRID_BIN names the program; otherwise it is looked for in the repository's `target/debug`.
"""

from __future__ import annotations

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
from typing import Any

REPOSITORY = pathlib.Path(__file__).parent.parent.parent.parent


def grid_program() -> pathlib.Path:
    named = os.environ.get("GRID_BIN")
    found = pathlib.Path(named) if named else REPOSITORY / "target" / "debug" / "grid"
    if not found.is_file():
        raise FileNotFoundError(
            f"{found} is not there; build it with `cargo build -p grid-cli`, or name one in GRID_BIN"
        )
    return found


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


class Host:
    """One host; `start` it, `stop` it, and start it again on the same port and folder."""

    def __init__(
        self, folder: pathlib.Path, mode: str, manifest: dict[str, Any] | None = None, **settings: str
    ) -> None:
        self.folder = folder
        self.port, self.admin_port = free_port(), free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.config = folder / "grid.toml"
        lines = [
            f'mode = "{mode}"',
            f'server.listen = "127.0.0.1:{self.port}"',
            f'server.admin_listen = "127.0.0.1:{self.admin_port}"',
            'server.drain_grace = "2s"',
            f'data.dir = "{folder}/data"',
        ]
        if manifest is not None:
            (folder / "tools.json").write_text(json.dumps(manifest))
            lines.append(f'manifest.path = "{folder}/tools.json"')
        lines += [f"{name} = {value}" for name, value in settings.items()]
        self.config.write_text("\n".join(lines) + "\n")
        self.process: subprocess.Popen[bytes] | None = None
        if mode == "strict":
            self.grid("audit", "init", "--origin", "grid.example/test/audit")

    def grid(self, *args: str) -> str:
        """What a `grid` command says."""
        done = subprocess.run(
            [str(grid_program()), *args],
            env=self.environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"grid {' '.join(args)}: {done.stderr}{done.stdout}"
        return done.stdout

    def environment(self) -> dict[str, str]:
        """For programs that talk to this host."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRID_")}
        return {**kept, "GRID_CONFIG": str(self.config), "GRID_ENDPOINT": self.endpoint}

    def token(self, principal: str, *roles: str, tenant: str = "demo") -> pathlib.Path:
        """A file with a token."""
        path = self.folder / f"{principal.replace('/', '-')}.token"
        wanted = [each for role in roles for each in ("--role", role)]
        self.grid("token", "new", "--principal", principal, "--tenant", tenant, *wanted, "-o", str(path))
        return path

    def runtime_token(self, principal: str) -> pathlib.Path:
        return self.token(principal, "grid_runtime", tenant="*")

    def start(self) -> Host:
        self.process = subprocess.Popen(
            [str(grid_program()), "serve"],
            env=self.environment(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=(self.folder / "host.log").open("ab"),
        )
        end = time.monotonic() + 30
        while time.monotonic() < end:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return self
            assert self.process.poll() is None, (self.folder / "host.log").read_text()
            time.sleep(0.02)
        raise AssertionError("the host did not start: " + (self.folder / "host.log").read_text())

    def stop(self, wish: int = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(wish)
            self.process.wait(timeout=30)
            self.process = None

    def records(self, invocation: str) -> list[dict[str, Any]]:
        """What the audit log has of an execution."""
        text = self.grid("audit", "show", invocation, "--json")
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def contract(name: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    """One contract with one function of the same name."""
    declaration = {"name": name, "description": f"Contract of {name}.", "parameters": parameters}
    return {"name": f"{name}_contract", "required_roles": ["caller"], "function_declarations": [declaration], **more}


def manifest(*contracts: dict[str, Any]) -> dict[str, Any]:
    return {"manifest_version": "1.0.0", "contracts": list(contracts)}

"""Where a call runs: the modes, and which one counts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from altar_grid.errors import SettingError


class ExecutionMode(str, Enum):
    """Where a call runs. With a host, every local run is governed: it needs the host's grant and leaves an outcome."""

    REMOTE = "remote"
    """At a runtime, through the host. The default."""
    LOCAL_FIRST = "local_first"
    """Here where the tool is registered, else at a runtime. Without a host ungoverned, and not in production."""
    LOCAL_ONLY = "local_only"
    """Here or not at all. Without a host ungoverned, and not in production."""
    GOVERNED_LOCAL = "governed_local"
    """As LOCAL_FIRST, and never without a host."""
    AUTO = "auto"
    """GOVERNED_LOCAL for arguments of 1 MiB and more and for `calculate_*` and `transform_*`, else REMOTE."""
    ENVIRONMENT_AWARE = "environment_aware"
    """LOCAL_FIRST in development, LOCAL_ONLY in tests, REMOTE in production and wherever nothing is said."""


class Environment(str, Enum):
    """What kind of place this is; ALTAR_ENV says it."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


LARGE: Final = 1 << 20
"""Bytes of canonical arguments from which AUTO runs here."""
_NEAR: Final = ("calculate_", "transform_")
_FAR: Final = ("send_", "fetch_")
_NAMES: Final = {
    "dev": Environment.DEVELOPMENT,
    "development": Environment.DEVELOPMENT,
    "test": Environment.TEST,
    "prod": Environment.PRODUCTION,
    "production": Environment.PRODUCTION,
}


def environment(name: str | None = None) -> Environment:
    """The kind of place: what is given, else what ALTAR_ENV says, else production.

    Raises:
        SettingError: The name is none of `development`, `test` and `production`.
    """
    said = name if name is not None else os.environ.get("ALTAR_ENV", "production")
    found = _NAMES.get(said.strip().lower())
    if found is None:
        raise SettingError(f"`{said}` is no environment; use development, test or production", unsent=True)
    return found


@dataclass(frozen=True)
class Modes:
    """Which mode counts: that of the tool before the session's before the client's before the global one.

    Attributes:
        everywhere: For everything that says nothing.
        client: For a client.
        session: For a session.
        tools: For tools, by name.
    """

    everywhere: ExecutionMode = ExecutionMode.REMOTE
    client: ExecutionMode | None = None
    session: ExecutionMode | None = None
    tools: Mapping[str, ExecutionMode] = field(default_factory=dict)

    def of(self, tool: str) -> ExecutionMode:
        """The mode of a tool."""
        for mode in (self.tools.get(tool), self.session, self.client):
            if mode is not None:
                return ExecutionMode(mode)
        return ExecutionMode(self.everywhere)


def settled(mode: ExecutionMode, tool: str, args_bytes: int, place: Environment) -> ExecutionMode:
    """What AUTO and ENVIRONMENT_AWARE come to for a call; the others are what they are.

    Args:
        mode: The mode that counts.
        tool: Name of the function.
        args_bytes: Bytes of its canonical arguments.
        place: What kind of place this is.
    """
    if mode is ExecutionMode.AUTO:
        near = tool.startswith(_NEAR) or (args_bytes >= LARGE and not tool.startswith(_FAR))
        return ExecutionMode.GOVERNED_LOCAL if near else ExecutionMode.REMOTE
    if mode is ExecutionMode.ENVIRONMENT_AWARE:
        return {
            Environment.DEVELOPMENT: ExecutionMode.LOCAL_FIRST,
            Environment.TEST: ExecutionMode.LOCAL_ONLY,
            Environment.PRODUCTION: ExecutionMode.REMOTE,
        }[place]
    return mode

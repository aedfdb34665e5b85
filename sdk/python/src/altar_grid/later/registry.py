"""Which tools there are here, and which of them a session may use. Two registries, kept apart: the global one has the
functions and lives as long as the process, that of a session has names only and ends with the session."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from altar_grid.adm import ArgumentChecker, FunctionDeclaration
from altar_grid.errors import SettingError
from altar_grid.tools import Tool, tool


class AlreadyRegistered(SettingError):
    """A tool of that name is registered already."""


class NotRegistered(SettingError):
    """No tool of that name is registered."""


@dataclass(frozen=True)
class Entry:
    """A tool with all that running it needs.

    Attributes:
        tool: The tool.
        declaration: What it says of itself, checked.
        checker: Checks its arguments.
    """

    tool: Tool[..., Any]
    declaration: FunctionDeclaration
    checker: ArgumentChecker


class Registry:
    """Tools by name. Threads may share it."""

    def __init__(self, tools: Iterable[Tool[..., Any] | Callable[..., Any]] = ()) -> None:
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        for each in tools:
            self.add(each)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, function: Tool[..., Any] | Callable[..., Any], *, replace: bool = False) -> Tool[..., Any]:
        """Registers a tool, or a function as one.

        Raises:
            AlreadyRegistered: The name is taken and `replace` is not asked for.
            ToolDefinitionError: The function cannot be a tool as it stands.
        """
        own = function if isinstance(function, Tool) else tool(function)
        declaration = FunctionDeclaration.from_value(own.declaration())
        entry = Entry(own, declaration, ArgumentChecker(declaration.parameters))
        with self._lock:
            if own.name in self._entries and not replace:
                raise AlreadyRegistered(
                    f"a tool `{own.name}` is registered already; rename one, or replace it", unsent=True
                )
            self._entries[own.name] = entry
        return own

    def get(self, name: str) -> Entry:
        """A tool.

        Raises:
            NotRegistered: There is none of that name.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise NotRegistered(f"no tool `{name}` is registered here", unsent=True) from None

    def remove(self, name: str) -> None:
        """Takes a tool out.

        Raises:
            NotRegistered: There is none of that name.
        """
        with self._lock:
            if self._entries.pop(name, None) is None:
                raise NotRegistered(f"no tool `{name}` is registered here", unsent=True)

    def declarations(self) -> list[FunctionDeclaration]:
        """What the tools say of themselves, by name."""
        return [self._entries[name].declaration for name in self]


GLOBAL = Registry()
"""The registry of this process."""


class SessionRegistry:
    """The tools of one session: names in a registry. A name that is taken out of that registry is gone here too.

    Args:
        names: The names to begin with; all of the registry where nothing is given.
        registry: Where the tools are.
    """

    def __init__(self, names: Iterable[str] | None = None, *, registry: Registry = GLOBAL) -> None:
        self._registry = registry
        self._names: set[str] = set()
        self._closed = False
        for name in registry if names is None else names:
            self.add(name)

    def __contains__(self, name: object) -> bool:
        return not self._closed and name in self._names and name in self._registry

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name in self._names if name in self))

    def add(self, name: str) -> None:
        """Lets the session use a tool.

        Raises:
            NotRegistered: The registry has none of that name.
            SettingError: The session has ended.
        """
        if self._closed:
            raise SettingError("the session's registry is closed; make another one", unsent=True)
        self._registry.get(name)
        self._names.add(name)

    def remove(self, name: str) -> None:
        """Takes a tool from the session.

        Raises:
            NotRegistered: The session does not have it.
        """
        if name not in self._names:
            raise NotRegistered(f"the session has no tool `{name}`", unsent=True)
        self._names.discard(name)

    def get(self, name: str) -> Entry:
        """A tool of the session.

        Raises:
            NotRegistered: The session has none of that name.
        """
        if name not in self:
            raise NotRegistered(f"the session has no tool `{name}`", unsent=True)
        return self._registry.get(name)

    def close(self) -> None:
        """Ends it: from now on it has no tool."""
        self._closed = True
        self._names.clear()

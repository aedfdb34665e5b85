"""LangChain's tools, known by their shape: `name`, `description`, `args_schema`, `invoke`, `ainvoke`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from altar_grid.adapters.common import AdaptedTool, declaration
from altar_grid.adapters.schema import AdapterError, to_json_schema
from altar_grid.adm import FunctionDeclaration


def from_langchain(tool: Any, *, use_async: bool = False) -> AdaptedTool:
    """A tool that can be registered here, or served by a runtime.

    Args:
        tool: A LangChain tool.
        use_async: Whether to run it by `ainvoke` on the event loop; else by `invoke` on a thread.

    Raises:
        AdapterError: It has not the shape of one, or a parameter has no counterpart; the message names it.
    """
    name = getattr(tool, "name", None)
    run = getattr(tool, "ainvoke" if use_async else "invoke", None)
    if not isinstance(name, str) or not callable(run):
        raise AdapterError(f"a `{type(tool).__name__}` has not the shape of a LangChain tool: `name` and `invoke`")
    declared = declaration(name, getattr(tool, "description", None), _schema_of(tool, name))

    if use_async:

        async def ainvoke(**arguments: Any) -> Any:
            return await run(arguments)

        return AdaptedTool(declared, ainvoke, is_async=True)

    def invoke(**arguments: Any) -> Any:
        return run(arguments)

    return AdaptedTool(declared, invoke)


def _schema_of(tool: Any, name: str) -> Mapping[str, Any]:
    """`tool_call_schema` has no arguments that LangChain fills in; older tools have `args_schema` or `args`."""
    for attribute in ("tool_call_schema", "args_schema"):
        schema = getattr(tool, attribute, None)
        if isinstance(schema, Mapping):
            return schema
        for method in ("model_json_schema", "schema"):
            make = getattr(schema, method, None)
            if callable(make):
                made = make()
                if isinstance(made, Mapping):
                    return made
    args = getattr(tool, "args", None)
    if isinstance(args, Mapping):
        return {"type": "object", "properties": dict(args), "required": list(args)}
    raise AdapterError(f"`{name}` says nothing of its arguments: it has no `args_schema`")


@dataclass(frozen=True)
class LangChainShape:
    """An object of the shape of a LangChain tool.

    `kwargs` makes a real one: `StructuredTool(**shape.kwargs)`.
    """

    name: str
    description: str
    args_schema: dict[str, Any]
    func: Callable[..., Any]
    coroutine: Callable[..., Awaitable[Any]]

    @property
    def kwargs(self) -> dict[str, Any]:
        """What `StructuredTool` takes."""
        return {
            "name": self.name,
            "description": self.description,
            "args_schema": self.args_schema,
            "func": self.func,
            "coroutine": self.coroutine,
        }

    @property
    def args(self) -> dict[str, Any]:
        """The parameters' schemas, by name."""
        return dict(self.args_schema.get("properties", {}))

    def invoke(self, input: Mapping[str, Any]) -> Any:
        """Runs it with these arguments."""
        return self.func(**input)

    async def ainvoke(self, input: Mapping[str, Any]) -> Any:
        """Runs it with these arguments."""
        return await self.coroutine(**input)


def to_langchain(
    declared: FunctionDeclaration,
    call: Callable[[str, dict[str, Any]], Any],
    acall: Callable[[str, dict[str, Any]], Awaitable[Any]] | None = None,
) -> LangChainShape:
    """A tool for LangChain that calls by name, such as through a client.

    Args:
        declared: The declaration.
        call: Takes name and arguments, gives the answer; `SyncAltarClient.call` does.
        acall: The same for `await`; `call` on a thread where nothing is given.

    Raises:
        AdapterError: A keyword would get a meaning that it does not have here.
    """

    def func(**arguments: Any) -> Any:
        return call(declared.name, arguments)

    async def coroutine(**arguments: Any) -> Any:
        if acall is None:
            return await asyncio.to_thread(call, declared.name, arguments)
        return await acall(declared.name, arguments)

    schema = to_json_schema(declared.parameters, tool=declared.name)
    return LangChainShape(declared.name, declared.description, schema, func, coroutine)

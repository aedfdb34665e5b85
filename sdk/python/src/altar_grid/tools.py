"""Makes tools of functions: `@tool` writes the declaration from name, type hints and docstring, and reads arguments
into what the hints say."""

from __future__ import annotations

import base64
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import inspect
import json
import re
import sys
import uuid
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, NoReturn, ParamSpec, TypeVar, cast, overload

import pydantic

from altar_grid import docstrings
from altar_grid._json import write_json
from altar_grid._kinds import ABSENT, Reader
from altar_grid.schema import ToolDefinitionError, function_name, nones_of, parameters_of

_P = ParamSpec("_P")
_R = TypeVar("_R")

NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")
LONGEST_MESSAGE = 500


class ToolError(Exception):
    """A tool's own error; raise it to tell the caller something that it can act on.

        raise ToolError("RESOURCE_NOT_FOUND", "there is no order `A-17`; list them with `list_orders`")

    Args:
        kind: Upper-case words such as `BUSINESS_RULE_VIOLATION`; the caller sees them as the error's code.
        message: What happened and what to do; the caller sees its first 500 characters.
    """

    def __init__(self, kind: str, message: str) -> None:
        text = message.strip() or "the tool failed without saying why; report it to the tool's owner"
        self.kind = kind.strip() or "TOOL_EXECUTION_FAILED"
        self.message = text[:LONGEST_MESSAGE]
        super().__init__(f"{self.kind}: {self.message}")


@dataclass(frozen=True)
class CallInfo:
    """The call that a tool is answering; `current_call` gives it.

    Attributes:
        invocation_id: The host's id of the execution.
        correlation_id: Joins the call with the logs of everybody involved.
        call_id: The caller's idempotency key.
        session_id: The caller's session.
        deadline: When the call must be over, in seconds since 1970, UTC; `None` for no such time.
        metadata: What the caller sent along.
        said: Takes what `progress` says.
    """

    invocation_id: str
    correlation_id: str
    call_id: str
    session_id: str = ""
    deadline: float | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    said: Callable[[float, str], None] | None = field(default=None, repr=False, compare=False)

    def progress(self, fraction: float, message: str = "") -> None:
        """Tells the caller of a streamed call how far it has come, and renews the time that the tool may be silent. It
        does nothing where the host takes no progress.

        Args:
            fraction: From 0 to 1.
            message: For people.
        """
        if self.said is not None:
            self.said(fraction, message)


CURRENT_CALL: ContextVar[CallInfo | None] = ContextVar("altar_grid_call", default=None)


def current_call() -> CallInfo | None:
    """The call that is being answered; `None` where a function is called directly, as in its own tests."""
    return CURRENT_CALL.get()


class Tool(Generic[_P, _R]):
    """A declared function. It stays callable: `add(2, b=40)` runs the function itself.

    Attributes:
        function: The function.
        name: The name to call it by.
        description: What it does.
        parameters: Its parameters, an ADM schema.
        is_async: Whether it is an `async def`, which runs on the event loop; others run on threads.
        yields: Whether it yields its result: an array of what it yields, which a caller can have as it comes.
    """

    def __init__(
        self,
        function: Callable[_P, _R],
        *,
        name: str = "",
        description: str = "",
        names: Mapping[str, Any] | None = None,
    ) -> None:
        own = name or function_name(function)
        docs = docstrings.parse(inspect.getdoc(function))
        if NAME.fullmatch(own) is None:
            raise ToolDefinitionError(
                f"`{own}` is no name for a tool; use 1 to 64 letters, digits, `_` and `-`, no digit or `-` first"
            )
        if not (description.strip() or docs.summary):
            raise ToolDefinitionError(f"`{own}` says nothing about itself; give it a docstring or a `description`")
        self._record = parameters_of(function, docs, names)
        self._nones = nones_of(self._record)
        self.function = function
        self.name = own
        self.description = description.strip() or docs.summary
        self.parameters = self._record.schema()
        self.yields = inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)
        self.is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Runs the function itself, as if it were no tool."""
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    def declaration(self) -> dict[str, Any]:
        """The ADM FunctionDeclaration, as JSON has it."""
        return {"name": self.name, "description": self.description, "parameters": self.parameters}

    def read_args(self, text: str) -> dict[str, Any]:
        """The function's keyword arguments from a JSON object as text.

        Raises:
            ToolError: The arguments do not match; the message names every place.
        """
        try:
            value = json.loads(text or "{}", parse_constant=_no_constant, object_pairs_hook=_unique)
        except (ValueError, RecursionError) as fault:
            raise ToolError("PARAMETER_VALIDATION_FAILED", f"the arguments are not usable JSON: {fault}") from None
        return self.bind(value)

    def bind(self, value: Any) -> dict[str, Any]:
        """The function's keyword arguments from a JSON object.

        Raises:
            ToolError: The arguments do not match; the message names every place.
        """
        reader = Reader()
        values = self._record.read(value, reader)
        if values is ABSENT:
            raise ToolError("PARAMETER_VALIDATION_FAILED", reader.report())
        return {**self._nones, **cast("dict[str, Any]", values)}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"`{name}` is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return values


@overload
def tool(function: Callable[_P, _R], /) -> Tool[_P, _R]: ...


@overload
def tool(*, name: str = "", description: str = "") -> Callable[[Callable[_P, _R]], Tool[_P, _R]]: ...


def tool(
    function: Callable[..., Any] | None = None, /, *, name: str = "", description: str = ""
) -> Tool[..., Any] | Callable[[Callable[..., Any]], Tool[..., Any]]:
    """Makes a tool of a function: `@tool`, or `@tool(name="...", description="...")`.

    Its description is the first paragraph of the docstring; those of its parameters come from `Annotated` or from the
    docstring, in Google's, NumPy's or Sphinx's style. A parameter with a default, or one that may be None, may be left
    out. `def` runs on a thread, `async def` on the event loop. What a generator yields are the elements of its result,
    an array; a caller that asks for a stream gets each as it comes, and the generator waits for a slow one.

    Args:
        function: The function.
        name: The name to call it by; the function's own where nothing is given.
        description: What it does; from the docstring where nothing is given.

    Raises:
        ToolDefinitionError: It has no description, a name that is none, or a parameter that has no ADM type.
    """
    names = sys._getframe(1).f_locals
    if function is not None:
        return Tool(function, names=names)
    return lambda wrapped: Tool(wrapped, name=name, description=description, names=names)


def write_result(value: Any) -> str:
    """What a tool answered, as JSON text.

    Raises:
        ToolError: It is nothing that JSON can say.
    """
    try:
        return write_json(value, default=_plain)
    except (TypeError, ValueError, RecursionError) as fault:
        raise ToolError("SERIALIZATION_ERROR", f"the tool's answer cannot be written as JSON: {fault}") from None


def _plain(value: Any) -> Any:
    """What JSON can say of a value that it does not know; the mirror of what parameters may be."""
    if isinstance(value, pydantic.BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    if isinstance(value, (uuid.UUID, decimal.Decimal)):
        return str(value)
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"a `{type(value).__name__}` is no JSON; answer text, numbers, lists, dicts or dataclasses")


def caught(fault: BaseException) -> ToolError:
    """What the caller is told of what a tool raised: its type and the first line of its message, without paths, and
    nothing of the stack."""
    if isinstance(fault, ToolError):
        return fault
    kind = type(fault).__name__
    lines = str(fault).strip().splitlines()
    text = f"{kind}: {without_paths(lines[0])}" if lines else kind
    return ToolError("TOOL_EXECUTION_FAILED", text)


def without_paths(line: str) -> str:
    """A line in which absolute paths are hidden."""
    return " ".join("(path hidden)" if _is_path(word) else word for word in line.split(" "))


def _is_path(word: str) -> bool:
    bare = re.sub(r"^[^\w/\\~]+|[^\w/\\~]+$", "", word)
    unix = bare.startswith("/") and bare.count("/") > 1
    return unix or bare.startswith(("~/", "\\\\")) or bare[1:3] == ":\\"

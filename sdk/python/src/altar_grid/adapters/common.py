"""What all adapters share: reading fields of dicts or objects, declarations, tools without a Python signature."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from altar_grid.adapters.schema import AdapterError, from_json_schema
from altar_grid.adm import AdmError, ArgumentChecker, FunctionDeclaration, parse
from altar_grid.tools import Tool, ToolError


def field(of: Any, name: str, default: Any = None) -> Any:
    """A member of a dict, or an attribute of an object."""
    return of.get(name, default) if isinstance(of, Mapping) else getattr(of, name, default)


def declaration(
    name: Any, description: Any, parameters: Mapping[str, Any] | None, extra: Mapping[str, Any] | None = None
) -> FunctionDeclaration:
    """A declaration from another library's words.

    Raises:
        AdapterError: The name is none for ADM, there is no description, or a parameter has no counterpart.
    """
    if not isinstance(name, str) or not name:
        raise AdapterError("a tool without a name cannot be taken over")
    if not isinstance(description, str) or not description.strip():
        raise AdapterError(f"`{name}` has no description; give it one, whoever chooses among tools reads it")
    schema = from_json_schema(parameters or {"type": "object", "properties": {}}, tool=name)
    value = {"name": name, "description": description, "parameters": schema.to_value(), **(extra or {})}
    try:
        return FunctionDeclaration.from_value(value)
    except AdmError as fault:
        raise AdapterError(f"`{name}` cannot be taken over: {fault}") from None


class AdaptedTool(Tool[..., Any]):
    """A tool whose parameters come from a declaration. It can be registered, and served by a runtime, like any other.

    Args:
        declared: The declaration.
        function: Gets the arguments by name; an `async def` where `is_async`.
        is_async: Whether it is one.
    """

    def __init__(self, declared: FunctionDeclaration, function: Callable[..., Any], *, is_async: bool = False) -> None:
        # Not `Tool.__init__`: that one reads the function's signature, and here there is none.
        self.declared = declared
        self.function = function
        self.name, self.description = declared.name, declared.description
        self.parameters = declared.parameters.to_value()
        self.is_async = is_async
        self._checker = ArgumentChecker(declared.parameters)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Runs the function itself."""
        return self.function(*args, **kwargs)

    def declaration(self) -> dict[str, Any]:
        """The ADM FunctionDeclaration, as JSON has it."""
        return self.declared.to_value()

    def read_args(self, text: str) -> dict[str, Any]:
        """The function's keyword arguments from a JSON object as text.

        Raises:
            ToolError: The arguments do not match; the message names every place.
        """
        try:
            return self.bind(parse(text or "{}"))
        except AdmError as fault:
            raise ToolError("PARAMETER_VALIDATION_FAILED", f"the arguments are not usable JSON: {fault}") from None

    def bind(self, value: Any) -> dict[str, Any]:
        """The function's keyword arguments from a JSON object.

        Raises:
            ToolError: The arguments do not match; the message names every place.
        """
        problems = self._checker.check(value)
        if problems:
            raise ToolError("PARAMETER_VALIDATION_FAILED", "; ".join(map(str, problems)))
        prepared: dict[str, Any] = self._checker.prepare(value)
        return prepared

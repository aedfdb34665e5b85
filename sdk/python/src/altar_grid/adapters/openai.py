"""OpenAI's tool schemas and tool calls, of Chat Completions and of Responses, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from altar_grid.adapters.common import declaration, field
from altar_grid.adapters.schema import AdapterError, to_json_schema
from altar_grid.adm import AdmError, FunctionCall, FunctionDeclaration, ToolResult, parse, to_text


def from_openai(tool: Any) -> FunctionDeclaration:
    """The declaration of a tool: `{"type": "function", "function": {...}}`, the flat form of Responses, or the older
    `{"name", "description", "parameters"}`.

    Raises:
        AdapterError: It is no function, or something of it has no counterpart; the message names the parameter.
    """
    kind = field(tool, "type", "function")
    if kind != "function":
        raise AdapterError(f"a tool of the type `{kind}` runs at the provider and cannot be taken over")
    inner = field(tool, "function") or tool
    return declaration(field(inner, "name"), field(inner, "description"), field(inner, "parameters"))


def to_openai(declared: FunctionDeclaration, style: Literal["chat", "responses"] = "chat") -> dict[str, Any]:
    """The tool schema of a declaration.

    Raises:
        AdapterError: A keyword would get a meaning that it does not have here.
    """
    inner = {
        "name": declared.name,
        "description": declared.description,
        "parameters": to_json_schema(declared.parameters, tool=declared.name),
    }
    return {"type": "function", **inner} if style == "responses" else {"type": "function", "function": inner}


def call_from_openai(call: Any) -> FunctionCall:
    """A call as a model asks for it: an element of `tool_calls`, or a `function_call` item of Responses.

    Raises:
        AdapterError: It is no call of a function, or its arguments are no JSON object.
    """
    inner = field(call, "function") or call
    name, text = field(inner, "name"), field(inner, "arguments")
    try:
        args = parse(text) if isinstance(text, (str, bytes)) and text else {}
        value = {"call_id": field(call, "call_id") or field(call, "id"), "name": name, "args": args}
        return FunctionCall.from_value(value)
    except AdmError as fault:
        raise AdapterError(f"the model's call of `{name}` cannot be taken over: {fault}") from None


def result_to_openai(result: ToolResult, style: Literal["chat", "responses"] = "chat") -> dict[str, Any]:
    """The message that answers a call; an error is text that the model can read."""
    if result.ok:
        text = result.content if isinstance(result.content, str) else to_text(result.content)
    else:
        text = to_text({"error": result.to_value()["error"]})
    if style == "responses":
        return {"type": "function_call_output", "call_id": result.call_id, "output": text}
    return {"role": "tool", "tool_call_id": result.call_id, "content": text}


def tools_from_openai(tools: list[Any]) -> list[FunctionDeclaration]:
    """The declarations of a list of tools; names must differ.

    Raises:
        AdapterError: One of them cannot be taken over, or a name comes twice.
    """
    found: Mapping[str, FunctionDeclaration] = {}
    for tool in tools:
        declared = from_openai(tool)
        if declared.name in found:
            raise AdapterError(f"`{declared.name}` comes twice; rename one")
        found = {**found, declared.name: declared}
    return list(found.values())

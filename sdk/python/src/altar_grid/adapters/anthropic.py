"""Anthropic's tool schemas, `tool_use` and `tool_result` blocks, as plain data."""

from __future__ import annotations

from typing import Any

from altar_grid.adapters.common import declaration, field
from altar_grid.adapters.schema import AdapterError, to_json_schema
from altar_grid.adm import AdmError, FunctionCall, FunctionDeclaration, ToolResult, to_text


def from_anthropic(tool: Any) -> FunctionDeclaration:
    """The declaration of a tool `{"name", "description", "input_schema"}`.

    Raises:
        AdapterError: It runs at the provider, or something of it has no counterpart; the message names the parameter.
    """
    kind = field(tool, "type")
    if kind not in (None, "custom"):
        raise AdapterError(f"a tool of the type `{kind}` runs at the provider and cannot be taken over")
    return declaration(field(tool, "name"), field(tool, "description"), field(tool, "input_schema"))


def to_anthropic(declared: FunctionDeclaration) -> dict[str, Any]:
    """The tool schema of a declaration.

    Raises:
        AdapterError: A keyword would get a meaning that it does not have here.
    """
    return {
        "name": declared.name,
        "description": declared.description,
        "input_schema": to_json_schema(declared.parameters, tool=declared.name),
    }


def call_from_anthropic(block: Any) -> FunctionCall:
    """A call from a `tool_use` block.

    Raises:
        AdapterError: It is none, or has no usable input.
    """
    if field(block, "type") != "tool_use":
        raise AdapterError(f"a block of the type `{field(block, 'type')}` is no call; pass a `tool_use` block")
    value = {"call_id": field(block, "id"), "name": field(block, "name"), "args": field(block, "input")}
    try:
        return FunctionCall.from_value(value)
    except AdmError as fault:
        raise AdapterError(f"the model's call of `{value['name']}` cannot be taken over: {fault}") from None


def result_to_anthropic(result: ToolResult) -> dict[str, Any]:
    """The `tool_result` block that answers a call."""
    if result.ok:
        text = result.content if isinstance(result.content, str) else to_text(result.content)
        return {"type": "tool_result", "tool_use_id": result.call_id, "content": text}
    text = to_text(result.to_value()["error"])
    return {"type": "tool_result", "tool_use_id": result.call_id, "content": text, "is_error": True}

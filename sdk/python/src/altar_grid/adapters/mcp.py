"""Tool lists and results of the Model Context Protocol, as plain data or as objects of the same shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from altar_grid.adapters.common import declaration, field
from altar_grid.adapters.schema import AdapterError, to_json_schema
from altar_grid.adm import AdmError, FunctionDeclaration, JsonValue, Tool, ToolResult, to_text

#: What MCP says of a tool and ADM does not: kept under these names, and given back.
_KEPT: Final = {
    "title": "x_mcp_title",
    "outputSchema": "x_mcp_output_schema",
    "annotations": "x_mcp_annotations",
}


def from_mcp_tool(tool: Any) -> FunctionDeclaration:
    """The declaration of one tool.

    Raises:
        AdapterError: Something of it has no counterpart; the message names the parameter.
    """
    extra = {own: _plain(field(tool, name)) for name, own in _KEPT.items() if field(tool, name) is not None}
    return declaration(field(tool, "name"), field(tool, "description"), field(tool, "inputSchema"), extra)


def _plain(value: Any) -> JsonValue:
    return value.model_dump(mode="json", exclude_none=True) if hasattr(value, "model_dump") else value


def from_mcp(listing: Any) -> Tool:
    """The tools of a `tools/list` result.

    Raises:
        AdapterError: One of them cannot be taken over, a name comes twice, or the list goes on: fetch all pages first.
    """
    if isinstance(listing, Mapping) or hasattr(listing, "tools"):
        if field(listing, "nextCursor"):
            raise AdapterError("the list of tools goes on (`nextCursor`); fetch all pages and pass their tools")
        listing = field(listing, "tools")
    if not isinstance(listing, Iterable) or isinstance(listing, (str, bytes)):
        raise AdapterError("it is no list of tools; pass the result of `tools/list`")
    try:
        return Tool.from_value({"function_declarations": [from_mcp_tool(each).to_value() for each in listing]})
    except AdmError as fault:
        raise AdapterError(f"the list of tools cannot be taken over: {fault}") from None


def to_mcp(tools: Tool | Iterable[FunctionDeclaration]) -> dict[str, Any]:
    """The result of `tools/list`, in one page.

    Raises:
        AdapterError: A keyword would get a meaning that it does not have here.
    """
    declared = tools.function_declarations if isinstance(tools, Tool) else tools
    return {"tools": [_tool(each) for each in declared]}


def _tool(declared: FunctionDeclaration) -> dict[str, Any]:
    extra = declared.model_extra or {}
    kept = {name: extra[own] for name, own in _KEPT.items() if own in extra}
    return {
        "name": declared.name,
        "description": declared.description,
        "inputSchema": to_json_schema(declared.parameters, tool=declared.name),
        **kept,
    }


def result_to_mcp(result: ToolResult) -> dict[str, Any]:
    """A `tools/call` result; objects come as `structuredContent` too."""
    if not result.ok:
        error = result.to_value()["error"]
        return {"content": [{"type": "text", "text": to_text(error)}], "isError": True}
    text = result.content if isinstance(result.content, str) else to_text(result.content)
    structured = {"structuredContent": result.content} if isinstance(result.content, dict) else {}
    return {"content": [{"type": "text", "text": text}], "isError": False, **structured}

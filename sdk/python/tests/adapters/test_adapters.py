"""Adapters: both ways without loss, and refusals that name the parameter."""

import types
from enum import Enum
from typing import Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field

from altar_grid.adapters import (
    AdapterError,
    call_from_anthropic,
    call_from_openai,
    from_anthropic,
    from_json_schema,
    from_langchain,
    from_mcp,
    from_openai,
    result_to_anthropic,
    result_to_mcp,
    result_to_openai,
    to_anthropic,
    to_json_schema,
    to_langchain,
    to_mcp,
    to_openai,
    tools_from_openai,
)
from altar_grid.adm import FunctionCall, FunctionDeclaration, Schema, ToolResult
from altar_grid.later import Executor, Registry

PARAMETERS = {
    "type": "object",
    "properties": {
        "to": {"type": "array", "items": {"type": "string", "format": "email"}, "description": "Whom."},
        "level": {"type": "string", "enum": ["low", "high"], "default": "low"},
        "count": {"type": "integer", "minimum": 1},
        "order": {
            "type": "object",
            "properties": {"price": {"type": "number"}, "paid": {"type": "boolean"}},
            "required": ["price"],
            "additionalProperties": False,
        },
        "free": {"type": "object"},
    },
    "required": ["to", "order"],
    "additionalProperties": False,
}


def declared() -> FunctionDeclaration:
    return from_openai(
        {"type": "function", "function": {"name": "send", "description": "Sends.", "parameters": PARAMETERS}}
    )


def test_json_schema_survives_both_ways() -> None:
    schema = from_json_schema(PARAMETERS, tool="send")
    assert to_json_schema(schema, tool="send") == PARAMETERS
    assert from_json_schema(to_json_schema(schema, tool="send"), tool="send") == schema
    assert schema.properties is not None
    assert schema.properties["level"].to_value() == {"type": "STRING", "enum": ["low", "high"], "default": "low"}
    assert schema.required == ["to", "order"]


def test_each_format_survives_both_ways() -> None:
    own = declared()
    for style in ("chat", "responses"):
        assert from_openai(to_openai(own, style)) == own
    assert from_openai({"name": "send", "description": "Sends.", "parameters": PARAMETERS}) == own
    assert from_anthropic(to_anthropic(own)) == own
    assert from_mcp(to_mcp([own])).function_declarations == [own]
    listing = {
        "tools": [
            {
                "name": "send",
                "title": "Send",
                "description": "Sends.",
                "inputSchema": PARAMETERS,
                "annotations": {"readOnlyHint": True},
                "outputSchema": {"type": "object"},
            }
        ]
    }
    assert to_mcp(from_mcp(listing)) == listing
    objects = types.SimpleNamespace(tools=[types.SimpleNamespace(**listing["tools"][0])], nextCursor=None)
    assert to_mcp(from_mcp(objects)) == listing


def test_a_tool_without_parameters_takes_none() -> None:
    none = from_openai({"type": "function", "function": {"name": "now", "description": "The time."}})
    assert none.parameters.to_value() == {"type": "OBJECT", "properties": {}}
    assert to_anthropic(none)["input_schema"]["additionalProperties"] is False
    free = FunctionDeclaration.from_value({"name": "f", "description": "d", "parameters": {"type": "OBJECT"}})
    assert to_anthropic(free)["input_schema"] == {"type": "object", "properties": {}, "additionalProperties": True}


@pytest.mark.parametrize(
    ("parameter", "schema", "words"),
    [
        ("x", {"anyOf": [{"type": "string"}, {"type": "boolean"}]}, "several types"),
        ("x", {"oneOf": [{"type": "string"}]}, "oneOf"),
        ("x", {"type": ["string", "integer"]}, "several types"),
        ("x", {"type": "null"}, "null"),
        ("x", {}, "any value"),
        ("x", True, "any value"),
        ("x", {"type": "array"}, "elements"),
        ("x", {"type": "array", "prefixItems": [{"type": "string"}], "items": False}, "prefixItems"),
        ("x[]", {"type": "array", "items": {"type": ["string", "null"]}}, "null"),
        ("x.y", {"type": "object", "properties": {"y": {"enum": [1, 2]}}}, "no text"),
        ("x[].y", {"type": "array", "items": {"type": "object", "properties": {"y": {}}}}, "any value"),
        ("x", {"$ref": "#/$defs/Nowhere"}, "leads nowhere"),
        ("x", {"$ref": "https://example.com/schema.json"}, "leads nowhere"),
        ("x.next", {"$ref": "#/$defs/Node"}, "contains itself"),
        ("x", {"allOf": [{"type": "string"}, {"minLength": 1}]}, "allOf"),
        ("x", {"type": "file"}, "file"),
        ("x", {"type": "integer", "enum": [1]}, "no text"),
        ("x", {"type": "object", "patternProperties": {"^a": {"type": "string"}}}, "patternProperties"),
        ("x.z", {"type": "object", "properties": {"y": {"type": "string"}}, "required": ["z"]}, "not declared"),
    ],
)
def test_what_has_no_counterpart_is_refused_by_name(parameter: str, schema: Any, words: str) -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}
    parameters = {"type": "object", "properties": {"x": schema}, "$defs": {"Node": node}}
    for adapt in (
        lambda: from_openai(
            {"type": "function", "function": {"name": "t", "description": "d", "parameters": parameters}}
        ),
        lambda: from_anthropic({"name": "t", "description": "d", "input_schema": parameters}),
        lambda: from_mcp([{"name": "t", "description": "d", "inputSchema": parameters}]),
    ):
        with pytest.raises(AdapterError) as refused:
            adapt()
        assert refused.value.parameter == parameter
        assert f"`{parameter}`" in str(refused.value)
        assert words in str(refused.value)


def test_tools_that_cannot_be_named_or_run_here_are_refused() -> None:
    for tool in (
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "t", "input_schema": PARAMETERS},
        {"name": "9t", "description": "d", "input_schema": PARAMETERS},
        {"name": "a.b", "description": "d", "input_schema": PARAMETERS},
        {"description": "d", "input_schema": PARAMETERS},
        {"name": "t", "description": "d", "input_schema": {"type": "string"}},
    ):
        with pytest.raises(AdapterError):
            from_anthropic(tool)
    with pytest.raises(AdapterError, match="provider"):
        from_openai({"type": "file_search"})
    with pytest.raises(AdapterError, match="nextCursor"):
        from_mcp({"tools": [], "nextCursor": "2"})
    with pytest.raises(AdapterError):
        from_mcp("tools")
    one = to_openai(declared())
    with pytest.raises(AdapterError, match="twice"):
        tools_from_openai([one, one])
    with pytest.raises(AdapterError):
        from_mcp([to_mcp([declared()])["tools"][0]] * 2)


def test_keywords_that_would_gain_a_meaning_do_not_leave() -> None:
    for keyword in ("$ref", "anyOf", "not"):
        schema = Schema.from_value({"type": "OBJECT", "properties": {"p": {"type": "STRING", keyword: []}}})
        with pytest.raises(AdapterError) as refused:
            to_json_schema(schema, tool="t")
        assert refused.value.parameter == "p"


def test_optional_types_become_parameters_that_may_be_left_out() -> None:
    parameters = {
        "type": "object",
        "properties": {
            "a": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None, "description": "A."},
            "b": {"type": ["integer", "null"]},
            "c": {"anyOf": [{"type": "integer"}, {"type": "number"}]},
            "d": {"const": "only"},
            "e": {"type": ["string", "null"], "enum": ["x", None]},
        },
        "required": ["a", "b", "c"],
    }
    schema = from_json_schema(parameters, tool="t").to_value()
    assert schema["required"] == ["c"]
    kinds = {name: each["type"] for name, each in schema["properties"].items()}
    assert kinds == {"a": "STRING", "b": "INTEGER", "c": "NUMBER", "d": "STRING", "e": "STRING"}
    assert schema["properties"]["a"] == {"type": "STRING", "description": "A."}
    assert schema["properties"]["d"]["enum"] == ["only"]
    assert schema["properties"]["e"]["enum"] == ["x"]


def test_calls_and_results() -> None:
    call = call_from_openai({"id": "call_1", "type": "function", "function": {"name": "send", "arguments": '{"a": 1}'}})
    assert (call.call_id, call.name, call.args) == ("call_1", "send", {"a": 1})
    item = {"type": "function_call", "id": "fc_1", "call_id": "call_2", "name": "send", "arguments": "{}"}
    assert call_from_openai(item).call_id == "call_2"
    block = {"type": "tool_use", "id": "toolu_1", "name": "send", "input": {"a": 1}}
    assert call_from_anthropic(block).args == {"a": 1}
    assert call_from_anthropic(types.SimpleNamespace(**block)) == call_from_anthropic(block)
    for wrong in ('{"a": 1, "a": 2}', "[]", "{", '{"a": NaN}'):
        with pytest.raises(AdapterError):
            call_from_openai({"id": "c", "function": {"name": "send", "arguments": wrong}})
    with pytest.raises(AdapterError):
        call_from_anthropic({"type": "text", "text": "hello"})
    good, bad = ToolResult.success(call, {"n": 1}), ToolResult.failure(call, "no order", "RESOURCE_NOT_FOUND")
    assert result_to_openai(good) == {"role": "tool", "tool_call_id": "call_1", "content": '{"n":1}'}
    assert result_to_openai(bad, "responses")["type"] == "function_call_output"
    assert "RESOURCE_NOT_FOUND" in result_to_openai(bad)["content"]
    assert result_to_anthropic(bad)["is_error"] is True
    assert result_to_mcp(good)["structuredContent"] == {"n": 1}
    assert result_to_mcp(bad)["isError"] is True
    assert result_to_openai(ToolResult.success(call, "text"))["content"] == "text"


class Level(str, Enum):
    LOW = "low"
    HIGH = "high"


class Line(BaseModel):
    sku: str
    count: int = Field(ge=1)


class OrderArgs(BaseModel):
    """What LangChain makes of a signature."""

    customer: str = Field(description="Who.")
    lines: list[Line]
    level: Level = Level.LOW
    note: str | None = None
    how: Literal["post", "courier"] = "post"


class ShapedTool:
    """The shape of `StructuredTool`."""

    name = "order"
    description = "Orders."
    args_schema = OrderArgs

    def invoke(self, input: dict[str, Any]) -> Any:
        args = OrderArgs(**input)
        return f"{args.customer}: {sum(line.count for line in args.lines)} by {args.how}"

    async def ainvoke(self, input: dict[str, Any]) -> Any:
        return self.invoke(input)


async def test_a_langchain_tool_runs_here() -> None:
    for use_async in (False, True):
        tool = from_langchain(ShapedTool(), use_async=use_async)
        assert tool.declaration()["parameters"]["required"] == ["customer", "lines"]
        executor = Executor(Registry([tool]))
        args = {"customer": "ann", "lines": [{"sku": "a", "count": 2.0}, {"sku": "b", "count": 1}]}
        result = await executor.aexecute(FunctionCall(call_id="1", name="order", args=args))
        assert result.content == "ann: 3 by post"
        wrong = await executor.aexecute(FunctionCall(call_id="2", name="order", args={"customer": 1, "lines": []}))
        assert wrong.error is not None
        assert wrong.error.type == "PARAMETER_VALIDATION_FAILED"
        assert tool.read_args('{"customer":"a","lines":[]}') == {"customer": "a", "lines": []}


async def test_other_shapes_of_langchain_tools() -> None:
    class Single:
        name, description, args_schema = "search", "Searches.", None
        args: ClassVar[dict[str, Any]] = {"tool_input": {"type": "string"}}

        def invoke(self, input: Any) -> Any:
            return input

    assert from_langchain(Single()).declaration()["parameters"]["required"] == ["tool_input"]

    class Injected(ShapedTool):
        tool_call_schema: ClassVar[dict[str, Any]] = {"type": "object", "properties": {"customer": {"type": "string"}}}

    assert list(from_langchain(Injected()).parameters["properties"]) == ["customer"]

    class Union(BaseModel):
        what: int | str

    class Unmappable(ShapedTool):
        args_schema = Union  # type: ignore[assignment]

    with pytest.raises(AdapterError) as refused:
        from_langchain(Unmappable())
    assert refused.value.parameter == "what"
    with pytest.raises(AdapterError, match="shape"):
        from_langchain(object())


async def test_a_declaration_becomes_a_langchain_tool() -> None:
    calls: list[Any] = []

    def call(name: str, args: dict[str, Any]) -> str:
        calls.append((name, args))
        return "done"

    shape = to_langchain(declared(), call)
    assert shape.invoke({"to": ["a"]}) == "done"
    assert await shape.ainvoke({"to": ["b"]}) == "done"
    assert calls == [("send", {"to": ["a"]}), ("send", {"to": ["b"]})]
    assert from_langchain(shape).declared == declared()
    assert set(shape.kwargs) == {"name", "description", "args_schema", "func", "coroutine"}

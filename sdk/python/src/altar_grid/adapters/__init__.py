"""To and from what other libraries call a tool. None of them is imported: plain data, or objects of the same shape."""

from altar_grid.adapters.anthropic import call_from_anthropic, from_anthropic, result_to_anthropic, to_anthropic
from altar_grid.adapters.common import AdaptedTool
from altar_grid.adapters.langchain import LangChainShape, from_langchain, to_langchain
from altar_grid.adapters.mcp import from_mcp, from_mcp_tool, result_to_mcp, to_mcp
from altar_grid.adapters.openai import call_from_openai, from_openai, result_to_openai, to_openai, tools_from_openai
from altar_grid.adapters.schema import AdapterError, from_json_schema, to_json_schema

__all__ = [
    "AdaptedTool",
    "AdapterError",
    "LangChainShape",
    "call_from_anthropic",
    "call_from_openai",
    "from_anthropic",
    "from_json_schema",
    "from_langchain",
    "from_mcp",
    "from_mcp_tool",
    "from_openai",
    "result_to_anthropic",
    "result_to_mcp",
    "result_to_openai",
    "to_anthropic",
    "to_json_schema",
    "to_langchain",
    "to_mcp",
    "to_openai",
    "tools_from_openai",
]

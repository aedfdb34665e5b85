"""Callers and runtimes of a GRID host: governed tool calls in Python.

from altar_grid import AltarClient, AltarRuntime, tool
"""

from altar_grid.client import AltarClient, CallAnswer, Retries, Session, ToolListing
from altar_grid.errors import GridError, ToolFailed
from altar_grid.runtime import AltarRuntime
from altar_grid.tools import CallInfo, Tool, ToolError, current_call, tool

__all__ = [
    "AltarClient",
    "AltarRuntime",
    "CallAnswer",
    "CallInfo",
    "GridError",
    "Retries",
    "Session",
    "Tool",
    "ToolError",
    "ToolFailed",
    "ToolListing",
    "current_call",
    "tool",
]

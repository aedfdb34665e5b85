"""Callers and runtimes of a GRID host: governed tool calls in Python.

from altar_grid import AltarClient, AltarRuntime, tool
"""

import os

# Without this the C library below writes lines about ordinary events to the terminal. It is read when that is loaded.
os.environ.setdefault("GRPC_VERBOSITY", "ERROR")

from altar_grid.adm import FunctionCall, FunctionDeclaration, ToolResult
from altar_grid.client import AltarClient, CallAnswer, Retries, Session, ToolListing
from altar_grid.errors import GridError, ToolFailed
from altar_grid.local import ExecutionMode, LocalDispatcher, LocalSettings, SyncLocalDispatcher
from altar_grid.outcomes import OutcomeLog
from altar_grid.runtime import AltarRuntime
from altar_grid.tools import CallInfo, Tool, ToolError, current_call, tool

__all__ = [
    "AltarClient",
    "AltarRuntime",
    "CallAnswer",
    "CallInfo",
    "ExecutionMode",
    "FunctionCall",
    "FunctionDeclaration",
    "GridError",
    "LocalDispatcher",
    "LocalSettings",
    "OutcomeLog",
    "Retries",
    "Session",
    "SyncLocalDispatcher",
    "Tool",
    "ToolError",
    "ToolFailed",
    "ToolListing",
    "ToolResult",
    "current_call",
    "tool",
]

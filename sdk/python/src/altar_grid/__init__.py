"""Callers and runtimes of a GRID host: governed tool calls in Python.

from altar_grid import AltarClient, AltarRuntime, tool
"""

from altar_grid.client import AltarClient, CallAnswer, Retries, Session, ToolListing
from altar_grid.errors import GridError

__all__ = ["AltarClient", "CallAnswer", "GridError", "Retries", "Session", "ToolListing"]

"""Callers and runtimes of a GRID host: governed tool calls in Python."""

from altar_grid.errors import GridError

__all__ = ["GridError"]

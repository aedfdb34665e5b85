"""Governed local dispatch: tools that run in this process, with the host's decision before and its record after."""

from altar_grid.local.dispatch import LocalDispatcher, SyncLocalDispatcher
from altar_grid.local.grant import Expected, Grant, GrantRefused, check_grant
from altar_grid.local.modes import Environment, ExecutionMode, Modes, environment, settled
from altar_grid.local.receipt import LogKey
from altar_grid.local.report import LocalAnswer
from altar_grid.local.settings import LocalSettings

__all__ = [
    "Environment",
    "ExecutionMode",
    "Expected",
    "Grant",
    "GrantRefused",
    "LocalAnswer",
    "LocalDispatcher",
    "LocalSettings",
    "LogKey",
    "Modes",
    "SyncLocalDispatcher",
    "check_grant",
    "environment",
    "settled",
]

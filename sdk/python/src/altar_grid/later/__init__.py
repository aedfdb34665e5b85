"""Tools that run in this process: registries and the executor. Nothing governs them here; see `local` for that."""

from altar_grid.later.executor import Executor, Run
from altar_grid.later.registry import GLOBAL, AlreadyRegistered, NotRegistered, Registry, SessionRegistry

__all__ = [
    "GLOBAL",
    "AlreadyRegistered",
    "Executor",
    "NotRegistered",
    "Registry",
    "Run",
    "SessionRegistry",
]

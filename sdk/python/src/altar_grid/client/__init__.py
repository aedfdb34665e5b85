"""The caller's side: a connection to the host, and on it sessions that list, call and cancel tools."""

from altar_grid.client.answer import CallAnswer, ToolListing
from altar_grid.client.approvals import Approvals, SyncApprovals, WaitingCall
from altar_grid.client.breaker import BreakerSettings, BreakerState, CircuitBreaker
from altar_grid.client.client import AltarClient
from altar_grid.client.connect import Connection
from altar_grid.client.retry import Backoff, Retries
from altar_grid.client.session import Session
from altar_grid.client.stream import CallStream, Chunk, Progress, StreamEnd, SyncCallStream
from altar_grid.client.sync import SyncAltarClient, SyncSession
from altar_grid.client.transport import Transport

__all__ = [
    "AltarClient",
    "Approvals",
    "Backoff",
    "BreakerSettings",
    "BreakerState",
    "CallAnswer",
    "CallStream",
    "Chunk",
    "CircuitBreaker",
    "Connection",
    "Progress",
    "Retries",
    "Session",
    "StreamEnd",
    "SyncAltarClient",
    "SyncApprovals",
    "SyncCallStream",
    "SyncSession",
    "ToolListing",
    "Transport",
    "WaitingCall",
]

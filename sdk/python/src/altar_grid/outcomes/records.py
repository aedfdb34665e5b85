"""What the log's records say: a tool was begun, an outcome waits, some are settled."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from typing import Final, TypeAlias

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.errors import DataCorruption

_BEGUN: Final = b"B"
_OUTCOME: Final = b"O"
_SETTLED: Final = b"S"


@dataclass(frozen=True)
class Begun:
    """A tool is about to run under a grant. Without an outcome after it, the process ended while it ran."""

    invocation_id: str
    tool: str
    expires_ms: int
    """When the grant ends, in milliseconds since 1970 by the host's clock."""


@dataclass(frozen=True)
class Outcome:
    """A report that the host has yet to take."""

    request: local_pb2.LogToolResultRequest


@dataclass(frozen=True)
class Settled:
    """Reports that the host has taken, or that went to the dead letters; by their sequence numbers."""

    sequences: tuple[int, ...]


Record: TypeAlias = "Begun | Outcome | Settled"


def encode(record: Record) -> bytes:
    """The bytes of a record, to be sealed."""
    if isinstance(record, Begun):
        return _BEGUN + json.dumps([record.invocation_id, record.tool, record.expires_ms]).encode()
    if isinstance(record, Outcome):
        return _OUTCOME + bytes(record.request.SerializeToString(deterministic=True))
    return _SETTLED + struct.pack(f">{len(record.sequences)}Q", *record.sequences)


def decode(data: bytes) -> Record:
    """Reads a record.

    Raises:
        DataCorruption: It is none that this version knows.
    """
    kind, body = data[:1], data[1:]
    try:
        if kind == _BEGUN:
            invocation_id, tool, expires_ms = json.loads(body)
            return Begun(invocation_id, tool, expires_ms)
        if kind == _OUTCOME:
            return Outcome(local_pb2.LogToolResultRequest.FromString(body))
        if kind == _SETTLED:
            return Settled(struct.unpack(f">{len(body) // 8}Q", body))
    except Exception as fault:  # noqa: BLE001 - whatever it is, the record cannot be read
        raise DataCorruption(f"a record of kind `{kind!r}` cannot be read: {type(fault).__name__}") from None
    raise DataCorruption(f"a record is of the kind `{kind!r}`, which this version does not know")

"""Every bound of the data model's reader and checks; the same numbers as the host has, so that both refuse alike."""

from typing import Final, NamedTuple


class Limits(NamedTuple):
    """What a JSON text may cost: levels of arrays and objects, and values with the containers among them."""

    depth: int
    nodes: int


SCHEMA_LEVELS: Final = 64
"""Levels of a parameter schema; the root is level one."""

DATA: Final = Limits(64, 100_000)
"""For arguments, calls and results."""

DEFINITION: Final = Limits(2 * SCHEMA_LEVELS + 12, 100_000)
"""For documents that hold schemas: deep enough that a schema which is too deep is refused by its own rule."""

DEEPEST: Final = 256
"""Reading recurses, so no limit goes beyond this."""

SUBSCHEMAS: Final = 2_000
SCHEMA_BYTES: Final = 256 * 1024
PROBLEMS: Final = 1_000
QUOTED_CHARS: Final = 64
DESCRIPTION_CHARS: Final = 1_000
ERROR_MESSAGE_CHARS: Final = 500
CALL_ID_CHARS: Final = 128
NAME_CHARS: Final = 64

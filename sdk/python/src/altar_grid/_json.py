"""JSON as the data model has it: UTF-8, no NaN, no halves of characters."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


def write_json(value: Any, default: Callable[[Any], Any] | None = None) -> str:
    """A value as compact JSON text.

    Raises:
        TypeError: It holds something that JSON cannot say.
        ValueError: It holds NaN, an infinity, itself, or a text that UTF-8 cannot say.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default)
    if not text.isascii():
        text.encode()
    return text

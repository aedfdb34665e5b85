"""Times and fresh ids."""

from __future__ import annotations

import secrets
import time
import uuid


def unix_ms() -> int:
    """Milliseconds since 1970, UTC."""
    return time.time_ns() // 1_000_000


def correlation_id(sender: str) -> str:
    """A fresh id that joins a request with the host's log; `sender` is `client` or `runtime`."""
    return f"{sender}-{int(time.time())}-{secrets.token_hex(4)}"


def call_id() -> str:
    """A fresh idempotency key."""
    return str(uuid.uuid4())

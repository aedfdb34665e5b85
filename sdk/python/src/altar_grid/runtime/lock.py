"""`grid.lock`: the contracts that somebody reviewed, and the digest of each."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

from altar_grid.client.connect import Path
from altar_grid.errors import SettingError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def read_lock(path: Path) -> dict[str, str]:
    """The digest of each contract by function name, as `grid manifest lock` wrote it.

    That a digest is of what stands beside it is the host's to check: it compares with its own contract.

    Raises:
        SettingError: The file cannot be read, or is no lock.
    """
    try:
        lock: Any = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise SettingError(f"the lock `{path}` cannot be read: {fault}") from None
    contracts = lock.get("contracts") if isinstance(lock, dict) and lock.get("lock_version") == 1 else None
    if not isinstance(contracts, dict):
        raise SettingError(f"`{path}` is no `grid.lock` that this version reads; write it with `grid manifest lock`")
    digests: dict[str, str] = {}
    for name, entry in contracts.items():
        digest = entry.get("digest") if isinstance(entry, dict) else None
        if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            raise SettingError(f"`{path}` has no digest of `{name}`; write it anew with `grid manifest lock`")
        digests[name] = digest
    return digests


__all__ = ["read_lock"]

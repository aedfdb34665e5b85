"""The key that outcomes are encrypted with on the disk: 32 bytes, from a file that only its owner can read or from the
environment."""

from __future__ import annotations

import base64
import binascii
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from altar_grid.errors import SettingError

KEY_BYTES: Final = 32


def from_environment(name: str) -> bytes:
    """The key that an environment variable holds, as base64 of 32 bytes.

    Raises:
        SettingError: The variable is not set, or is no key. What it holds is not shown.
    """
    text = os.environ.get(name)
    if text is None:
        raise SettingError(f"the environment variable `{name}` is not set; put the key of the outcome log there")
    return _decoded(text, f"the environment variable `{name}`")


def from_file(path: str | os.PathLike[str], *, create: bool = True) -> bytes:
    """The key that a file holds; a new one where there is no file.

    Args:
        path: A file with base64 of 32 bytes in one line, mode 0600.
        create: Whether a missing file is made.

    Raises:
        SettingError: The file cannot be read or made, others can read it, or it holds no key.
    """
    place = f"the key file `{os.fspath(path)}`"
    try:
        if create:
            _make(Path(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(256)
    except OSError as fault:
        raise SettingError(f"{place} cannot be read or made ({fault.strerror}); check its path") from None
    if not stat.S_ISREG(mode) or mode & 0o077:
        raise SettingError(f"{place} can be read by others; give it to its owner alone (chmod 600)")
    return _decoded(text.decode("ascii", "replace"), place)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Written whole under another name first: two processes that begin at once must not end with two keys.
    own = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(secrets.token_bytes(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(own, path)
        except FileExistsError:
            return
    finally:
        os.unlink(own)


def _decoded(text: str, place: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise SettingError(f"{place} holds no key; put base64 of {KEY_BYTES} random bytes there")
    return key

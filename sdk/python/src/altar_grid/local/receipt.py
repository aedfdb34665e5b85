"""Checks that a record is in the host's log, with the log's public key alone: the leaf's hash, the way to the root (RFC
9162 section 2.1.3.2), the signed checkpoint (C2SP tlog-checkpoint, signed-note)."""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from altar_grid.errors import SettingError

HASH: Final = 32
_NOTE_BYTES: Final = 64 << 10
_MOST_SIGNATURES: Final = 100
_MOST_ENTRIES: Final = 2**63
_ED25519: Final = b"\x01"
_DASH: Final = "\u2014 "
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{8}", re.ASCII)


class Unproved(Exception):
    """Something does not verify; the text says what."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256 of a zero byte and the entry."""
    return hashlib.sha256(b"\x00" + entry).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _unbase64(text: str, what: str) -> bytes:
    """Base64 in its one canonical spelling; another one would be a change that nobody sees."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raise Unproved(f"{what} is not base64") from None
    if base64.b64encode(data).decode() != text:
        raise Unproved(f"{what} is not canonical base64")
    return data


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() or not c.isprintable() for c in name)


@functools.lru_cache(16)
def _public_key(public: bytes) -> Ed25519PublicKey:
    """Making the key costs more than verifying with it."""
    return Ed25519PublicKey.from_public_bytes(public)


@dataclass(frozen=True)
class LogKey:
    """A log's public key; `read` takes the line of `log.vkey`."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def read(cls, line: str) -> LogKey:
        """Reads `<origin>+<8 hex digits>+<base64 of type and key>`.

        Raises:
            SettingError: It is no Ed25519 verifier key.
        """
        parts = line.strip().split("+", 2)
        try:
            name, id_text, encoded = parts
            key = _unbase64(encoded, "the key")
        except (ValueError, Unproved):
            name, id_text, key = "", "", b""
        given = bytes.fromhex(id_text) if _ID.fullmatch(id_text) else b""
        if not _is_name(name) or len(key) != 33 or key[:1] != _ED25519:
            raise SettingError("it is no key of a log; give the line of its `log.vkey`", unsent=True)
        if hashlib.sha256(name.encode() + b"\n" + key).digest()[:4] != given:
            raise SettingError("the id in the log's key is not that of its name and key", unsent=True)
        return cls(name, given, key[1:])

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Whether the signature over a text is this key's."""
        try:
            _public_key(self.public).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True)
class Checkpoint:
    """A log's state: its name, its size, its root."""

    origin: str
    size: int
    root: bytes


@functools.lru_cache(256)
def open_checkpoint(note: str, keys: tuple[LogKey, ...]) -> Checkpoint:
    """Reads a signed note. With keys, one of them must have signed it, for a log of its own name.

    One batch's grants share a note, so what was checked is remembered.

    Raises:
        Unproved: It is malformed, or not signed by any of the keys.
    """
    text, signatures = _parsed(note)
    lines = text.split("\n")
    if len(lines) < 4 or "" in lines[:-1] or not _DECIMAL.fullmatch(lines[1]):
        raise Unproved("the checkpoint has not origin, size and root")
    root, size = _unbase64(lines[2], "the root"), int(lines[1])
    if len(root) != HASH or size > _MOST_ENTRIES:
        raise Unproved("the checkpoint's root or size is none")
    checkpoint = Checkpoint(lines[0], size, root)
    if keys:
        _signed(text.encode(), signatures, [key for key in keys if key.name == checkpoint.origin])
    return checkpoint


def _parsed(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    if len(note.encode("utf-8", "surrogatepass")) > _NOTE_BYTES:
        raise Unproved("the checkpoint is longer than 64 KiB")
    if any(c < " " and c != "\n" for c in note):
        raise Unproved("the checkpoint has a control character")
    text, blank, lines = note.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Unproved("the checkpoint has no signature lines, or its last line does not end")
    found = [_signature(line) for line in lines[:-1].split("\n")]
    if len(found) > _MOST_SIGNATURES:
        raise Unproved(f"the checkpoint has more than {_MOST_SIGNATURES} signatures")
    return text + "\n", found


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not _is_name(name):
        raise Unproved("a signature line of the checkpoint is malformed")
    data = _unbase64(encoded, "a signature")
    if len(data) < 5:
        raise Unproved("a signature of the checkpoint is too short")
    return name, data[:4], data[4:]


def _signed(text: bytes, signatures: list[tuple[str, bytes, bytes]], keys: list[LogKey]) -> None:
    signed: set[bytes] = set()
    for name, id_, signature in signatures:
        for key in keys:
            if (name, id_) == (key.name, key.id):
                # A log signs once. A line that came in later is a change, though a harmless one.
                if id_ in signed or not key.verifies(text, signature):
                    raise Unproved("a signature over the checkpoint is wrong, or comes twice")
                signed.add(id_)
    if not signed:
        raise Unproved("none of the known keys signed the checkpoint")


def check_inclusion(index: int, leaf: bytes, path: Sequence[bytes], checkpoint: Checkpoint) -> None:
    """That a leaf is the log's entry `index`.

    Raises:
        Unproved: The path does not lead to the root, or is not as long as it must be.
    """
    size = checkpoint.size
    if not 0 <= index < size:
        raise Unproved(f"entry {index} is not in a log of {size}")
    # Below `inner` the way to the root has neighbours on both sides; above it only on the left.
    inner = (index ^ (size - 1)).bit_length()
    if len(path) != inner + (index >> inner).bit_count() or any(len(beside) != HASH for beside in path):
        raise Unproved("the path has not the hashes that it must have")
    found = leaf
    for level, beside in enumerate(path):
        left = level >= inner or index >> level & 1
        found = _node(beside, found) if left else _node(found, beside)
    if not hmac.compare_digest(found, checkpoint.root):
        raise Unproved("the path does not lead to the checkpoint's root")

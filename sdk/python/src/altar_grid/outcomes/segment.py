"""Files of encrypted frames that are only appended to.

    header   magic (8), version (1), zeros (3), salt (16), first sequence number (8), HMAC-SHA256 over these (16 of it)
    frame    length of the sealed part (4), CRC-32 of all that follows (4), sequence number (8), sealed part

Numbers are big-endian. The sealed part is AES-256-GCM of one record: key by HKDF-SHA256 from the log's key and the
salt, so that each file has its own; nonce = the sequence number; header and sequence number are authenticated with it,
so no frame can be moved. A file that was closed is never appended to: no sequence number is used twice with one key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from altar_grid.errors import DataCorruption, SettingError

_MAGIC: Final = b"ALTROUT\n"
_VERSION: Final = 1
_HEADER: Final = struct.Struct(">8sB3x16sQ")
_MARK: Final = 16
_FRAME: Final = struct.Struct(">IIQ")
HEADER_BYTES: Final = _HEADER.size + _MARK
FRAME_BYTES: Final = _FRAME.size + 16
"""What a record costs beyond its own length."""
LONGEST: Final = 64 << 20


class TornTail(Exception):
    """The file ends inside a frame, or with one that was not wholly written; what comes before `end` is whole."""

    def __init__(self, end: int) -> None:
        self.end = end
        super().__init__(f"the file is whole up to byte {end} only")


@dataclass(frozen=True)
class _Keys:
    header: bytes
    cipher: AESGCM

    @classmethod
    def of(cls, key: bytes, header: bytes) -> _Keys:
        salt = header[12:28]
        # HKDF-SHA256 (RFC 5869), one block: extract, then expand.
        extracted = hmac.digest(salt, key, "sha256")
        return cls(header, AESGCM(hmac.digest(extracted, b"altar-grid/outcomes/v1\x01", "sha256")))


def _mark(key: bytes, header: bytes) -> bytes:
    inner = hmac.digest(key, b"altar-grid/outcomes/header", "sha256")
    return hmac.new(inner, header, hashlib.sha256).digest()[:_MARK]


class SegmentWriter:
    """A new file. One thread uses it."""

    def __init__(self, path: Path, key: bytes, first: int) -> None:
        """Makes the file; `first` is the sequence number of its first record."""
        header = _HEADER.pack(_MAGIC, _VERSION, secrets.token_bytes(16), first)
        header += _mark(key, header)
        self.path = path
        self._keys = _Keys.of(key, header)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self.size = 0
        try:
            self._write(header)
            sync_folder(path.parent)
        except BaseException:
            # On a full disk the next try must find no half file in its way.
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    def frame(self, sequence: int, record: bytes) -> bytes:
        """The bytes of one record."""
        number = sequence.to_bytes(8, "big")
        sealed = self._keys.cipher.encrypt(number.rjust(12, b"\0"), record, self._keys.header + number)
        body = number + sealed
        return struct.pack(">II", len(sealed), zlib.crc32(body)) + body

    def append(self, frames: bytes) -> None:
        """Writes whole frames, to the system and not yet to the disk."""
        self._write(frames)

    def _write(self, data: bytes) -> None:
        start = self.size
        view = memoryview(data)
        try:
            while view:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]
        except OSError:
            # Half a frame must not stand before the next whole one.
            os.ftruncate(self._file, start)
            self.size = start
            raise

    def sync(self) -> None:
        """Waits until all that was appended is on the disk."""
        os.fdatasync(self._file) if hasattr(os, "fdatasync") else os.fsync(self._file)

    def close(self) -> None:
        """Closes the file; it is never appended to again."""
        os.close(self._file)


def read_segment(path: Path, key: bytes) -> Iterator[tuple[int, bytes]]:
    """The records of a file with their sequence numbers.

    Raises:
        TornTail: After the last whole record, where the file does not end with one.
        SettingError: The key is another one.
        DataCorruption: A record in the middle was changed.
    """
    data = path.read_bytes()
    header = data[:HEADER_BYTES]
    if len(header) < HEADER_BYTES:
        raise TornTail(0)
    magic, version, _, _ = _HEADER.unpack(header[: _HEADER.size])
    if magic != _MAGIC or version != _VERSION:
        raise DataCorruption(f"`{path.name}` is no file of outcomes that this version reads; move it away")
    if not hmac.compare_digest(_mark(key, header[: _HEADER.size]), header[_HEADER.size :]):
        raise SettingError(f"`{path.name}` was written with another key, or was changed; give the key that it has")
    keys = _Keys.of(key, header)
    at = HEADER_BYTES
    while at < len(data):
        frame = _whole(data, at)
        if frame is None:
            raise _torn_or_changed(path, data, at)
        sequence, sealed, after = frame
        number = sequence.to_bytes(8, "big")
        try:
            record = keys.cipher.decrypt(number.rjust(12, b"\0"), sealed, header + number)
        except InvalidTag:
            raise DataCorruption(f"the record at byte {at} of `{path.name}` was changed") from None
        yield sequence, record
        at = after


def _whole(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    if at + _FRAME.size > len(data):
        return None
    length, checksum, sequence = _FRAME.unpack_from(data, at)
    end = at + _FRAME.size + length
    if length > LONGEST or end > len(data) or zlib.crc32(data[at + 8 : end]) != checksum:
        return None
    return sequence, data[at + _FRAME.size : end], end


def _torn_or_changed(path: Path, data: bytes, at: int) -> Exception:
    """A torn frame is the last thing in its file. A whole one anywhere behind it means that something was changed."""
    if any(_whole(data, other) is not None for other in range(at + 1, len(data) - _FRAME.size)):
        return DataCorruption(f"the record at byte {at} of `{path.name}` was changed, and there are later ones")
    return TornTail(at)


def sync_folder(folder: Path) -> None:
    """Makes names of files durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

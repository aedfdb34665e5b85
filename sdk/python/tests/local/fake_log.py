"""A log for tests: the tree of RFC 6962 as its text defines it, recursively, and signed checkpoints."""

import base64
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from altar_grid._wire.grid.v1 import call_pb2


def root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaves[0]
    half = split(len(leaves))
    return hashlib.sha256(b"\x01" + root(leaves[:half]) + root(leaves[half:])).digest()


def split(count: int) -> int:
    half = 1
    while half * 2 < count:
        half *= 2
    return half


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    half = split(len(leaves))
    if index < half:
        return [*path(index, leaves[:half]), root(leaves[half:])]
    return [*path(index - half, leaves[half:]), root(leaves[:half])]


class FakeLog:
    def __init__(self, origin: str = "grid.example/test/host/audit", seed: bytes = b"\x07" * 32) -> None:
        self.origin = origin
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        public = b"\x01" + self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = hashlib.sha256(origin.encode() + b"\n" + public).digest()[:4]
        self.vkey = f"{origin}+{self.id.hex()}+{base64.b64encode(public).decode()}"
        self.entries: list[bytes] = []

    def append(self, entry: bytes) -> int:
        self.entries.append(entry)
        return len(self.entries) - 1

    def checkpoint(self, text: str | None = None) -> str:
        leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in self.entries]
        text = text or f"{self.origin}\n{len(leaves)}\n{base64.b64encode(root(leaves)).decode()}\n"
        signature = self.id + self._key.sign(text.encode())
        return f"{text}\n\u2014 {self.origin} {base64.b64encode(signature).decode()}\n"

    def receipt(self, index: int) -> call_pb2.AuditReceipt:
        leaves = [hashlib.sha256(b"\x00" + entry).digest() for entry in self.entries]
        return call_pb2.AuditReceipt(
            index=index, leaf_hash=leaves[index], inclusion=path(index, leaves), checkpoint=self.checkpoint()
        )

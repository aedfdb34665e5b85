"""The definitions of RFC 9162 section 2.1 and RFC 8032 section 5.1.6 as they stand there: slow, recursive, and sharing
nothing with the verifiers, so that what is made with it can judge them. Not for production; it is not constant-time.
"""

import base64
import hashlib
from typing import Callable, NamedTuple


def leaf(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def split(n: int) -> int:
    """The largest power of two smaller than n."""
    k = 1
    while 2 * k < n:
        k *= 2
    return k


def mth(leaves: list[bytes]) -> bytes:
    """2.1.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(mth(leaves[:k]), mth(leaves[k:]))


def path(m: int, leaves: list[bytes]) -> list[bytes]:
    """2.1.3.1"""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if m < k:
        return path(m, leaves[:k]) + [mth(leaves[k:])]
    return path(m - k, leaves[k:]) + [mth(leaves[:k])]


def proof(m: int, leaves: list[bytes]) -> list[bytes]:
    """2.1.4.1; empty for equal sizes."""
    return subproof(m, leaves, True)


def subproof(m: int, leaves: list[bytes], is_whole: bool) -> list[bytes]:
    if m == len(leaves):
        return [] if is_whole else [mth(leaves)]
    k = split(len(leaves))
    if m <= k:
        return subproof(m, leaves[:k], is_whole) + [mth(leaves[k:])]
    return subproof(m - k, leaves[k:], False) + [mth(leaves[:k])]


# Trees too large to be built: the same recursions, with `hash_` making up every subtree that is off the path.

Making = Callable[[], bytes]


def vast_path(m: int, n: int, hash_: Making) -> tuple[bytes, bytes, list[bytes]]:
    """Leaf, root and inclusion proof."""
    if n == 1:
        leaf_ = hash_()
        return leaf_, leaf_, []
    k = split(n)
    leaf_, root, hashes = vast_path(m, k, hash_) if m < k else vast_path(m - k, n - k, hash_)
    other = hash_()
    return leaf_, node(root, other) if m < k else node(other, root), [*hashes, other]


def vast_proof(m: int, n: int, hash_: Making, is_whole: bool = True) -> tuple[bytes, bytes, list[bytes]]:
    """Old root, new root and consistency proof."""
    if m == n:
        root = hash_()
        return root, root, [] if is_whole else [root]
    k = split(n)
    if m <= k:
        old, new, hashes = vast_proof(m, k, hash_, is_whole)
        other = hash_()
        return old, node(new, other), [*hashes, other]
    old, new, hashes = vast_proof(m - k, n - k, hash_, False)
    other = hash_()
    return node(other, old), node(other, new), [*hashes, other]


def path_shape(m: int, n: int) -> str:
    """The turns of an inclusion proof. Sizes with the same turns cannot be told apart by one."""
    if n == 1:
        return ""
    k = split(n)
    return path_shape(m, k) + "l" if m < k else path_shape(m - k, n - k) + "r"


def proof_shape(m: int, n: int, is_whole: bool = True) -> str:
    if m == n:
        return "w" if is_whole else "p"
    k = split(n)
    return proof_shape(m, k, is_whole) + "l" if m <= k else proof_shape(m - k, n - k, False) + "r"


# Ed25519 in projective coordinates: x = X/Z, y = Y/Z.

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int]
BASE = (15112221349535400772501151409588531511454012693041857206046113283949847762202, 4 * pow(5, P - 2, P) % P, 1)


def plus(p: Point, q: Point) -> Point:
    a = p[2] * q[2] % P
    c, d = p[0] * q[0] % P, p[1] * q[1] % P
    e = D * c * d % P
    f, g = a * a - e, a * a + e
    return a * f * ((p[0] + p[1]) * (q[0] + q[1]) - c - d) % P, a * g * (d + c) % P, f * g % P


DOUBLINGS = [BASE]
for _ in range(255):
    DOUBLINGS.append(plus(DOUBLINGS[-1], DOUBLINGS[-1]))


def times_base(scalar: int) -> bytes:
    sum_ = (0, 1, 1)
    for bit, doubling in enumerate(DOUBLINGS):
        if scalar >> bit & 1:
            sum_ = plus(sum_, doubling)
    over = pow(sum_[2], P - 2, P)
    return (sum_[1] * over % P | (sum_[0] * over % P & 1) << 255).to_bytes(32, "little")


def number(data: bytes) -> int:
    return int.from_bytes(data, "little")


class Signer(NamedTuple):
    """A test key. Its seed is in the open; nothing real may be signed with it."""

    name: str
    public: bytes
    secret: int
    prefix: bytes
    type: int = 1

    @classmethod
    def make(cls, name: str, seed: bytes, type_: int = 1) -> "Signer":
        h = hashlib.sha512(seed).digest()
        secret = number(h[:32]) & (1 << 254) - 8 | 1 << 254
        return cls(name, times_base(secret), secret, h[32:], type_)

    @property
    def id(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    @property
    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64(bytes([self.type]) + self.public)}"

    def sign(self, message: bytes) -> bytes:
        r = number(hashlib.sha512(self.prefix + message).digest()) % L
        r_point = times_base(r)
        k = number(hashlib.sha512(r_point + self.public + message).digest()) % L
        return r_point + ((r + k * self.secret) % L).to_bytes(32, "little")

    def line(self, text: bytes) -> str:
        """The signature line of a note."""
        return f"\u2014 {self.name} {b64(self.id + self.sign(text))}\n"

    def note(self, text: bytes) -> str:
        return text.decode() + "\n" + self.line(text)

    def checkpoint(self, size: int, root: bytes, origin: str | None = None) -> str:
        return self.note(f"{origin or self.name}\n{size}\n{b64(root)}\n".encode())


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()

"""Signed notes, trees and Ed25519 from their specifications (C2SP signed-note, tlog-checkpoint and tlog-cosignature,
RFC 6962, RFC 8032) with the standard library alone. Slow, and not constant-time: for tests."""

import base64
import hashlib
import os

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
I = pow(2, (P - 1) // 4, P)


class Bad(Exception):
    """What was given is not what it should be."""


# RFC 8032, section 5.1: points are (X, Y, Z, T) with x = X/Z, y = Y/Z and x*y = T/Z, and one law adds any two.


def plus(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]), (p[1] + p[0]) * (q[1] + q[0])
    c, d = 2 * p[3] * q[3] * D, 2 * p[2] * q[2]
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = plus(result, point)
        point, scalar = plus(point, point), scalar >> 1
    return result


def recover(y, odd):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * I % P
    if y >= P or x * x % P != square or (x == 0 and odd):
        raise Bad("no point")
    x = P - x if x % 2 != odd else x
    return x, y, 1, x * y % P


BASE = recover(4 * pow(5, P - 2, P) % P, 0)


def pack(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def unpack(data):
    number = int.from_bytes(data, "little")
    return recover(number & (2**255 - 1), number >> 255)


def digest(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


class Pair:
    def __init__(self, seed):
        whole = hashlib.sha512(seed).digest()
        self.scalar = int.from_bytes(whole[:32], "little") & ~7 & (2**254 - 1) | 2**254
        self.prefix = whole[32:]
        self.public = pack(times(self.scalar, BASE))

    def sign(self, message):
        r = digest(self.prefix, message) % ORDER
        point = pack(times(r, BASE))
        s = (r + digest(point, self.public, message) * self.scalar) % ORDER
        return point + s.to_bytes(32, "little")


def verify(public, message, signature):
    try:
        s = int.from_bytes(signature[32:], "little")
        if len(signature) != 64 or s >= ORDER:
            return False
        k = digest(signature[:32], public, message) % ORDER
        return pack(times(s, BASE)) == pack(plus(unpack(signature[:32]), times(k, unpack(public))))
    except Bad:
        return False


# Keys and notes.


def unbase64(text):
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Bad("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise Bad("not the one base64 of its bytes")
    return data


def key_id(name, kind, public):
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


class Key:
    """A verifier key; of kind 1 it signs notes, of kind 4 it cosigns."""

    def __init__(self, name, kind, public):
        self.name, self.kind, self.public = name, kind, public
        self.id = key_id(name, kind, public)

    @classmethod
    def parse(cls, text):
        name, id_, data = text.strip().split("+", 2)
        data = unbase64(data)
        key = cls(name, data[0], data[1:])
        if key.id.hex() != id_ or len(data) != 33:
            raise Bad("not a verifier key")
        return key

    def __str__(self):
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(bytes([self.kind]) + self.public).decode()}"


class Signer:
    def __init__(self, name, kind, seed=None):
        self.pair = Pair(seed or os.urandom(32))
        self.key = Key(name, kind, self.pair.public)

    def line(self, data):
        return f"\u2014 {self.key.name} {base64.b64encode(self.key.id + data).decode()}\n"

    def note(self, text):
        return text + "\n" + self.line(self.pair.sign(text.encode()))

    def cosign(self, text, time):
        signature = self.pair.sign(f"cosignature/v1\ntime {time}\n{text}".encode())
        return self.line(time.to_bytes(8, "big") + signature)


def parse_lines(text):
    """Name, id and signature of each line."""
    if not text.endswith("\n"):
        raise Bad("the last line has no end")
    found = []
    for line in text[:-1].split("\n"):
        dash, name, data = (line.split(" ") + ["", ""])[:3]
        data = unbase64(data)
        if dash != "\u2014" or not name or len(data) < 5 or line.count(" ") != 2:
            raise Bad("not a signature line")
        found.append((name, data[:4], data[4:]))
    return found


def open_note(note, keys):
    """The text, where a known key signed it and no known key's signature is wrong; else None."""
    text, blank, lines = note.rpartition("\n\n")
    if not blank:
        raise Bad("no signatures")
    text, is_signed = text + "\n", False
    for name, id_, signature in parse_lines(lines):
        for key in keys:
            if (key.name, key.id) == (name, id_):
                if not verify(key.public, text.encode(), signature):
                    return text, False
                is_signed = True
    return text, is_signed


def cosigned(text, lines, key):
    """The time of the first cosignature of `key` among the lines."""
    for name, id_, data in parse_lines(lines):
        if (name, id_) == (key.name, key.id):
            time = int.from_bytes(data[:8], "big")
            if not verify(key.public, f"cosignature/v1\ntime {time}\n{text}".encode(), data[8:]):
                raise Bad("the cosignature does not hold")
            return time
    raise Bad("no cosignature of that key")


def number(text):
    if not text.isascii() or not text.isdigit() or str(int(text)) != text:
        raise Bad("not a size")
    return int(text)


def parse_checkpoint(text):
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
        raise Bad("not a checkpoint")
    root = unbase64(lines[2])
    if len(root) != 32:
        raise Bad("not a root")
    return lines[0], number(lines[1]), root


# RFC 6962, section 2.1, as it is written there.


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def split(n):
    return 1 << (n - 1).bit_length() - 1


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def proof(m, leaves, is_whole=True):
    """SUBPROOF of section 2.1.2."""
    n = len(leaves)
    if m == n:
        return [] if is_whole else [root(leaves)]
    k = split(n)
    if m <= k:
        return proof(m, leaves[:k], is_whole) + [root(leaves[k:])]
    return proof(m - k, leaves[k:], False) + [root(leaves[:k])]


def consistent(m, n, old, new, path):
    """The walk of SUBPROOF backwards: the hashes must give both roots, and none may be left over."""
    path = list(path)

    def walk(m, n, is_whole):
        if m == n:
            if is_whole:
                return old, old
            hash_ = path.pop(0)
            return hash_, hash_
        k = split(n)
        if m <= k:
            of_old, of_new = walk(m, k, is_whole)
            return of_old, node(of_new, path.pop(0))
        of_old, of_new = walk(m - k, n - k, False)
        left = path.pop(0)
        return node(left, of_old), node(left, of_new)

    try:
        return walk(m, n, True) == (old, new) and not path
    except IndexError:
        return False

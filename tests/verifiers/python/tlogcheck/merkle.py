"""Hashes and proofs of RFC 6962 and RFC 9162, section 2.1 of each. Raises `Bad` where a proof does not hold."""

import hashlib

from . import Bad

HASH = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

# No log is larger. Go's reference cannot count further, so that larger sizes are refused before they reach it.
MOST = 2**62


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def hashes_of(tile: bytes) -> list[bytes]:
    return [tile[at : at + HASH] for at in range(0, len(tile), HASH)]


def complete_root(hashes: list[bytes]) -> bytes:
    """The root over 2**k hashes of equally large complete subtrees."""
    while len(hashes) > 1:
        hashes = [node_hash(hashes[at], hashes[at + 1]) for at in range(0, len(hashes), 2)]
    return hashes[0]


class Frontier:
    """The maximal complete subtrees of a tree, largest first: all that is needed to append and to name the root."""

    def __init__(self, subtrees: list[tuple[int, bytes]] | None = None) -> None:
        self.subtrees = list(subtrees or [])

    def copy(self) -> "Frontier":
        return Frontier(self.subtrees)

    def append(self, height: int, root: bytes) -> None:
        """Appends a complete subtree of 2**height leaves; smaller ones must not be open to its left."""
        while self.subtrees and self.subtrees[-1][0] == height:
            root = node_hash(self.subtrees.pop()[1], root)
            height += 1
        self.subtrees.append((height, root))

    def root(self) -> bytes:
        if not self.subtrees:
            return EMPTY_ROOT
        root = self.subtrees[-1][1]
        for _, left in self.subtrees[-2::-1]:
            root = node_hash(left, root)
        return root


def check_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes) -> None:
    """RFC 9162 section 2.1.3.2."""
    if size > MOST:
        raise Bad(f"a tree of {size} entries is larger than any log may be")
    if not 0 <= index < size:
        raise Bad(f"index {index} is not in a tree of {size} entries")
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            raise Bad("the inclusion proof has hashes left over")
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Bad("the inclusion proof has too few hashes")
    if r != root:
        raise Bad("the inclusion proof leads to another root")


def check_consistency(first: int, first_root: bytes, second: int, second_root: bytes, proof: list[bytes]) -> None:
    """RFC 9162 section 2.1.4.2, and what it leaves to the reader: equal sizes, and the empty tree."""
    if second > MOST:
        raise Bad(f"a tree of {second} entries is larger than any log may be")
    if first > second:
        raise Bad(f"the old tree has {first} entries, the new one only {second}")
    if first == second or first == 0:
        expected = EMPTY_ROOT if first == 0 else second_root
        if first == second and first_root != second_root or first_root != expected:
            raise Bad(f"two trees of {first} entries have different roots")
        if proof:
            raise Bad("the consistency proof has hashes where none are needed")
        return
    if not proof:
        raise Bad("the consistency proof is empty")
    if first & (first - 1) == 0:
        proof = [first_root, *proof]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = proof[0]
    for c in proof[1:]:
        if sn == 0:
            raise Bad("the consistency proof has hashes left over")
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0:
        raise Bad("the consistency proof has too few hashes")
    if fr != first_root or sr != second_root:
        raise Bad("the consistency proof leads to other roots: the new tree does not begin with the old one")

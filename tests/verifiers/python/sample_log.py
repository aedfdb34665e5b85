#!/usr/bin/env python3
"""Logs as the host lays them out, made up, as images: each file's name and bytes. Written for tests, from the
specifications; the verifiers share nothing with it. `sample_log.py DIR SIZE` writes one, with proofs beside it."""

import hashlib
import json
import pathlib
import sys
from typing import Iterable

import naive
import sample_records
from naive import Signer, b64

Image = dict[str, bytes]


class Tree:
    """All hashes of complete subtrees over some entries, by height."""

    def __init__(self, entries: list[bytes]) -> None:
        self.entries = entries
        row = [naive.leaf(entry) for entry in entries]
        self.rows = [row]
        while len(row) > 1:
            row = [naive.node(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
            self.rows.append(row)

    def root(self, size: int) -> bytes:
        """Of the first `size` entries: the complete subtrees that they consist of, from the right."""
        root, start = None, size
        for height, row in enumerate(self.rows):
            if size >> height & 1:
                start -= 1 << height
                subtree = row[start >> height]
                root = subtree if root is None else naive.node(subtree, root)
        return naive.mth([]) if root is None else root


def tile_name(level: int | str, index: int, width: int) -> str:
    digits = f"{index:0{-(-len(str(index)) // 3) * 3}}"
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    number = "/".join([f"x{group}" for group in groups[:-1]] + groups[-1:])
    return f"tile/{level}/{number}" + ("" if width == 256 else f".p/{width}")


def bundle(entries: Iterable[bytes]) -> bytes:
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def tiles(tree: Tree, size: int, since: int = 0) -> Image:
    """The tiles and bundles that a tree of `size` needs and one of `since` did not have."""
    image: Image = {}
    level = 0
    while size >> 8 * level:
        count, before = size >> 8 * level, since >> 8 * level
        for index in range(before // 256 if before < count else count, -(-count // 256)):
            begin, end = index * 256, min(count, index * 256 + 256)
            row = tree.rows[8 * level][begin:end]
            image[tile_name(level, index, end - begin)] = b"".join(row)
            if level == 0:
                image[tile_name("entries", index, end - begin)] = bundle(tree.entries[begin:end])
        level += 1
    return image


def line(signer: Signer, tree: Tree, size: int) -> str:
    """A line of `checkpoints.log`."""
    root = tree.root(size)
    text = f"{signer.name}\n{size}\n{b64(root)}\n".encode()
    return f"{size} {b64(root)} {signer.id.hex()} {b64(signer.sign(text))}\n"


def image_of(tree: Tree, signer: Signer, sizes: list[int], newer: int = 0, log: str | None = None) -> Image:
    """A log that published checkpoints of `sizes` and kept every partial tile; `newer` entries follow in its tiles.
    `log` is `checkpoints.log` where it is not one line of `signer` for each size."""
    image: Image = {}
    before = 0
    for size in [*sizes, sizes[-1] + newer]:
        image |= tiles(tree, size, before)
        before = size
    signed = "".join(line(signer, tree, size) for size in sizes) if log is None else log
    return image | {
        "checkpoint": signer.checkpoint(sizes[-1], tree.root(sizes[-1])).encode(),
        "checkpoints.log": signed.encode(),
        "log.vkey": f"{signer.vkey}\n".encode(),
        "log.vkeys": f"0 {signer.vkey}\n".encode(),
    }


def replaced(image: Image) -> Image:
    """Without the partial tiles that a full one has made needless."""
    return {
        name: data
        for name, data in image.items()
        if name.partition(".p/")[0] == name or name.partition(".p/")[0] not in image
    }


class Directory:
    """One directory that becomes one image after the other; only what differs is written."""

    def __init__(self, path: str) -> None:
        self.path = pathlib.Path(path)
        self.image: Image = {}

    def become(self, image: Image) -> None:
        for name in self.image.keys() - image.keys():
            (self.path / name).unlink()
            self.prune((self.path / name).parent)
        for name, data in image.items():
            if self.image.get(name) is not data and self.image.get(name) != data:
                file = self.path / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
        self.image = dict(image)

    def prune(self, folder: pathlib.Path) -> None:
        """An empty folder may be in the way of a file."""
        while folder != self.path and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent


def write_sample(directory: pathlib.Path, size: int) -> None:
    """A log, a proof of its middle record, one of its growth, and two vectors that no verifier may pass."""
    signer = Signer.make("grid.test/one/host-1/audit", hashlib.sha256(b"grid test key: log").digest())
    tree = Tree(sample_records.series(1, size))
    leaves, middle = tree.rows[0], size // 2
    old, new = (signer.checkpoint(at, tree.root(at)) for at in (middle, size))
    proof = {
        "format": "grid-audit-proof/v1",
        "index": middle,
        "leaf": b64(leaves[middle]),
        "entry": tree.entries[middle].decode(),
        "inclusion": [b64(hash_) for hash_ in naive.path(middle, leaves)],
        "checkpoint": new,
    }
    consistency = {
        "format": "grid-audit-consistency/v1",
        "old": old,
        "new": new,
        "proof": [b64(hash_) for hash_ in naive.proof(middle, leaves)],
    }
    unknown = {"name": "unknown", "kind": "unknown", "valid": False, "why": "nobody knows the kind"}
    wrong = {"name": "wrong", "kind": "root", "valid": True, "size": 1, "root": b64(tree.root(0))}
    texts = {"proof.json": proof, "consistency.json": consistency, "unknown.jsonl": unknown, "wrong.jsonl": wrong}
    image = image_of(tree, signer, [middle, size])
    image |= {name: (json.dumps(value) + "\n").encode() for name, value in texts.items()}
    Directory(str(directory)).become(image)


if __name__ == "__main__":
    write_sample(pathlib.Path(sys.argv[1]), int(sys.argv[2]))

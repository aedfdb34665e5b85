"""Test vectors of hashes and proofs: honest ones from the definitions, and bad ones with what is wrong with each."""

import base64
import random
from typing import Any, Iterator

import naive
from naive import b64

Vector = dict[str, Any]
LEAVES = [naive.leaf(b"leaf-%d" % index) for index in range(301)]
CHANCE = random.Random("grid vectors")


def made_up() -> bytes:
    return CHANCE.randbytes(32)


def flipped(hash_: bytes) -> bytes:
    bit = CHANCE.randrange(256)
    return (int.from_bytes(hash_, "big") ^ 1 << bit).to_bytes(32, "big")


def good(kind: str, name: str, **members: Any) -> Vector:
    return {"name": name, "kind": kind, "valid": True, **members}


def bad(kind: str, name: str, why: str, **members: Any) -> Vector:
    return {"name": name, "kind": kind, "valid": False, "why": why, **members}


def trees() -> Iterator[Vector]:
    for name, entry in [
        ("empty", ""),
        ("a leaf", "leaf-0"),
        ("a record", '{"kind":"host_started"}'),
        ("not ASCII", "é😀\n"),
    ]:
        yield good("leaf_hash", f"leaf hash: {name}", entry=entry, hash=b64(naive.leaf(entry.encode())))
    binary = bytes(range(256)) * 16
    yield good("leaf_hash", "leaf hash: bytes", entry_base64=b64(binary), hash=b64(naive.leaf(binary)))
    for size in range(301):
        yield good("root", f"root of {size}", size=size, root=b64(naive.mth(LEAVES[:size])))


def spread(size: int) -> list[int]:
    """All places of a small tree, the corners and a few others of a large one."""
    if size <= 17:
        return list(range(size))
    corners = {0, 1, size // 2 - 1, size // 2, size - 2, size - 1}
    return sorted(corners | {CHANCE.randrange(size) for _ in range(3)})


def inclusion_of(index: int, size: int) -> Vector:
    return {
        "size": size,
        "index": index,
        "leaf": b64(LEAVES[index]),
        "root": b64(naive.mth(LEAVES[:size])),
        "proof": [b64(hash_) for hash_ in naive.path(index, LEAVES[:size])],
    }


def vast_inclusion(index: int, size: int) -> Vector:
    leaf, root, proof = naive.vast_path(index, size, made_up)
    return {
        "size": size,
        "index": index,
        "leaf": b64(leaf),
        "root": b64(root),
        "proof": [b64(hash_) for hash_ in proof],
    }


VAST = [2**32 - 1, 2**32, 2**32 + 1, 10**12 + 7, 2**53 - 1, 2**53 + 1, 2**62 - 1, 2**62]
HUGE = [2**63 - 1, 2**63, 2**64 - 1]


def inclusions() -> Iterator[Vector]:
    for size in [*range(1, 18), 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 300]:
        for index in spread(size):
            yield good("inclusion", f"inclusion of {index} in {size}", **inclusion_of(index, size))
    for size in VAST:
        for index in {0, size // 3, size - 1}:
            yield good("inclusion", f"inclusion of {index} in {size}", **vast_inclusion(index, size))
    for index, size in [
        (0, 1),
        (0, 2),
        (1, 2),
        (2, 3),
        (3, 7),
        (6, 7),
        (5, 8),
        (99, 100),
        (255, 256),
        (256, 257),
        (123, 300),
    ]:
        yield from bad_inclusions(f"inclusion of {index} in {size}", inclusion_of(index, size))
    for size in HUGE:
        for count in (0, 62, 63, 64):
            yield bad(
                "inclusion",
                f"inclusion in {size} with {count} hashes",
                "a count beyond any log, and made-up hashes",
                size=size,
                index=size - 1,
                leaf=b64(made_up()),
                root=b64(made_up()),
                proof=[b64(made_up()) for _ in range(count)],
            )


def bad_inclusions(name: str, of: Vector) -> Iterator[Vector]:
    def made(what: str, why: str, **changed: Any) -> Vector:
        return bad("inclusion", f"{name}: {what}", why, **{**of, **changed})

    index, size, proof = of["index"], of["size"], of["proof"]
    yield made("wrong leaf", "the leaf is another", leaf=b64(naive.leaf(b"leaf-x")))
    yield made(
        "wrong root", "the root is another", root=b64(naive.mth(LEAVES[: size + 1] if size < 300 else LEAVES[:9]))
    )
    yield made("root of nothing", "the root is of the empty tree", root=b64(naive.mth([])))
    for place in range(len(proof)):
        changed = [*proof]
        changed[place] = b64(flipped(base64.b64decode(proof[place])))
        yield made(f"hash {place} flipped", "one bit of the proof is another", proof=changed)
        yield made(
            f"hash {place} missing", "one hash of the proof is missing", proof=proof[:place] + proof[place + 1 :]
        )
    for place in range(len(proof) - 1):
        changed = [*proof]
        changed[place : place + 2] = reversed(changed[place : place + 2])
        yield made(f"hashes {place} and {place + 1} swapped", "two hashes of the proof are swapped", proof=changed)
    yield made("extra hash behind", "a hash too many", proof=[*proof, b64(made_up())])
    yield made("extra hash before", "a hash too many", proof=[b64(made_up()), *proof])
    yield made("root as extra hash", "a hash too many", proof=[*proof, of["root"]])
    yield made("many hashes", "a hundred hashes too many", proof=[*proof, *[b64(bytes(32))] * 100])
    for other in {index - 1, index + 1, index ^ 1, size // 2} - {index}:
        if 0 <= other < size:
            yield made(f"as index {other}", "the index is another", index=other)
    for other in (size, size + 1, 2**32 + index, 2**63 - 1, 2**64 - 1):
        yield made(f"as index {other}", "the index is not in the tree", index=other)
    for other in {size - 1, size + 1, 2 * size, 2**62} - {0}:
        # Where the turns are the same the proof holds for that size too, under the same root.
        if index >= other or naive.path_shape(index, other) != naive.path_shape(index, size):
            yield made(f"as size {other}", "the size is another", size=other)
    yield made("size 0", "nothing is in an empty tree", size=0)
    yield made("size 0, index 0", "nothing is in an empty tree", size=0, index=0, proof=[], root=b64(naive.mth([])))
    if len(proof) > 1:
        yield made("no hashes", "the proof is empty", proof=[])


def consistency_of(old: int, new: int) -> Vector:
    return {
        "old_size": old,
        "old_root": b64(naive.mth(LEAVES[:old])),
        "new_size": new,
        "new_root": b64(naive.mth(LEAVES[:new])),
        "proof": [b64(hash_) for hash_ in naive.proof(old, LEAVES[:new])] if old else [],
    }


def vast_consistency(old: int, new: int) -> Vector:
    old_root, new_root, proof = naive.vast_proof(old, new, made_up)
    return {
        "old_size": old,
        "old_root": b64(old_root),
        "new_size": new,
        "new_root": b64(new_root),
        "proof": [b64(hash_) for hash_ in proof],
    }


def consistencies() -> Iterator[Vector]:
    pairs = [(old, new) for new in range(1, 13) for old in range(1, new + 1)]
    pairs += [(0, 0), (0, 1), (0, 7), (0, 256)]
    for new in (31, 32, 33, 64, 65, 100, 128, 129, 255, 256, 257, 300):
        pairs += [(old, new) for old in sorted({1, 2, new // 2, new - 1, new, CHANCE.randrange(1, new), 16, 17})]
    for old, new in pairs:
        yield good("consistency", f"consistency of {old} and {new}", **consistency_of(old, new))
    for new in VAST:
        for old in {1, 2**31, new // 3, new - 1, new}:
            yield good("consistency", f"consistency of {old} and {new}", **vast_consistency(old, new))
    for old, new in [
        (1, 2),
        (2, 3),
        (3, 4),
        (3, 7),
        (4, 7),
        (6, 8),
        (7, 8),
        (8, 8),
        (64, 100),
        (255, 256),
        (256, 300),
        (123, 300),
    ]:
        yield from bad_consistencies(f"consistency of {old} and {new}", consistency_of(old, new))
    yield from bad_empties()
    for new in HUGE:
        for count in (0, 1, 63, 64):
            yield bad(
                "consistency",
                f"consistency with {new} by {count} hashes",
                "a count beyond any log, and made-up hashes",
                old_size=new // 2,
                old_root=b64(made_up()),
                new_size=new,
                new_root=b64(made_up()),
                proof=[b64(made_up()) for _ in range(count)],
            )


def bad_empties() -> Iterator[Vector]:
    of = consistency_of(0, 7)
    name = "consistency of 0 and 7"
    yield bad(
        "consistency",
        f"{name}: extra hash",
        "nothing is needed to continue nothing",
        **{**of, "proof": [of["new_root"]]},
    )
    yield bad(
        "consistency",
        f"{name}: old root",
        "the old root is not of the empty tree",
        **{**of, "old_root": b64(LEAVES[0])},
    )
    zeros = b64(bytes(32))
    yield bad(
        "consistency",
        f"{name}: old root of zeros",
        "the empty tree has the root SHA-256 of nothing",
        **{**of, "old_root": zeros},
    )
    yield bad(
        "consistency",
        "consistency of 0 and 0: root of zeros",
        "the empty tree has the root SHA-256 of nothing",
        old_size=0,
        old_root=zeros,
        new_size=0,
        new_root=zeros,
        proof=[],
    )
    yield bad(
        "consistency", "consistency of 7 and 0", "the new tree is smaller", **{**consistency_of(7, 7), "new_size": 0}
    )


def bad_consistencies(name: str, of: Vector) -> Iterator[Vector]:
    def made(what: str, why: str, **changed: Any) -> Vector:
        return bad("consistency", f"{name}: {what}", why, **{**of, **changed})

    old, new, proof = of["old_size"], of["new_size"], of["proof"]
    yield made("wrong old root", "the old root is another", old_root=b64(naive.mth(LEAVES[1 : old + 1])))
    yield made("wrong new root", "the new root is another", new_root=b64(naive.mth(LEAVES[1 : new + 1])))
    for place in range(len(proof)):
        changed = [*proof]
        changed[place] = b64(flipped(base64.b64decode(proof[place])))
        yield made(f"hash {place} flipped", "one bit of the proof is another", proof=changed)
        yield made(
            f"hash {place} missing", "one hash of the proof is missing", proof=proof[:place] + proof[place + 1 :]
        )
    yield made("extra hash behind", "a hash too many", proof=[*proof, b64(made_up())])
    yield made("extra hash before", "a hash too many", proof=[b64(made_up()), *proof])
    yield made(
        "old root as extra hash",
        "the old root is known and does not belong into the proof",
        proof=[of["old_root"], *proof],
    )
    yield made("many hashes", "a hundred hashes too many", proof=[*proof, *[b64(bytes(32))] * 100])
    if old != new:
        yield made("roots swapped", "old and new root are swapped", old_root=of["new_root"], new_root=of["old_root"])
        yield made("backwards", "the old tree is larger", old_size=new, new_size=old)
        yield made("same roots", "a longer log has another root", new_root=of["old_root"])
    for other_old, other_new in [(old - 1, new), (old + 1, new), (old, new - 1), (old, new + 1), (old, 2**62)]:
        is_order = 0 < other_old < other_new
        if not is_order or naive.proof_shape(other_old, other_new) != naive.proof_shape(old, new):
            # With nothing to prove, an empty proof between equal sizes is right.
            if other_old != other_new or proof:
                yield made(
                    f"as {other_old} and {other_new}", "a size is another", old_size=other_old, new_size=other_new
                )

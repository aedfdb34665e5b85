"""Honest logs: every size at which something begins or ends, at rest, growing, after crashes and changes of keys."""

import hashlib
import random
from typing import Iterator, NamedTuple

import sample_records
from naive import Signer
from sample_log import Image, Tree, image_of, line, replaced, tiles
from vector_texts import LOG, NEXT, cosignature

THIRD = Signer.make(LOG.name, hashlib.sha256(b"grid test key: third").digest())
SMALL = [0, 1, 2, 3, 7, 8, 254, 255, 256, 257, 258, 511, 512, 513, 514, 767, 768, 1000]
LARGE = [65_535, 65_536, 65_537]


class Case(NamedTuple):
    """What the verifiers are asked, and what they must say. `first_bad` is an index; None where any will do, as long as
    all that name one name the same where `exact` is set."""

    name: str
    image: Image
    accept: bool
    keys: list[str] = [LOG.vkey]
    at_least: str | None = None
    first_bad: int | None = None
    exact: bool = False


def tree_of(seed: int, size: int) -> Tree:
    return Tree(sample_records.series(seed, size))


def plain(size: int) -> list[bytes]:
    """Short records, for logs that are large by their number."""
    return [b'{"at_ms":%d,"kind":"refused"}' % at for at in range(size)]


def earlier(chance: random.Random, size: int, count: int) -> list[int]:
    """Up to `count` sizes below `size`, and `size` itself."""
    return sorted({chance.randint(1, size) for _ in range(count)} | {size}) if size else [0]


def cases() -> Iterator[Case]:
    chance = random.Random("honest")
    small, middle = tree_of(1, 1300), tree_of(2, 2500)
    for size in SMALL:
        yield Case(f"size {size}", image_of(small, LOG, [size]), True)
        yield Case(f"size {size}, grown to", image_of(small, LOG, earlier(chance, size, 4)), True)
        yield Case(f"size {size}, full tiles only", replaced(image_of(small, LOG, earlier(chance, size, 4))), True)
        yield Case(
            f"size {size}, growing", image_of(small, LOG, earlier(chance, size, 2), newer=chance.randrange(300)), True
        )
        yield Case(f"size {size}, growing, full tiles only", replaced(image_of(small, LOG, [size], newer=256)), True)
    for _ in range(60):
        size = chance.randrange(2500)
        newer = chance.choice([0, 0, chance.randrange(2500 - size)])
        image = image_of(middle, LOG, earlier(chance, size, 3), newer)
        yield Case(f"size {size}, {newer} newer", chance.choice([image, replaced(image)]), True)
    large = Tree(plain(66_300))
    for size in LARGE:
        yield Case(f"size {size}", image_of(large, LOG, [size // 2, size]), True)
    yield Case("size 66001, growing", replaced(image_of(large, LOG, [66_001], newer=299)), True)
    yield from special(small)
    yield from handed_over(small)


def special(tree: Tree) -> Iterator[Case]:
    for size in (5, 256, 300):
        image = image_of(tree, LOG, [1, size])
        checkpoint = image["checkpoint"].decode()
        text = checkpoint.split("\n\n")[0] + "\n"
        yield Case(f"{size}: witnessed", image | {"checkpoint": (checkpoint + cosignature(text)).encode()}, True)
        yield Case(
            f"{size}: a tile is being written",
            image | {"tile/0/000.p/9.new": b"half", "tile/entries/777.new": b""},
            True,
        )
        yield Case(
            f"{size}: a line is being written", image | {"checkpoints.log": image["checkpoints.log"] + b"300 AbC"}, True
        )
        yield Case(
            f"{size}: no list of signatures",
            {name: data for name, data in image.items() if name != "checkpoints.log"},
            True,
        )
        yield Case(
            f"{size}: continues what was kept", image, True, at_least=LOG.checkpoint(size - 1, tree.root(size - 1))
        )
        yield Case(f"{size}: is what was kept", image, True, at_least=checkpoint)
        yield Case(f"{size}: continues nothing", image, True, at_least=LOG.checkpoint(0, tree.root(0)))
        wider = {
            (
                name.replace(f".p/{size % 256}", ".p/255")
                if size % 256 and name.startswith(("tile/0", "tile/e"))
                else name
            ): data
            for name, data in (image_of(tree, LOG, [size])).items()
        }
        wider |= {
            name: data
            for name, data in tiles(tree, size // 256 * 256 + 255).items()
            if name.startswith(("tile/0", "tile/e"))
        }
        yield Case(f"{size}: a wider partial tile", wider, True)
        lines = line(LOG, tree, 1) + line(LOG, tree, size) + line(LOG, tree, size) + line(LOG, tree, size + 1)
        yield Case(f"{size}: signed again, and more", image_of(tree, LOG, [size], log=lines), True)
    orphan = sample_records.line({"at_ms": 1, "invocation": f"i-{1:032x}", "kind": "concluded"})
    lossy = Tree([*tree.entries[:40], sample_records.gap(2), orphan, *tree.entries[40:60]])
    yield Case("a gap excuses a conclusion", image_of(lossy, LOG, [62]), True)
    local = sample_records.line(sample_records.local_admission())
    for outcome, claimed in [("success", True), ("failed", None), ("unreported", None), ("revoked", None)]:
        ended = sample_records.local_conclusion(outcome, claimed=claimed)
        granted = Tree([*tree.entries[:40], local, *tree.entries[40:60], ended])
        yield Case(f"a grant that ended {outcome}", image_of(granted, LOG, [62]), True)
    yield Case("longest entry", image_of(Tree([longest()] * 3), LOG, [3]), True)


def longest() -> bytes:
    record = sample_records.line({"at_ms": 1, "detail": "", "kind": "refused"})
    return record.replace(b'"detail":"', b'"detail":"' + b"x" * (65_535 - len(record)))


def rotated(tree: Tree, first: int, second: int) -> Tree:
    """The same records with two changes of keys among them, at these places."""
    entries = [
        *tree.entries[:first],
        sample_records.key_rotated(LOG, NEXT),
        *tree.entries[first : second - 1],
        sample_records.key_rotated(NEXT, THIRD),
        *tree.entries[second - 1 :],
    ]
    return Tree(entries)


def keys_of(image: Image, first: int, second: int | None = None) -> Image:
    """The log's own list of its keys, with hand-overs at these places. What a key takes over is what comes behind the
    record of it, which is a batch of its own."""
    keys = [(0, LOG), (first + 2, NEXT), *([(second + 2, THIRD)] if second is not None else [])]
    listed = "".join(f"{size} {key.vkey}\n" for size, key in keys)
    return image | {"log.vkeys": listed.encode(), "log.vkey": f"{keys[-1][1].vkey}\n".encode()}


def handed_over(tree: Tree) -> Iterator[Case]:
    """A log with three keys, checked with each of them that can be enough."""
    for first, second in [(0, 1), (3, 9), (100, 300), (255, 256), (256, 512)]:
        whole = rotated(tree, first, second)
        size = second + 40
        signed = {
            first: LOG,
            first + 1: LOG,
            max(first + 2, second): NEXT,
            first + 2: NEXT,
            second + 1: NEXT,
            second + 2: THIRD,
            size: THIRD,
        }
        lines = [line(signed[at], whole, at) for at in sorted(signed) if at]
        image = keys_of(image_of(whole, THIRD, [size], log="".join(lines)), first, second)
        name = f"handed over at {first} and {second}"
        for key in (LOG, NEXT, THIRD):
            yield Case(f"{name}, key {key.id.hex()}", image, True, [key.vkey])
        early = lines[: lines.index(line(LOG, whole, first + 1)) + 1] + [line(NEXT, whole, first + 1)]
        both = "".join(early + lines[len(early) - 1 :])
        yield Case(f"{name}, and signed by both keys", image | {"checkpoints.log": both.encode()}, True)
        yield Case(
            f"{name}, kept",
            image,
            True,
            at_least=LOG.checkpoint(first + 1, whole.root(first + 1)),
        )
        before = "".join(lines[: lines.index(line(NEXT, whole, second + 1)) + 1])
        ended = keys_of(image_of(whole, NEXT, [second + 1], log=before), first, second)
        yield Case(f"{name}, last checkpoint of the old", ended, True)

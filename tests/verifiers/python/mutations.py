"""Logs that somebody tampered with, and what no tampering is; README.md says which changes cannot be seen and why."""

import json
import random
from typing import Callable, Iterator

import sample_records
from honest import THIRD, Case, keys_of, plain, rotated, tree_of
from naive import Signer, b64
from sample_log import Image, Tree, bundle, image_of, line, tile_name, tiles
from vector_texts import LOG, NEXT, OTHER, cosignature

FLIPS, CUTS = 6, 1


def flip(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def covered(image: Image) -> list[str]:
    """The files that say something; the keys beside a log prove nothing and are not read."""
    return sorted(name for name in image if not name.startswith("log."))


def entry_at(image: Image, name: str, offset: int) -> int | None:
    """Which entry the byte at `offset` of a bundle belongs to; None for a byte of a length."""
    data, at, count = image[name], 0, 0
    while at < len(data):
        length = int.from_bytes(data[at : at + 2], "big")
        if offset < at + 2:
            return None
        if offset < at + 2 + length:
            return count
        at, count = at + 2 + length, count + 1
    return None


def cases() -> Iterator[Case]:
    chance = random.Random("mutations")
    tree = tree_of(11, 1200)
    for sizes in ([1], [3, 9], [100, 255], [256], [257], [40, 300], [513, 530]):
        image = image_of(tree, LOG, sizes)
        name = f"log of {sizes[-1]}"
        yield from damaged(name, image, chance)
        yield from moved(name, image, chance)
        if sizes[-1] > 255:
            yield from replaced_pairs(name, image_of(tree, LOG, sizes[-1:]), list(range(-(-sizes[-1] // 256))))
        yield from forged(name, tree, sizes, image, chance)
        yield from rolled_back(name, tree, sizes, image)
        if sizes[-1] > 8:
            yield from rewritten(name, tree, sizes, image, chance)
    large = image_of(Tree(plain(66_000)), LOG, [66_000])
    yield from replaced_pairs("large log", large, [0, 177, 256, 257])
    for name in (
        "tile/2/000.p/1",
        "tile/1/000",
        "tile/1/001.p/1",
        "tile/0/177",
        "tile/entries/255",
        "tile/0/257.p/208",
    ):
        yield Case(f"large log: {name} flipped", large | {name: flip(large[name], 9)}, False)
    yield from broken_rules(tree)
    yield from taken_over(tree)
    yield from harmless(tree)


def replaced_pairs(name: str, image: Image, places: list[int]) -> Iterator[Case]:
    """A bundle and its leaf tile that fit one another and nothing else."""
    for place in places:
        end = next((f".p/{width}" for width in range(255, 0, -1) if f"tile/0/{place:03}.p/{width}" in image), "")
        count = int(end[3:] or 256)
        other = Tree(sample_records.series(98, count + 1)[1:])
        pair = {
            f"tile/0/{place:03}{end}": b"".join(other.rows[0]),
            f"tile/entries/{place:03}{end}": bundle(other.entries),
        }
        assert pair.keys() <= image.keys()
        yield Case(f"{name}: tile {place} and its bundle replaced", image | pair, False)


def damaged(name: str, image: Image, chance: random.Random) -> Iterator[Case]:
    """Bits, ends and whole files."""
    for file in covered(image):
        data = image[file]
        for bit in {chance.randrange(len(data) * 8) for _ in range(FLIPS)}:
            index = entry_at(image, file, bit // 8) if file.startswith("tile/entries") else None
            place = file.removeprefix("tile/entries/").split(".")[0]
            is_needed = file.startswith("tile/entries") and "stale" not in stale(image, file)
            expected = int(place) * 256 + index if index is not None and is_needed else None
            yield Case(f"{name}: {file}, bit {bit} flipped", image | {file: flip(data, bit)}, False, first_bad=expected)
        if file == "checkpoints.log":  # What is missing there cannot be known.
            continue
        for end in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(CUTS))}:
            yield Case(f"{name}: {file} cut at {end}", image | {file: data[:end]}, False)
        yield Case(f"{name}: {file}, a byte more", image | {file: data + b"\0"}, False)
        yield Case(f"{name}: {file} twice in itself", image | {file: data + data}, False)
        if not stale(image, file):
            rest = {other: kept for other, kept in image.items() if other != file}
            yield Case(f"{name}: {file} missing", rest, False)
    lines = image["checkpoints.log"].decode().splitlines(keepends=True)
    if len(lines) > 1:
        yield Case(
            f"{name}: signatures out of order", image | {"checkpoints.log": "".join(reversed(lines)).encode()}, False
        )
    for torn in (b"x", b"1 x*", b"999999999999999999999", b"1  ", b"\n", lines[0].encode()[:-1] + b"="):
        yield Case(
            f"{name}: `checkpoints.log` and {torn!r}",
            image | {"checkpoints.log": image["checkpoints.log"] + torn},
            False,
        )


def stale(image: Image, file: str) -> str:
    """Says `stale` of a partial tile that a wider one has made needless."""
    row, _, width = file.partition(".p/")
    widths = [int(other.partition(".p/")[2] or 256) for other in image if other.partition(".p/")[0] == row]
    return "stale" if width and int(width) < max(widths) else ""


def moved(name: str, image: Image, chance: random.Random) -> Iterator[Case]:
    """Files in the place of others."""
    files = [file for file in covered(image) if file.startswith("tile/")]
    for file in files:
        for other in chance.sample(files, min(2, len(files))):
            if image[file] != image[other]:
                yield Case(f"{name}: {other} also as {file}", image | {file: image[other]}, False)
                yield Case(
                    f"{name}: {file} and {other} swapped", image | {file: image[other], other: image[file]}, False
                )
        rest = {kept: data for kept, data in image.items() if kept != file}
        level, below = file.removeprefix("tile/").split("/", 1)
        for to in ("1", "63", "entries", "0"):
            if to != level and f"tile/{to}/{below}" not in image:
                yield Case(f"{name}: {file} moved to level {to}", rest | {f"tile/{to}/{below}": image[file]}, False)
                if to not in ("0", "entries"):
                    yield Case(f"{name}: {file} also at level {to}", image | {f"tile/{to}/{below}": image[file]}, False)
    for extra in (
        "tile/0/999",
        "tile/entries/x001/000",
        "tile/9/000",
        "tile/63/x999/x999/999",
        "tile/0/x000/000",
        "tile/0/000.p/256",
        "tile/0/0000",
        "tile/000",
        "tile/00/000",
        "tile/readme",
        "tile/-1/000",
        "tile/0/000.p/0",
    ):
        yield Case(f"{name}: a file {extra}", image | {extra: bytes(8192)}, False)


def forged(name: str, tree: Tree, sizes: list[int], image: Image, chance: random.Random) -> Iterator[Case]:
    """Other checkpoints, without the key or with it."""
    size, root = sizes[-1], tree.root(sizes[-1])
    other_root = chance.randbytes(32)
    impostor = Signer.make(LOG.name, b"impostor")
    for what, note in [
        ("another origin", LOG.checkpoint(size, root, "grid.test/another/audit")),
        ("another log's key", OTHER.checkpoint(size, root)),
        ("a key of the same name", impostor.checkpoint(size, root)),
        ("a key that claims the id", forge_id(impostor, size, root)),
        ("size + 1", LOG.checkpoint(size + 1, root)),
        ("size - 1", LOG.checkpoint(size - 1, root)),
        ("size 0", LOG.checkpoint(0, root)),
        ("size 0 and its root", LOG.checkpoint(0, tree.root(0)) if size > 1 else ""),
        ("size 2^62", LOG.checkpoint(2**62, root)),
        ("size 2^61", LOG.checkpoint(2**61, root)),
        ("size 2^49", LOG.checkpoint(2**49, root)),
        ("another root", LOG.checkpoint(size, other_root)),
        ("root of zeros", LOG.checkpoint(size, bytes(32))),
        ("no signature", f"{LOG.name}\n{size}\n{b64(root)}\n"),
        ("a witness alone", witness_alone(size, root)),
        ("an altered size", LOG.checkpoint(size, root).replace(f"\n{size}\n", f"\n{size}0\n")),
        ("nothing", ""),
        ("a line alone", "x\n"),
    ]:
        if what == "size 0 and its root":
            continue  # Honest and old, as `rolled_back` has it.
        yield Case(f"{name}: {what}", image | {"checkpoint": note.encode()}, False)
    for key in (OTHER, NEXT, impostor):
        yield Case(f"{name}: asked with another key", image, False, [key.vkey])


def forge_id(signer: Signer, size: int, root: bytes) -> str:
    return signer.checkpoint(size, root).replace(
        b64(signer.id + signer.sign(f"{signer.name}\n{size}\n{b64(root)}\n".encode())),
        b64(LOG.id + signer.sign(f"{signer.name}\n{size}\n{b64(root)}\n".encode())),
    )


def witness_alone(size: int, root: bytes) -> str:
    text = f"{LOG.name}\n{size}\n{b64(root)}\n"
    return f"{text}\n{cosignature(text)}"


def rolled_back(name: str, tree: Tree, sizes: list[int], image: Image) -> Iterator[Case]:
    """An older honest state is honest. Only who kept a newer checkpoint can tell."""
    newest = LOG.checkpoint(sizes[-1], tree.root(sizes[-1]))
    forks = Tree(sample_records.series(13, sizes[-1] + 3)[1:])
    for older in sorted({0, 1, sizes[0], sizes[-1] // 2} - {sizes[-1]}):
        checkpoint = LOG.checkpoint(older, tree.root(older)).encode()
        for what, log in [
            ("checkpoint", image | {"checkpoint": checkpoint}),
            ("directory", image_of(tree, LOG, [older])),
        ]:
            if (
                what == "checkpoint"
                and older
                and f"tile/0/000.p/{older}" not in image
                and older < 256
                and sizes[-1] < older
            ):
                continue
            yield Case(f"{name}: {what} of {older}", log, True)
            yield Case(f"{name}: {what} of {older}, newer one kept", log, False, at_least=newest, first_bad=older)
    for kept, what in [
        (LOG.checkpoint(sizes[-1], forks.root(sizes[-1])), "a fork of the same size"),
        (LOG.checkpoint(1, forks.root(2)), "a fork"),
        (LOG.checkpoint(sizes[-1] + 1, tree.root(sizes[-1] + 1)), "a newer one"),
        (newest.replace("\n\n", "\nx\n\n"), "one not signed so"),
        (OTHER.checkpoint(1, tree.root(1)), "one of another log"),
        ("", "nothing"),
    ]:
        yield Case(f"{name}: {what} kept", image, False, at_least=kept)


def rewritten(name: str, tree: Tree, sizes: list[int], image: Image, chance: random.Random) -> Iterator[Case]:
    """Entries changed and everything hashed anew: without the key, and by its holder, whom older signatures betray."""
    size = sizes[-1]
    foreign = sample_records.series(99, 51)[1:]
    edits: list[tuple[str, Callable[[list[bytes], int], list[bytes]]]] = [
        ("edited", lambda entries, at: [*entries[:at], foreign[at % 50], *entries[at + 1 :]]),
        (
            "a value changed",
            lambda entries, at: [*entries[:at], entries[at].replace(b'"at_ms":1', b'"at_ms":2'), *entries[at + 1 :]],
        ),
        ("deleted", lambda entries, at: [*entries[:at], *entries[at + 1 :]]),
        ("doubled", lambda entries, at: [*entries[: at + 1], *entries[at:]]),
        ("swapped", lambda entries, at: [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]]),
        ("spliced", lambda entries, at: [*entries[:at], *foreign[:5], *entries[at:]]),
    ]
    for what, edit in edits:
        for at in {0, size - 2, chance.randrange(size - 1)}:
            entries = edit(tree.entries[: size + 9], at)
            first = next(place for place, entry in enumerate(tree.entries) if entry != entries[place])
            other = Tree(entries)
            hashed = image | tiles(other, size)
            bundles = image | {file: data for file, data in hashed.items() if file.startswith("tile/entries")}
            leaves = bundles | {file: data for file, data in hashed.items() if file.startswith("tile/0/")}
            forged_ = LOG.checkpoint(size, other.root(size))
            kept = LOG.checkpoint(size, tree.root(size))
            full = not any(stale(image, file) for file in image if file.startswith("tile"))
            yield Case(f"{name}: {at} {what}", bundles, False, first_bad=first if full else None)
            yield Case(f"{name}: {at} {what}, leaves hashed anew", leaves, False)
            yield Case(f"{name}: {at} {what}, all hashed anew", hashed, False)
            yield Case(
                f"{name}: {at} {what}, root replaced",
                hashed
                | {
                    "checkpoint": image["checkpoint"].replace(
                        b64(tree.root(size)).encode(), b64(other.root(size)).encode()
                    )
                },
                False,
            )
            yield Case(f"{name}: {at} {what}, signed anew by the key", hashed | {"checkpoint": forged_.encode()}, False)
            anew = image_of(other, LOG, [size])
            yield Case(f"{name}: {at} {what}, all signatures forged, a checkpoint kept", anew, False, at_least=kept)


def broken_rules(tree: Tree) -> Iterator[Case]:
    """Signed by the key, and not what a host may write."""
    admitted = next(at for at, entry in enumerate(tree.entries) if b'"kind":"admitted"' in entry)
    call = json.loads(tree.entries[admitted])
    concluded = sample_records.line({"at_ms": 1, "invocation": call["invocation"], "kind": "concluded"})
    lost = sample_records.line({"at_ms": 1, "invocation": f"i-{1:032x}", "kind": "concluded"})
    for size in (9, 256, 300, 513):
        before = tree.entries[:size]
        for what, entries, index in [
            ("concluded before", [concluded, *before], 0),
            ("never admitted", [*before, lost], size),
            ("no JSON", [*before, b"{", lost], size),
            (
                "concluded twice",
                [
                    *(entry for entry in before if call["invocation"].encode() not in entry),
                    tree.entries[admitted],
                    concluded,
                    concluded,
                ],
                None,
            ),
            ("admitted twice", [*before, tree.entries[admitted]], size),
            ("more lost than said", [sample_records.gap(1), lost, *before, lost.replace(b"001", b"002")], size + 2),
            ("a success that nobody claimed", [*before, *sample_records.unclaimed()], size + 1),
            ("hand-over not proved", [*before, sample_records.key_rotated(LOG, NEXT, proof=b64(bytes(64)))], size),
        ]:
            yield Case(f"{what}, size {size}", image_of(Tree(entries), LOG, [len(entries)]), False, first_bad=index)


def taken_over(tree: Tree) -> Iterator[Case]:
    """Changes of keys that the old key did not make, or that the new one oversteps."""
    for first, second in [(3, 9), (100, 300), (255, 257)]:
        whole, size = rotated(tree, first, second), second + 40
        good = [(LOG, first + 1), (NEXT, first + 2), (NEXT, second + 1)]

        def log(signed: list[tuple[Signer, int]]) -> str:
            return "".join(line(key, whole, at) for key, at in signed)

        third = keys_of(image_of(whole, THIRD, [size], log=log(good)), first, second)
        name = f"keys changed at {first} and {second}"
        yield Case(
            f"{name}: not handed over by the first",
            third | {"checkpoints.log": log(good[1:]).encode()},
            False,
            first_bad=first,
        )
        yield Case(
            f"{name}: not handed over by the second",
            third | {"checkpoints.log": log(good[:2]).encode()},
            False,
            first_bad=second,
        )
        yield Case(
            f"{name}: no list of signatures",
            {file: data for file, data in third.items() if file != "checkpoints.log"},
            False,
        )
        forged_ = line(NEXT, whole, first + 1).replace(NEXT.id.hex(), LOG.id.hex())
        yield Case(f"{name}: hand-over forged", third | {"checkpoints.log": (forged_ + log(good[1:])).encode()}, False)
        for what, key, at in [
            ("the old key goes on", LOG, first + 2),
            ("the new key begins early", NEXT, first),
            ("the third begins early", THIRD, second),
        ]:
            if at:
                lines = sorted([*good, (key, at)], key=lambda signed: signed[1])
                yield Case(f"{name}: {what}", third | {"checkpoints.log": log(lines).encode()}, False)
        for key in (LOG, NEXT):
            yield Case(
                f"{name}: newest checkpoint of an old key",
                third | {"checkpoint": key.checkpoint(size, whole.root(size)).encode()},
                False,
            )
        yield Case(f"{name}: asked with a key of another log", third, False, [OTHER.vkey])
        skipped = Tree(
            [
                *tree.entries[:first],
                sample_records.key_rotated(LOG, NEXT),
                sample_records.key_rotated(LOG, THIRD),
                *tree.entries[first : 40 + first],
            ]
        )
        yield Case(
            f"{name}: two from the same key",
            keys_of(image_of(skipped, NEXT, [first + 2]), first, first + 1),
            False,
            [NEXT.vkey],
            first_bad=first + 1,
        )


def harmless(tree: Tree) -> Iterator[Case]:
    """Changes that prove nothing against a log. They must not raise an alarm, and README.md says so."""
    image = image_of(tree, LOG, [40, 300, 513], newer=200)
    for file in ("log.vkey", "log.vkeys"):
        yield Case(f"{file} changed", image | {file: b"x"}, True)
        yield Case(f"{file} missing", {other: data for other, data in image.items() if other != file}, True)
    lines = image["checkpoints.log"].splitlines(keepends=True)
    yield Case("an old signature taken out", image | {"checkpoints.log": lines[0] + lines[2]}, True)
    yield Case("the last signature taken out", image | {"checkpoints.log": lines[0] + lines[1]}, True)
    yield Case(
        "a needless partial tile taken out",
        {file: data for file, data in image.items() if file != "tile/0/000.p/40"},
        True,
    )
    beyond = "tile/entries/002.p/201"
    assert beyond in image
    yield Case(
        "an entry that no checkpoint covers yet",
        image | {beyond: flip(image[beyond], 8 * len(image[beyond]) - 9)},
        True,
    )
    yield Case(
        "files of the host", image | {"wal/00000000000000000000.seg": b"x", "lock": b"1", "index.redb": b"x"}, True
    )
    next_tile = tile_name("entries", 3, 7)
    yield Case(
        "a bundle of a larger tree",
        image | {tile_name("entries", 2, 256): bundle(tree.entries[512:768]), next_tile: b"x"},
        True,
    )
    text = image["checkpoint"].decode().split("\n\n")[0] + "\n"
    witnessed = image["checkpoint"] + cosignature(text).encode()
    yield Case("a witness's line changed", image | {"checkpoint": witnessed[:-9] + b"A" + witnessed[-8:]}, True)

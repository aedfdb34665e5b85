"""Test vectors of what lies in files: tile paths, tiles, entry bundles, proof files, and the order of records."""

import hashlib
import json
from typing import Any, Iterator

import naive
import sample_records
from naive import b64
from sample_records import gap, key_rotated, local_admission, local_conclusion
from vector_texts import LOG, NEXT, ORIGIN, OTHER, cosignature, respelt
from vector_trees import LEAVES, Vector, bad, consistency_of, good, inclusion_of


def tile_paths() -> Iterator[Vector]:
    def taken(level: int | str, index: int, width: int, path: str) -> Vector:
        return good("tile_path", f"path {path}", level=level, index=index, width=width, path=path)

    numbers = [
        (0, "000"),
        (1, "001"),
        (255, "255"),
        (256, "256"),
        (999, "999"),
        (1000, "x001/000"),
        (1001, "x001/001"),
        (999_999, "x999/999"),
        (1_000_000, "x001/x000/000"),
        (1_234_067, "x001/x234/067"),
        (2**53, "x009/x007/x199/x254/x740/992"),
    ]
    for level in ("entries", 0, 1, 7):
        for index, number in numbers:
            yield taken(level, index, 256, f"tile/{level}/{number}")
    for width in (1, 9, 10, 99, 100, 112, 255):
        yield taken(0, 273, width, f"tile/0/273.p/{width}")
        yield taken("entries", 1_234_067, width, f"tile/entries/x001/x234/067.p/{width}")
    for path, why in [
        ("tile/0/0", "three digits"),
        ("tile/0/00", "three digits"),
        ("tile/0/0000", "three digits"),
        ("tile/0/1234", "three digits"),
        ("tile/0/x000/001", "no leading group of zeros"),
        ("tile/0/x1/234", "three digits"),
        ("tile/0/x0001/234", "three digits"),
        ("tile/0/001/234", "all groups but the last begin with x"),
        ("tile/0/x001/x234", "the last group does not begin with x"),
        ("tile/0/X001/234", "the x is small"),
        ("tile/00/000", "no leading zeros"),
        ("tile/01/000", "no leading zeros"),
        ("tile/+0/000", "no sign"),
        ("tile/-1/000", "no sign"),
        ("tile/64/000", "there are 64 levels at most"),
        ("tile/256/000", "there are 64 levels at most"),
        ("tile/8/0/000", "the height has no place in the path"),
        ("tile/data/000", "entries lie under `entries`"),
        ("tile/Entries/000", "entries lie under `entries`"),
        ("tile//000", "the level is missing"),
        ("tile/0", "the number is missing"),
        ("tile/0/", "the number is missing"),
        ("tile/0/000.p", "the width is missing"),
        ("tile/0/000.p/", "the width is missing"),
        ("tile/0/000.p/0", "a partial tile holds 1 to 255"),
        ("tile/0/000.p/256", "a partial tile holds 1 to 255"),
        ("tile/0/000.p/300", "a partial tile holds 1 to 255"),
        ("tile/0/000.p/01", "no leading zeros"),
        ("tile/0/000.p/+1", "no sign"),
        ("tile/0/000.p/1/", "nothing follows"),
        ("tile/0/000.p/x", "a width is a number"),
        ("tile/0/000/", "nothing follows"),
        ("/tile/0/000", "a path is relative"),
        ("./tile/0/000", "there is one spelling"),
        ("tile/0/../0/000", "there is one spelling"),
        ("tile/0/000\n", "nothing follows"),
        ("tile/0/000 ", "nothing follows"),
        ("tile/0/\u0660\u0660\u0660", "digits are ASCII"),
        ("tiles/0/000", "the folder is `tile`"),
        ("", "nothing is there"),
        ("tile/0/" + "x999/" * 9 + "999", "a number beyond any log"),
        ("tile/0/.p/1", "the number is missing"),
    ]:
        yield bad("tile_path", f"path {path!r}", why, path=path)


def tiles() -> Iterator[Vector]:
    for size in (0, 1, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 70_000, 2**24 + 1):
        rows: list[dict[str, int]] = []
        at_level = size
        while at_level:
            rows.append({"level": len(rows), "full": at_level // 256, "partial": at_level % 256})
            at_level //= 256
        yield good("tree_tiles", f"tiles of {size}", size=size, rows=rows)
    for size, path, hashes in [
        (1, "tile/0/000.p/1", LEAVES[:1]),
        (255, "tile/0/000.p/255", LEAVES[:255]),
        (256, "tile/0/000", LEAVES[:256]),
        (300, "tile/0/001.p/44", LEAVES[256:300]),
        (300, "tile/1/000.p/1", [naive.mth(LEAVES[:256])]),
    ]:
        yield good(
            "hash_tile",
            f"{path} of {size}",
            size=size,
            path=path,
            sha256_hex=hashlib.sha256(b"".join(hashes)).hexdigest(),
        )


def bundles() -> Iterator[Vector]:
    def packed(*entries: bytes) -> bytes:
        return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)

    long = bytes(65_535)
    for name, entries in [
        ("one", [b"leaf-0"]),
        ("three", [b"leaf-0", b"leaf-1", b"leaf-2"]),
        ("empty entry", [b"", b"x"]),
        ("longest entry", [long]),
        ("256", [b"leaf-%d" % index for index in range(256)]),
    ]:
        yield good(
            "bundle",
            f"bundle: {name}",
            bundle_base64=b64(packed(*entries)),
            width=len(entries),
            entries_base64=[b64(entry) for entry in entries],
        )
    three = packed(b"leaf-0", b"leaf-1", b"leaf-2")
    for name, why, index, width, bundle in [
        ("short by a byte", "the last entry ends early", 2, 3, three[:-1]),
        ("short by an entry", "an entry is missing", 2, 3, packed(b"leaf-0", b"leaf-1")),
        ("half a length", "a length has two bytes", 3, 4, three + b"\0"),
        ("an entry too many", "a bundle holds as many as its name says", 2, 2, three),
        ("a byte too many", "nothing is behind the last entry", 3, 3, three + b"\0"),
        ("nothing", "the entry is missing", 0, 1, b""),
        ("huge length", "the entry is shorter than its length", 0, 1, b"\xff\xff" + b"leaf-0"),
        ("little-endian length", "a length is big-endian", 0, 1, b"\x06\x00leaf-0"),
        ("257 entries as 256", "a bundle holds as many as its name says", 256, 256, packed(*[b"x"] * 257)),
    ]:
        yield bad("bundle", f"bundle: {name}", why, bundle_base64=b64(bundle), width=width, first_bad_index=index)


def checkpoint(size: int, signer: naive.Signer = LOG) -> str:
    return signer.checkpoint(size, naive.mth(LEAVES[:size]))


def inclusion_files() -> Iterator[Vector]:
    of = inclusion_of(123, 300)
    whole: dict[str, Any] = {
        "format": "grid-audit-proof/v1",
        "index": 123,
        "leaf": of["leaf"],
        "entry": "leaf-123",
        "inclusion": of["proof"],
        "checkpoint": checkpoint(300),
    }
    without = {name: value for name, value in whole.items() if name != "entry"}
    single = {**without, "index": 0, "leaf": b64(LEAVES[0]), "inclusion": [], "checkpoint": checkpoint(1)}
    cosigned = {**whole, "checkpoint": whole["checkpoint"] + cosignature(whole["checkpoint"].split("\n\n")[0] + "\n")}
    for name, file in [
        ("whole", whole),
        ("without the entry", without),
        ("of one entry", single),
        ("with a witness", cosigned),
    ]:
        size = 1 if file is single else 300
        yield good(
            "inclusion_file", f"proof: {name}", file=json.dumps(file), vkeys=[LOG.vkey], origin=ORIGIN, size=size
        )
    yield good(
        "inclusion_file",
        "proof: spaces and other order",
        file=json.dumps(dict(reversed(whole.items())), indent=2) + "\n",
        vkeys=[LOG.vkey],
        origin=ORIGIN,
        size=300,
    )
    text = json.dumps(whole)
    for name, why, changed in [
        ("wrong index", "the index is another", {"index": 122}),
        ("index as text", "an index is a number", {"index": "123"}),
        ("index with a fraction", "an index is a whole number", {"index": 123.0}),
        ("index below 0", "an index is not negative", {"index": -1}),
        ("index true", "an index is a number", {"index": True}),
        ("index of 2^64", "the index is in no tree", {"index": 2**64}),
        ("index is the size", "the index is not in the tree", {"index": 300}),
        ("wrong leaf", "the leaf is another", {"leaf": b64(LEAVES[122])}),
        ("wrong entry", "the entry does not hash to the leaf", {"entry": "leaf-122"}),
        ("empty entry", "the entry does not hash to the leaf", {"entry": ""}),
        ("entry not text", "an entry is text", {"entry": {"leaf": 123}}),
        (
            "leaf of the entry's hash alone",
            "a leaf is hashed with a prefix",
            {"leaf": b64(hashlib.sha256(b"leaf-123").digest())},
        ),
        ("extra hash", "a hash too many", {"inclusion": [*of["proof"], of["leaf"]]}),
        ("missing hash", "a hash is missing", {"inclusion": of["proof"][:-1]}),
        ("short hash", "a hash has 32 bytes", {"inclusion": [*of["proof"][:-1], b64(bytes(31))]}),
        ("hash in another spelling", "base64 has one spelling for each bytes", {"leaf": respelt(of["leaf"])}),
        ("hashes not a list", "the hashes are a list", {"inclusion": of["proof"][0]}),
        ("hash not text", "a hash is text", {"inclusion": [*of["proof"][:-1], 7]}),
        ("other format", "the format is another", {"format": "grid-audit-proof/v2"}),
        ("format of a consistency proof", "the format is another", {"format": "grid-audit-consistency/v1"}),
        ("checkpoint of another size", "another tree", {"checkpoint": checkpoint(257)}),
        ("checkpoint of another key", "not a known key", {"checkpoint": checkpoint(300, OTHER)}),
        (
            "checkpoint altered",
            "another text was signed",
            {"checkpoint": whole["checkpoint"].replace("\n300\n", "\n301\n")},
        ),
        ("checkpoint not signed", "nobody signed it", {"checkpoint": whole["checkpoint"].split("\n\n")[0] + "\n"}),
        ("unknown member", "the format has no such member", {"comment": "x"}),
    ]:
        yield bad("inclusion_file", f"proof: {name}", why, file=json.dumps({**whole, **changed}), vkeys=[LOG.vkey])
    for member in without:
        rest = {name: value for name, value in whole.items() if name != member}
        yield bad(
            "inclusion_file", f"proof: no {member}", "a member is missing", file=json.dumps(rest), vkeys=[LOG.vkey]
        )
    for name, why, file in [
        ("index 0123", "JSON has no such number", text.replace(": 123,", ": 0123,")),
        ("index +123", "JSON has no such number", text.replace(": 123,", ": +123,")),
        ("member twice", "a member is there once", text.replace('"index"', '"index": 123, "index"')),
        ("other case", "members are told apart by case", text.replace('"index"', '"Index"')),
        ("something behind", "one object and nothing else", text + "{}"),
        ("a list", "one object and nothing else", f"[{text}]"),
        ("half of it", "the object does not end", text[:-1]),
        ("nothing", "there is no object", ""),
        ("lone surrogate", "text has no lone surrogates", text.replace('"leaf-123"', '"\\ud800"')),
    ]:
        assert file != text
        yield bad("inclusion_file", f"proof: {name}", why, file=file, vkeys=[LOG.vkey])
    yield bad("inclusion_file", "proof: key of another log", "not a known key", file=text, vkeys=[OTHER.vkey])


def consistency_files() -> Iterator[Vector]:
    def file(first: int, second: int, **changed: Any) -> str:
        return json.dumps(
            {
                "format": "grid-audit-consistency/v1",
                "old": checkpoint(first),
                "new": checkpoint(second),
                "proof": consistency_of(first, second)["proof"],
                **changed,
            }
        )

    for old, new in [(1, 300), (123, 300), (256, 300), (300, 300), (0, 300)]:
        yield good(
            "consistency_file",
            f"consistency file of {old} and {new}",
            file=file(old, new),
            vkeys=[LOG.vkey],
            origin=ORIGIN,
            size=new,
        )
    yield good(
        "consistency_file",
        "consistency file over a change of keys",
        file=file(123, 300, new=checkpoint(300, NEXT)),
        vkeys=[LOG.vkey, NEXT.vkey],
        origin=ORIGIN,
        size=300,
    )
    forked = LOG.checkpoint(300, naive.mth([*LEAVES[:299], LEAVES[300]]))
    proof = consistency_of(123, 300)["proof"]
    for name, why, changed in [
        ("swapped", "the new one is smaller", {"old": checkpoint(300), "new": checkpoint(123)}),
        ("fork", "the later tree does not begin with the earlier", {"new": forked}),
        ("extra hash", "a hash too many", {"proof": [*proof, proof[0]]}),
        ("missing hash", "a hash is missing", {"proof": proof[1:]}),
        ("no hashes", "the proof is empty", {"proof": []}),
        ("two logs", "the origins differ", {"old": checkpoint(123, OTHER)}),
        ("old not signed", "nobody signed it", {"old": checkpoint(123).split("\n\n")[0] + "\n"}),
        ("new of another key", "not a known key", {"new": checkpoint(300, NEXT)}),
        ("other format", "the format is another", {"format": "grid-audit-proof/v1"}),
        ("unknown member", "the format has no such member", {"size": 300}),
    ]:
        known = [LOG.vkey, OTHER.vkey] if name == "two logs" else [LOG.vkey]
        yield bad("consistency_file", f"consistency file: {name}", why, file=file(123, 300, **changed), vkeys=known)
    yield bad(
        "consistency_file",
        "consistency file: fork of the same size",
        "one size, two roots",
        file=file(300, 300, new=forked),
        vkeys=[LOG.vkey],
    )


def records() -> Iterator[Vector]:
    """Order of admissions and conclusions. `entries` are the first entries of a log."""

    def texts(entries: list[bytes]) -> list[str]:
        return [entry.decode() for entry in entries]

    def counts(admitted: int, concluded: int, open_: int, gaps: int = 0, lost: int = 0) -> dict[str, int]:
        return {"admitted": admitted, "concluded": concluded, "open": open_, "gaps": gaps, "lost": lost}

    call = json.loads(next(entry for entry in sample_records.series(1, 9) if b'"admitted"' in entry))
    admitted = sample_records.line(call)
    concluded = sample_records.line(
        {**{name: call[name] for name in ("invocation", "tool")}, "at_ms": 2, "kind": "concluded"}
    )
    started = sample_records.series(1, 1)[0]
    rotated = key_rotated(LOG, NEXT)
    local = sample_records.line(local_admission())
    remote = sample_records.line(
        {name: value for name, value in local_admission().items() if name not in ("local", "expires_ms")}
    )
    for name, entries, expected in [
        ("none", [], counts(0, 0, 0)),
        ("a call", [started, admitted, concluded], counts(1, 1, 0)),
        ("an open call", [admitted], counts(1, 0, 1)),
        ("an orphan behind its gap", [gap(1), concluded], counts(0, 1, 0, 1, 1)),
        ("a gap", [started, gap(3)], counts(0, 0, 0, 1, 3)),
        ("an unknown kind", [b'{"kind":"of the future"}'], counts(0, 0, 0)),
        ("a change of keys", [started, rotated], counts(0, 0, 0)),
        ("an open grant", [local], counts(1, 0, 1)),
        ("a grant that was reported", [local, local_conclusion("tool_error", claimed=True)], counts(1, 1, 0)),
        ("a grant that was given back", [local, local_conclusion("failed")], counts(1, 1, 0)),
        ("a grant that nobody reported", [local, local_conclusion("unreported")], counts(1, 1, 0)),
        ("a grant that was revoked", [local, local_conclusion("revoked")], counts(1, 1, 0)),
        ("a claim whose admission was lost", [gap(1), local_conclusion("success", claimed=True)], counts(0, 1, 0, 1, 1)),
    ]:
        yield good("records", f"records: {name}", entries=texts(entries), counts=expected)

    def without(member: str) -> bytes:
        return sample_records.line({name: value for name, value in call.items() if name != member})

    second = sample_records.line({**call, "invocation": "i-2"})
    for name, why, index, entries in [
        ("conclusion alone", "concluded, and never admitted", 1, [started, concluded]),
        ("conclusion first", "concluded before it was admitted", 0, [concluded, admitted]),
        ("concluded twice", "a call ends once", 3, [started, admitted, concluded, concluded]),
        ("admitted twice", "a call is admitted once", 1, [admitted, admitted]),
        ("admitted again", "a call is admitted once", 2, [admitted, concluded, admitted]),
        (
            "two orphans, one lost",
            "more than the gap excuses",
            2,
            [gap(1), concluded, concluded.replace(b'"i-', b'"i-9')],
        ),
        ("an orphan before its gap", "what was lost is counted first", 0, [concluded, gap(1)]),
        ("no rule", "an admission says by which rule", 0, [without("rule")]),
        ("no epoch", "an admission says of which epoch", 1, [second, without("epoch")]),
        ("epoch as text", "an epoch is a number", 0, [sample_records.line({**call, "epoch": "1"})]),
        ("no invocation", "an admission names its call", 0, [without("invocation")]),
        ("conclusion of nothing", "a conclusion names its call", 0, [b'{"kind":"concluded"}']),
        ("no kind", "a record has a kind", 0, [without("kind")]),
        ("not JSON", "a record is JSON", 1, [started, b"x"]),
        ("a list", "a record is an object", 0, [b"[]"]),
        ("two objects", "a record is one object", 0, [b"{}{}"]),
        ("a key twice", "keys are there once", 0, [b'{"kind":"a","kind":"b"}']),
        ("a gap of nothing", "a gap counts", 0, [gap(0)]),
        ("a gap below zero", "a gap counts", 0, [gap(-1)]),
        ("a gap without a count", "a gap counts", 0, [b'{"kind":"gap"}']),
        ("an empty entry", "a record is JSON", 0, [b""]),
        (
            "hand-over signed by the old key",
            "the new key signs it",
            0,
            [key_rotated(LOG, NEXT, proof=b64(LOG.sign(rotation_text())))],
        ),
        (
            "hand-over to another key",
            "what was signed names both keys",
            0,
            [key_rotated(LOG, NEXT, new_key=OTHER.vkey)],
        ),
        (
            "hand-over from another key",
            "what was signed names both keys",
            0,
            [key_rotated(LOG, NEXT, old_key=OTHER.vkey)],
        ),
        ("hand-over to another log", "a log keeps its name", 1, [started, key_rotated(LOG, OTHER)]),
        ("a grant without an end", "it says until when", 0, [sample_records.line(local_admission(expires_ms="x"))]),
        ("an end without a grant", "it says of what", 0, [remote.replace(b'"invocation"', b'"expires_ms":1,"invocation"')]),
        ("a local that is false", "it is true or left out", 0, [sample_records.line(local_admission(local=False))]),
        ("a claimed that is false", "it is true or left out", 1, [local, local_conclusion("failed", claimed=False)]),
        ("a success that nobody claimed", "the host has not seen it", 1, [local, local_conclusion("success")]),
        ("a claim of a runtime's call", "the host has seen it", 1, [remote, local_conclusion("success", claimed=True)]),
        ("a runtime's call unreported", "the host knows", 1, [remote, local_conclusion("unreported")]),
        ("a runtime's call revoked", "it has no grant", 1, [remote, local_conclusion("revoked")]),
        ("hand-over without proof", "a hand-over has a proof", 0, [key_rotated(LOG, NEXT, proof=None)]),
    ]:
        yield bad("records", f"records: {name}", why, entries=texts(entries), first_bad_index=index)


def rotation_text() -> bytes:
    return f"grid/key-rotation/v1\n{LOG.vkey}\n{NEXT.vkey}\n".encode()

"""Proof files: one record's inclusion, and the consistency of two checkpoints. They need no log, only its key."""

from typing import Any, Mapping

from . import Bad, merkle
from .merkle import HASH, MOST
from .note import Key, open_checkpoint, unbase64
from .records import Number, parse_object

INCLUSION = "grid-audit-proof/v1"
CONSISTENCY = "grid-audit-consistency/v1"


def parse(data: bytes, form: str, members: Mapping[str, type], optional: Mapping[str, type]) -> dict[str, Any]:
    """One JSON object with exactly these members."""
    value = parse_object(data)
    if value.get("format") != form:
        raise Bad(f"the file is not of format `{form}`")
    for name, type_ in {"format": str, **members, **optional}.items():
        if name not in value and name in optional:
            continue
        if type(value.get(name)) is not type_:
            raise Bad(f"`{name}` is missing or of another type")
    unknown = set(value) - {"format"} - set(members) - set(optional)
    if unknown:
        raise Bad(f"`{min(unknown)}` is not a member of the format")
    return value


def hashes(values: list[Any], name: str) -> list[bytes]:
    return [hash_of(value, name) for value in values]


def hash_of(value: Any, name: str) -> bytes:
    try:
        if type(value) is not str:
            raise Bad("it is not text")
        return unbase64(value, HASH)
    except Bad as error:
        raise Bad(f"a hash in `{name}` is malformed: {error.reason}") from error


def verify_inclusion(data: bytes, keys: list[Key]) -> dict[str, Any]:
    """What is proved; `Bad` where nothing is."""
    members = {"index": Number, "leaf": str, "inclusion": list, "checkpoint": str}
    value = parse(data, INCLUSION, members, {"entry": str})
    index = value["index"]
    if not index.isdecimal() or len(index) > 20 or int(index) >= MOST:
        raise Bad("`index` is not a place in a log")
    leaf = hash_of(value["leaf"], "leaf")
    if "entry" in value and merkle.leaf_hash(value["entry"].encode()) != leaf:
        raise Bad("`entry` does not hash to `leaf`", int(index))
    proof = hashes(value["inclusion"], "inclusion")
    checkpoint = open_checkpoint(value["checkpoint"].encode(), keys)
    try:
        merkle.check_inclusion(leaf, int(index), checkpoint.size, proof, checkpoint.root)
    except Bad as error:
        raise Bad(error.reason, int(index)) from error
    return {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root,
        "index": int(index),
        "entry": value.get("entry"),
    }


def verify_consistency(data: bytes, keys: list[Key]) -> dict[str, Any]:
    """What is proved; `Bad` where nothing is."""
    value = parse(data, CONSISTENCY, {"old": str, "new": str, "proof": list}, {})
    proof = hashes(value["proof"], "proof")
    old, new = open_checkpoint(value["old"].encode(), keys), open_checkpoint(value["new"].encode(), keys)
    if old.origin != new.origin:
        raise Bad(f"the checkpoints are of two logs, `{old.origin}` and `{new.origin}`")
    merkle.check_consistency(old.size, old.root, new.size, new.root, proof)
    return {"origin": new.origin, "size": new.size, "root": new.root, "old_size": old.size, "old_root": old.root}

"""What the records of this log must say of one another: order of admissions and conclusions, gaps, changes of keys."""

import json
from typing import Any, NamedTuple

from . import Bad
from .note import Key, parse_vkey, unbase64

DEPTH = 64


class Number(str):
    """A JSON number as it was written; nothing here calculates with it."""


def strict_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("it has a key twice")
    return members


def no_constant(name: str) -> None:
    raise ValueError(f"`{name}` is not JSON")


def depth_of(value: Any) -> int:
    """Of a list or object; records are flat, so that looking inside is rare."""
    members = value.values() if isinstance(value, dict) else value
    return 1 + max((depth_of(member) for member in members if isinstance(member, (dict, list))), default=0)


DECODER = json.JSONDecoder(
    object_pairs_hook=strict_object, parse_int=Number, parse_float=Number, parse_constant=no_constant
)


def parse_object(data: bytes) -> dict[str, Any]:
    """One JSON object in UTF-8, without duplicate keys, lone surrogates or more depth than anything needs."""
    try:
        text = data.decode("utf-8")
        value = DECODER.decode(text)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        if not isinstance(value, dict) or depth_of(value) > DEPTH:
            raise ValueError("it is not an object, or nested too deeply")
    except (ValueError, RecursionError) as error:
        raise Bad(f"not one JSON object: {error}") from error
    return value


class Rotation(NamedTuple):
    """The record at `index` hands the log over from one key to the next."""

    index: int
    old: Key
    new: Key


class Rules:
    """Reads records in order, and remembers the first that breaks a rule."""

    def __init__(self) -> None:
        self.fault: Bad | None = None
        self.concluded: dict[str, bool] = {}
        self.local: set[str] = set()
        self.excused = 0
        self.rotations: list[Rotation] = []
        self.counts = {"admitted": 0, "concluded": 0, "open": 0, "gaps": 0, "lost": 0}

    def pass_(self, index: int, entry: bytes) -> None:
        if self.fault is not None:
            return
        try:
            self.check(index, parse_object(entry))
        except Bad as error:
            self.fault = Bad(error.reason, index)

    def check(self, index: int, record: dict[str, Any]) -> None:
        kind = record.get("kind")
        if type(kind) is not str:
            raise Bad("the record has no kind")
        if kind == "admitted":
            self.admitted(record)
        elif kind == "concluded":
            self.conclude(record)
        elif kind == "gap":
            self.gap(record)
        elif kind == "key_rotated":
            self.rotations.append(rotation(index, record))

    def admitted(self, record: dict[str, Any]) -> None:
        invocation = invocation_of(record)
        if invocation in self.concluded:
            raise Bad(f"`{invocation}` was admitted before")
        rule = record.get("rule")
        if type(rule) is not str or not rule or type(record.get("epoch")) is not Number:
            raise Bad(f"the admission of `{invocation}` does not say by which rule and epoch it was decided")
        expires = record.get("expires_ms")
        if truth(record, "local") != ("expires_ms" in record) or not (expires is None or is_whole(expires)):
            raise Bad(f"the admission of `{invocation}` does not say until when its caller may run it")
        if "local" in record:
            self.local.add(invocation)
        self.concluded[invocation] = False
        self.counts["admitted"] += 1

    def conclude(self, record: dict[str, Any]) -> None:
        invocation = invocation_of(record)
        if invocation not in self.concluded:
            # Excused where the log itself has said that so many records were lost.
            self.excused += 1
            if self.excused > self.counts["lost"]:
                raise Bad("concluded, and not admitted before")
        elif self.concluded[invocation]:
            raise Bad(f"`{invocation}` was concluded before")
        else:
            fits(invocation in self.local, record)
        self.local.discard(invocation)
        self.concluded[invocation] = True
        self.counts["concluded"] += 1

    def gap(self, record: dict[str, Any]) -> None:
        lost = record.get("lost")
        if not is_whole(lost) or int(lost) == 0:
            raise Bad("the gap does not say how many records were lost")
        self.counts["gaps"] += 1
        self.counts["lost"] += int(lost)

    def finish(self) -> Bad | None:
        """The first fault, once every record has passed."""
        self.counts["open"] = sum(1 for is_concluded in self.concluded.values() if not is_concluded)
        return self.fault


def fits(local: bool, record: dict[str, Any]) -> None:
    """A run at its caller ends as the caller claims, or without a word of it; one at a runtime does neither."""
    claimed, outcome = truth(record, "claimed"), record.get("outcome")
    if not local and (claimed or outcome in ("unreported", "revoked")):
        raise Bad("a call of a runtime ends as only a local run can end")
    if local and not claimed and outcome in ("success", "tool_error"):
        raise Bad("the outcome of a local run is told as if the host had seen it")


def truth(record: dict[str, Any], member: str) -> bool:
    """Written as true or left out."""
    if member in record and record[member] is not True:
        raise Bad(f"`{member}` is there and not true")
    return member in record


def is_whole(value: Any) -> bool:
    return type(value) is Number and value.isdecimal() and len(value) <= 16


def invocation_of(record: dict[str, Any]) -> str:
    invocation = record.get("invocation")
    if type(invocation) is not str or not invocation:
        raise Bad("the record names no invocation")
    return invocation


def rotation(index: int, record: dict[str, Any]) -> Rotation:
    """A hand-over is proved by the new key here, and by the old one through the tree that this record is in."""
    texts = [record.get(member) for member in ("old_key", "new_key", "proof")]
    if not all(type(text) is str for text in texts):
        raise Bad("the change of keys names no keys or has no proof")
    try:
        old, new = parse_vkey(texts[0]), parse_vkey(texts[1])
        proof = unbase64(texts[2], 64)
    except Bad as error:
        raise Bad(f"the change of keys is malformed: {error.reason}") from error
    message = f"grid/key-rotation/v1\n{old.vkey}\n{new.vkey}\n".encode()
    if not new.verify(message, proof):
        raise Bad("the change of keys is not signed by the new key")
    if old.name != new.name:
        raise Bad("the change of keys changes the name of the log")
    return Rotation(index, old, new)

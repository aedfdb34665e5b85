"""Who may have signed which size of a log: the chain of its keys, and every line of `checkpoints.log`."""

import re
from typing import NamedTuple

from . import Bad
from .merkle import HASH
from .note import Checkpoint, Key, Note, checkpoint_text, number, parse_checkpoint, signer, unbase64
from .records import Rotation

LINE = re.compile(r"([0-9]+) ([A-Za-z0-9+/=]{44}) ([0-9a-f]{8}) ([A-Za-z0-9+/=]{88})", re.ASCII)
# The beginning of such a line, as a writer leaves it for a moment, or a crash for good.
TORN = re.compile(
    r"[0-9]{0,20}|[0-9]+ [A-Za-z0-9+/=]{0,44}|[0-9]+ [A-Za-z0-9+/=]{44} [0-9a-f]{0,8}"
    r"|[0-9]+ [A-Za-z0-9+/=]{44} [0-9a-f]{8} [A-Za-z0-9+/=]{0,88}",
    re.ASCII,
)


class Line(NamedTuple):
    """One signature that the log once made."""

    size: int
    root: bytes
    id: bytes
    signature: bytes

    def is_by(self, key: Key) -> bool:
        text = checkpoint_text(key.name, self.size, self.root)
        return self.id == key.id and key.verify(text, self.signature)


def parse_lines(data: bytes | None, most: int) -> list[Line]:
    """The lines for sizes up to `most`; later ones are of a tree that the checkpoint does not cover yet."""
    text = (data or b"").decode("ascii", "replace")
    *whole, torn = text.split("\n")
    if not TORN.fullmatch(torn):
        raise Bad("`checkpoints.log` ends in something that is not the beginning of a line")
    lines: list[Line] = []
    last = 0
    for at, line in enumerate(whole, 1):
        match = LINE.fullmatch(line)
        if not match:
            raise Bad(f"line {at} of `checkpoints.log` is malformed")
        size, root, id_, signature = match.groups()
        try:
            parsed = Line(number(size), unbase64(root, HASH), bytes.fromhex(id_), unbase64(signature, 64))
        except Bad as error:
            raise Bad(f"line {at} of `checkpoints.log`: {error.reason}") from error
        if parsed.size < last:
            raise Bad(f"line {at} of `checkpoints.log` is of size {parsed.size}, the one before of {last}")
        last = parsed.size
        if last <= most:
            lines.append(parsed)
    return lines


class Chain:
    """The keys of a log in their order. The record of a hand-over is the last thing that the old key signs."""

    def __init__(self, trusted: list[Key], rotations: list[Rotation]) -> None:
        self.trusted = trusted
        self.rotations = rotations
        self.keys: list[Key] = [rotations[0].old] if rotations else []
        for rotation in rotations:
            if rotation.old != self.keys[-1]:
                raise Bad("the change of keys is not from the key of that time", rotation.index)
            self.keys.append(rotation.new)

    def allowed(self, size: int) -> list[Key]:
        """The keys that may sign a tree of that size."""
        if not self.rotations:
            return self.trusted
        handed = [rotation.index + 1 for rotation in self.rotations]
        begins, ends = [0, *handed], [*handed, size]
        return [key for key, begin, end in zip(self.keys, begins, ends) if begin <= size <= end]

    def open(self, note: Note) -> tuple[Checkpoint, Key]:
        checkpoint = parse_checkpoint(note.text)
        key = signer(note, self.allowed(checkpoint.size))
        if key is None:
            raise Bad(f"no key that may sign a tree of {checkpoint.size} entries has signed the checkpoint")
        if key.name != checkpoint.origin:
            raise Bad(f"the checkpoint is of `{checkpoint.origin}` and signed by `{key.name}`")
        return checkpoint, key

    def trust(self, key: Key, lines: list[Line], roots: dict[int, bytes]) -> None:
        """`key` is a given one, or was handed the log, step by step, by one that was given."""
        if key in self.trusted:
            return
        at = self.keys.index(key)
        known = [place for place, earlier in enumerate(self.keys[:at]) if earlier in self.trusted]
        if not known:
            raise Bad("the log is signed by a key that was not given, and that no given key handed it to")
        for place in range(known[-1], at):
            size = self.rotations[place].index + 1
            old = self.keys[place]
            if not any(line.size == size and line.root == roots[size] and line.is_by(old) for line in lines):
                raise Bad(
                    f"key {old.id.hex()} never signed that it hands over: "
                    f"`checkpoints.log` has no signature of it for size {size}",
                    size - 1,
                )

    def check(self, lines: list[Line], roots: dict[int, bytes], are_verified: bool) -> None:
        """Every signature is right, and of the history that the tiles hold."""
        for line in lines:
            key = next((key for key in self.allowed(line.size) if key.id == line.id), None)
            if key is None:
                raise Bad(f"`checkpoints.log`, size {line.size}: key {line.id.hex()} may not sign that")
            is_right = line.root == roots[line.size]
            if (are_verified or not is_right) and not line.is_by(key):
                raise Bad(f"`checkpoints.log`, size {line.size}: the signature is wrong")
            if not is_right:
                raise Bad(f"the log has signed two histories: another one of {line.size} entries")


def proved_before(lines: list[Line], roots: dict[int, bytes], trusted: list[Key]) -> int:
    """The largest tree that a given key signed and the tiles still hold; where another root failed, it begins there."""
    good = [
        line.size for line in lines if roots.get(line.size) == line.root and any(line.is_by(key) for key in trusted)
    ]
    return max(good, default=0)

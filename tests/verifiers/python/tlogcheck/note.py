"""Signed notes, verifier keys and checkpoints: C2SP signed-note and tlog-checkpoint."""

import base64
import binascii
import hashlib
import re
from typing import NamedTuple

from . import Bad, ed25519
from .merkle import HASH, MOST

ED25519 = 1
MOST_SIGNATURES = 100
NUMBER = re.compile(r"0|[1-9][0-9]{0,19}", re.ASCII)


def unbase64(text: str, length: int | None = None) -> bytes:
    """Standard base64 in its one canonical spelling: other spellings would be changes that nobody can see."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise Bad("it is not base64") from error
    if base64.b64encode(data).decode() != text:
        raise Bad("it is not canonical base64")
    if length is not None and len(data) != length:
        raise Bad(f"it has {len(data)} bytes and not {length}")
    return data


def number(text: str) -> int:
    """Decimal without sign or leading zeros."""
    if not NUMBER.fullmatch(text) or int(text) > MOST:
        raise Bad(f"`{text[:30]}` is not a size in plain decimal digits")
    return int(text)


def is_name(name: str) -> bool:
    return name != "" and "+" not in name and not any(character.isspace() for character in name)


class Key(NamedTuple):
    name: str
    id: bytes
    public: bytes
    vkey: str

    def verify(self, text: bytes, signature: bytes) -> bool:
        return ed25519.verify(self.public, text, signature)


def parse_vkey(vkey: str) -> Key:
    """`<name>+<8 lower-case hex digits>+<base64 of type and key>`, of type Ed25519."""
    parts = vkey.split("+", 2)
    if len(parts) != 3 or not is_name(parts[0]) or not re.fullmatch(r"[0-9a-f]{8}", parts[1], re.ASCII):
        raise Bad("it is not a verifier key: `<name>+<8 hex digits>+<base64>` is needed")
    key = unbase64(parts[2])
    id_ = hashlib.sha256(parts[0].encode() + b"\n" + key).digest()[:4]
    if id_ != bytes.fromhex(parts[1]):
        raise Bad("the id in the verifier key is not the id of its key and name")
    if len(key) != 33 or key[0] != ED25519:
        raise Bad("the verifier key is not an Ed25519 key")
    return Key(parts[0], id_, key[1:], vkey)


class Signature(NamedTuple):
    name: str
    id: bytes
    data: bytes


class Note(NamedTuple):
    text: bytes
    signatures: list[Signature]


def parse_note(note: bytes) -> Note:
    """The form alone; no signature is looked at."""
    try:
        whole = note.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Bad("the note is not UTF-8") from error
    if any(character < " " and character != "\n" for character in whole):
        raise Bad("the note has a control character")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise Bad("the note has no signature lines, or its last line does not end")
    signatures = [parse_signature(line) for line in lines[:-1].split("\n")]
    if len(signatures) > MOST_SIGNATURES:
        raise Bad(f"the note has more than {MOST_SIGNATURES} signatures")
    return Note((text + "\n").encode(), signatures)


def parse_signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix("\u2014 ").partition(" ")
    if not line.startswith("\u2014 ") or not space or not is_name(name):
        raise Bad("a signature line of the note is malformed")
    data = unbase64(encoded)
    if len(data) < 5:
        raise Bad("a signature of the note is too short")
    return Signature(name, data[:4], data[4:])


def signer(note: Note, keys: list[Key]) -> Key | None:
    """The first of the known keys that signed; None where none did. A wrong signature of a known key is `Bad`."""
    found = None
    for signature in note.signatures:
        for key in keys:
            if (signature.name, signature.id) == (key.name, key.id):
                if not key.verify(note.text, signature.data):
                    raise Bad(f"the signature of key {key.id.hex()} over the note is wrong")
                found = found or key
    return found


def open_note(note: bytes, keys: list[Key]) -> bytes:
    """The text of a note that one of the keys signed."""
    parsed = parse_note(note)
    if signer(parsed, keys) is None:
        raise Bad("none of the given keys signed the note")
    return parsed.text


class Checkpoint(NamedTuple):
    origin: str
    size: int
    root: bytes


def parse_checkpoint(text: bytes) -> Checkpoint:
    """The text of a note as origin, size and root; further lines are allowed and mean nothing."""
    lines = text.decode("utf-8").split("\n")
    if len(lines) < 4 or lines[-1] != "" or "" in lines[:-1]:
        raise Bad("a checkpoint has three lines at least, and none is empty")
    try:
        root = unbase64(lines[2], HASH)
    except Bad as error:
        raise Bad(f"the root of the checkpoint is malformed: {error.reason}") from error
    return Checkpoint(lines[0], number(lines[1]), root)


def checkpoint_text(origin: str, size: int, root: bytes) -> bytes:
    return f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n".encode()


def open_checkpoint(note: bytes, keys: list[Key]) -> Checkpoint:
    """A checkpoint whose first line names the key that signed it."""
    parsed = parse_note(note)
    key = signer(parsed, keys)
    if key is None:
        raise Bad("none of the given keys signed the checkpoint")
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != key.name:
        raise Bad(f"the checkpoint is of `{checkpoint.origin}` and signed by `{key.name}`")
    return checkpoint

"""Receipts: by the vectors that every verifier of the log runs, and by a tree that is made as the RFC says it."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from altar_grid.errors import SettingError
from altar_grid.local.receipt import Checkpoint, LogKey, Unproved, check_inclusion, leaf_hash, open_checkpoint
from local.fake_log import FakeLog, path, root

VECTORS = Path(__file__).resolve().parents[4] / "tests" / "verifiers" / "vectors"


def vectors(file: str, kind: str, at_least: int) -> list[dict[str, Any]]:
    found = [each for each in json.loads((VECTORS / file).read_text("utf-8"))["vectors"] if each["kind"] == kind]
    assert len(found) >= at_least
    assert {each["valid"] for each in found} == {True, False}
    return found


def holds(check: Any) -> bool:
    try:
        check()
    except (Unproved, SettingError):
        return False
    return True


def test_inclusion_by_the_vectors() -> None:
    for each in vectors("inclusion.json", "inclusion", 500):
        leaf, top = base64.b64decode(each["leaf"]), base64.b64decode(each["root"])
        proof = [base64.b64decode(part) for part in each["proof"]]

        def check(each: dict[str, Any] = each, leaf: bytes = leaf, top: bytes = top, proof: Any = proof) -> None:
            check_inclusion(each["index"], leaf, proof, Checkpoint("o", each["size"], top))

        assert holds(check) is each["valid"], each["name"]


def test_keys_by_the_vectors() -> None:
    for each in vectors("notes.json", "vkey", 5):
        assert holds(lambda each=each: LogKey.read(each["vkey"])) is each["valid"], each["name"]


def test_checkpoints_by_the_vectors() -> None:
    for each in vectors("notes.json", "checkpoint", 20):
        note = (
            each["note"] if "note" in each else base64.b64decode(each["note_base64"]).decode("utf-8", "surrogateescape")
        )

        def check(each: dict[str, Any] = each, note: str = note) -> None:
            keys = tuple(LogKey.read(line) for line in each["vkeys"])
            found = open_checkpoint(note, keys)
            assert (found.origin, found.size) == (each["origin"], each["size"]), each["name"]

        assert holds(check) is each["valid"], each["name"]


def test_each_entry_of_each_small_tree_is_proved_and_at_its_place_only() -> None:
    log = FakeLog()
    for size in range(1, 34):
        log.append(f"entry {size}".encode())
        leaves = [leaf_hash(entry) for entry in log.entries]
        checkpoint = Checkpoint(log.origin, size, root(leaves))
        for index, leaf in enumerate(leaves):
            proof = path(index, leaves)
            check_inclusion(index, leaf, proof, checkpoint)
            for other in range(size):
                if other != index:
                    with pytest.raises(Unproved):
                        check_inclusion(other, leaf, proof, checkpoint)


def test_a_note_of_another_log_or_key_is_refused() -> None:
    log, other = FakeLog(), FakeLog(seed=b"\x08" * 32)
    for each in (log, other):
        each.append(b"entry")
    key = LogKey.read(log.vkey)
    assert open_checkpoint(log.checkpoint(), (key,)).size == 1
    with pytest.raises(Unproved, match="none of the known keys"):
        open_checkpoint(other.checkpoint(), (key,))
    foreign = FakeLog("grid.example/other/audit")
    foreign.append(b"entry")
    text = foreign.checkpoint().split("\n\n")[0] + "\n"
    with pytest.raises(Unproved):
        open_checkpoint(log.checkpoint(text), (key,))

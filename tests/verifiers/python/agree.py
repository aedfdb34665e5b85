#!/usr/bin/env python3
"""agree.py VERIFIER: puts the same honest and tampered logs and proofs before this Python verifier and VERIFIER, and
wants the same and the right answer of both: the verdict, and the first bad index."""

import contextlib
import io
import json
import multiprocessing
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Iterator

import growing
import honest
import mutations
import naive
import tlog_verify
from honest import Case
from naive import b64
from sample_log import Directory

COMPARED = ["verified", "first_bad_index", "origin", "size", "root", "key", "signatures", "rotations", "newer_files"]
PROOFS = 1_000
# Where there is a file system in memory, thousands of small logs need no disk.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def ask_python(arguments: list[str]) -> tuple[int, str]:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = tlog_verify.main(arguments)
    return code, out.getvalue()


def ask_other(verifier: str, arguments: list[str]) -> tuple[int, str]:
    done = subprocess.run([verifier, *arguments], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, done.stdout or done.stderr


class Judge:
    """Holds one directory for the logs it asks about."""

    def __init__(self, verifier: str) -> None:
        self.verifier = verifier
        self.temporary = tempfile.TemporaryDirectory(prefix="grid-verifiers-", dir=MEMORY)
        self.folder = pathlib.Path(self.temporary.name)
        self.directory = Directory(str(self.folder / "log"))
        self.directory.path.mkdir()

    def judge(self, case: Case) -> str | None:
        """What is wrong with the answers."""
        self.directory.become(case.image)
        arguments = ["log", str(self.directory.path), "--json"]
        for number, key in enumerate(case.keys):
            path = self.folder / f"{number}.vkey"
            path.write_text(key + "\n", encoding="utf-8")
            arguments += ["--key", str(path)]
        if case.at_least is not None:
            kept = self.folder / "kept"
            kept.write_text(case.at_least, encoding="utf-8")
            arguments += ["--at-least", str(kept)]
        return compare(case, ask_python(arguments), ask_other(self.verifier, arguments))


def compare(case: Case, python: tuple[int, str], other: tuple[int, str]) -> str | None:
    expected = tlog_verify.VERIFIED if case.accept else tlog_verify.NOT_VERIFIED
    if (python[0], other[0]) != (expected, expected):
        return f"codes {python[0]} and {other[0]}, not {expected}: {python[1].strip()} / {other[1].strip()}"
    ours, theirs = json.loads(python[1]), json.loads(other[1])
    compared = COMPARED if case.accept else COMPARED[:2]
    for member in compared:
        if ours[member] != theirs[member]:
            return f"`{member}` is {ours[member]} and {theirs[member]}: {ours['reason']} / {theirs['reason']}"
    if case.accept and ours["records"] != theirs["records"]:
        return f"records {ours['records']} and {theirs['records']}"
    if case.first_bad is not None and ours["first_bad_index"] != case.first_bad:
        return f"first bad index {ours['first_bad_index']}, not {case.first_bad}: {ours['reason']}"
    return None


def share(part: tuple[str, str, int, int]) -> list[tuple[bool, str, str | None]]:
    """Every n-th case of one kind, in a process of its own."""
    verifier, kind, number, count = part
    made: Callable[[], Iterator[Case]] = honest.cases if kind == "honest" else mutations.cases
    judge = Judge(verifier)
    with judge.temporary:
        return [(case.accept, case.name, judge.judge(case)) for at, case in enumerate(made()) if at % count == number]


def proof_vectors() -> Iterator[dict[str, Any]]:
    """Proofs in trees of up to a million entries, honest and each with one change."""
    chance = random.Random("proofs")

    def made_up() -> bytes:
        return chance.randbytes(32)

    for number in range(PROOFS):
        size = chance.randint(2, chance.choice([10, 1000, 1_000_000]))
        index = chance.randrange(size)
        leaf, root, path = naive.vast_path(index, size, made_up)
        vector = {
            "kind": "inclusion",
            "size": size,
            "index": index,
            "leaf": b64(leaf),
            "root": b64(root),
            "proof": [b64(hash_) for hash_ in path],
        }
        yield from both(vector, f"inclusion {number}", chance)
        old = chance.randint(1, size - 1)
        old_root, root, path = naive.vast_proof(old, size, made_up)
        vector = {
            "kind": "consistency",
            "old_size": old,
            "new_size": size,
            "old_root": b64(old_root),
            "new_root": b64(root),
            "proof": [b64(hash_) for hash_ in path],
        }
        yield from both(vector, f"consistency {number}", chance)


def both(vector: dict[str, Any], name: str, chance: random.Random) -> Iterator[dict[str, Any]]:
    yield {**vector, "name": name, "valid": True}
    proof = list(vector["proof"])
    hashes = [member for member in ("leaf", "root", "old_root", "new_root") if member in vector]
    turn = chance.randrange(4)
    at = chance.randrange(len(proof))
    if turn == 0:
        proof[at] = b64(chance.randbytes(32))
    elif turn == 1:
        del proof[at]
    elif turn == 2:
        proof.insert(at, b64(chance.randbytes(32)))
    changed: dict[str, Any] = {"proof": proof} if turn < 3 else {chance.choice(hashes): b64(chance.randbytes(32))}
    yield {
        **vector,
        **changed,
        "name": f"{name}, changed",
        "valid": False,
        "why": "a hash is another, missing or too many",
    }


def agree_on_proofs(verifier: str) -> tuple[int, list[str]]:
    """Counts the proofs on which both gave the right answer."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", prefix="grid-verifiers-") as file:
        for vector in proof_vectors():
            file.write(json.dumps(vector) + "\n")
        file.flush()
        arguments = ["vectors", file.name, "--json"]
        answers = [json.loads(text) for _, text in (ask_python(arguments), ask_other(verifier, arguments))]
    failures = [f"{failure['name']}: {failure['reason']}" for answer in answers for failure in answer["failures"]]
    return min(answer["passed"] for answer in answers), failures


def main() -> int:
    verifier, began = sys.argv[1], time.monotonic()
    count = 2
    parts = [(verifier, kind, number, count) for kind in ("honest", "tampered") for number in range(count)]
    with multiprocessing.Pool(count) as pool:
        results = pool.map(share, parts, chunksize=1)
    failed = 0
    for kind, shares in (("honest", results[:count]), ("tampered", results[count:])):
        cases = [case for part in shares for case in part]
        faults = [(name, fault) for _, name, fault in cases if fault is not None]
        for name, fault in faults:
            print(f"FAILED {name}: {fault}")
        failed += len(faults)
        accepted = sum(accept for accept, _, _ in cases)
        print(
            f"{kind} logs: {len(cases) - len(faults)} of {len(cases)} as they should be, by both "
            f"({accepted} to be accepted, {len(cases) - accepted} to be rejected)"
        )
    passed, failures = agree_on_proofs(verifier)
    for failure in failures:
        print(f"FAILED {failure}")
    print(f"proofs: {passed} of {4 * PROOFS} as they should be, by both; {time.monotonic() - began:.0f} s")
    grown, alarms = growing.agree_on_growing([ask_python, lambda arguments: ask_other(verifier, arguments)], MEMORY)
    for failure in alarms:
        print(f"FAILED {failure}")
    print(f"growing log: {grown} of {2 * growing.ROUNDS} looks without an alarm; {time.monotonic() - began:.0f} s")
    commands = [[verifier], [sys.executable, str(pathlib.Path(tlog_verify.__file__))]]
    overtaken = [said for command in commands if (said := growing.overtaken(command, MEMORY)) is not None]
    for failure in overtaken:
        print(f"FAILED {failure}")
    failures += alarms + overtaken
    total = sum(len(part) for part in results) + 4 * PROOFS + 2 * growing.ROUNDS + len(commands)
    print(f"agree: {total - failed - len(failures)} passed, {failed + len(failures)} failed")
    return 1 if failed or failures else 0


if __name__ == "__main__":
    sys.exit(main())

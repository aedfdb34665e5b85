#!/usr/bin/env python3
"""agree.py VERIFIER GRID PROBE: puts the same honest and tampered logs and proofs before this Python verifier, VERIFIER
and, where they are logs, `GRID audit verify`, and wants the same and the right answer of all: the verdict, and the first
bad index. Some of the logs are written by GRID and PROBE themselves.

VERIFIERS_MUTANTS is the number of changes made to those, VERIFIERS_SEED what they are chosen by (else the time), and
VERIFIERS_ONLY the number of one that is wanted alone, with everything else left out."""

import contextlib
import io
import json
import multiprocessing
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time
from typing import Any, Iterator, NamedTuple

import growing
import honest
import mutations
import naive
import real
import third
import tlog_verify
from honest import Case
from naive import b64
from sample_log import Directory, Tree

COMPARED = ["verified", "first_bad_index", "origin", "size", "root", "key", "signatures", "rotations", "newer_files"]
PROOFS = int(os.environ.get("VERIFIERS_PROOFS", "5000"))
# Every tree up to this size has its root computed.
SIZES = 2049
MUTANTS = int(os.environ.get("VERIFIERS_MUTANTS", "400"))
SEED = int(os.environ.get("VERIFIERS_SEED", str(time.time_ns() % 10**9)))
ONLY = os.environ.get("VERIFIERS_ONLY")
# Logs on which they did not agree.
KEPT = pathlib.Path(__file__).resolve().parents[3] / "target" / "verifiers" / "disagreed"
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

    def __init__(self, verifier: str, grid: str) -> None:
        self.verifier = verifier
        self.third = third.Third(grid)
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
        python = ask_python(arguments)
        fault = compare(case, python, ask_other(self.verifier, arguments))
        if fault is None:
            fault = self.third.disagrees(case, arguments, json.loads(python[1])["first_bad_index"])
        return fault

    def keep(self, case: Case, name: str) -> str:
        """Puts a log where it can be looked at."""
        kept = KEPT / name
        shutil.rmtree(kept, ignore_errors=True)
        Directory(str(kept)).become(case.image)
        (kept / "asked.vkey").write_text(case.keys[0] + "\n", encoding="utf-8")
        return str(kept)


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


class Share(NamedTuple):
    """Every n-th case of one kind, for a process of its own."""

    verifier: str
    grid: str
    kind: str
    number: int
    count: int
    logs: str


Judged = list[tuple[bool, str, str | None]]


def cases(part: Share) -> Iterator[Case]:
    if part.kind == "honest":
        return honest.cases()
    if part.kind == "tampered":
        return mutations.cases()
    logs = real.read_all(pathlib.Path(part.logs))
    if part.kind == "real":
        return real.honest(logs)
    numbers = range(MUTANTS) if ONLY is None else [int(ONLY)]
    return (real.mutant(logs, SEED, number) for number in numbers)


def share(part: Share) -> tuple[Judged, dict[str, int]]:
    judge, judged = Judge(part.verifier, part.grid), []
    with judge.temporary:
        for at, case in enumerate(cases(part)):
            if at % part.count != part.number:
                continue
            fault = judge.judge(case)
            if fault is not None and part.kind in ("real", "mutant"):
                fault += f"; the log is in {judge.keep(case, f'{part.kind}-{SEED}-{at}')}"
            judged.append((case.accept, case.name, fault))
    return judged, judge.third.stricter


def proof_vectors() -> Iterator[dict[str, Any]]:
    """Roots of all small trees, and proofs in trees of up to a million entries, honest and each with one change."""
    chance = random.Random(SEED)
    tree = Tree([b"leaf-%d" % index for index in range(SIZES)])
    for size in range(1, SIZES + 1):
        root = b64(tree.root(size))
        yield {"name": f"root of {size}", "kind": "root", "valid": True, "size": size, "root": root}

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


def agree_on_logs(verifier: str, grid: str, logs: str) -> tuple[int, int]:
    """How many logs all three took or rejected as they should, and on how many they did not."""
    count, passed, failed = 2, 0, 0
    stricter: dict[str, int] = {}
    kinds = ("honest", "tampered", "real", "mutant") if ONLY is None else ("mutant",)
    parts = [Share(verifier, grid, kind, number, count, logs) for kind in kinds for number in range(count)]
    with multiprocessing.Pool(count) as pool:
        results = pool.map(share, parts, chunksize=1)
    for kind in kinds:
        judged: Judged = []
        for part, (cases_, reasons) in zip(parts, results):
            if part.kind == kind:
                judged += cases_
                stricter |= {name: stricter.get(name, 0) + times for name, times in reasons.items()}
        faults = [(name, fault) for _, name, fault in judged if fault is not None]
        for name, fault in faults:
            print(f"FAILED {name}: {fault}")
        accepted = sum(accept for accept, _, _ in judged)
        print(
            f"{kind} logs: {len(judged) - len(faults)} of {len(judged)} as they should be, by all three "
            f"({accepted} to be accepted, {len(judged) - accepted} to be rejected)"
        )
        passed, failed = passed + len(judged) - len(faults), failed + len(faults)
    unused = [name for name, _ in third.STRICTER if name not in stricter and ONLY is None]
    for name in unused:
        print(f"FAILED third.py says that `grid` is stricter for `{name}`, and it is not")
    print(f"{sum(stricter.values())} honest logs are rejected by `grid` alone, each for a reason that third.py names")
    return passed, failed + len(unused)


def main() -> int:
    verifier, grid, probe = sys.argv[1:]
    began = time.monotonic()
    print(f"VERIFIERS_SEED={SEED}", flush=True)
    with tempfile.TemporaryDirectory(prefix="grid-verifiers-", dir=MEMORY) as logs:
        real.write(probe, grid, pathlib.Path(logs), random.Random(SEED))
        passed, failed = agree_on_logs(verifier, grid, logs)
    print(f"logs: {time.monotonic() - began:.0f} s", flush=True)
    if ONLY is not None:
        print(f"agree: {passed} passed, {failed} failed")
        return 1 if failed else 0
    proved, failures = agree_on_proofs(verifier)
    print(f"roots and proofs: {proved} of {SIZES + 4 * PROOFS} as they should be, by both; {time.monotonic() - began:.0f} s")
    grown, alarms = growing.agree_on_growing([ask_python, lambda arguments: ask_other(verifier, arguments)], MEMORY)
    print(f"growing log: {grown} of {2 * growing.ROUNDS} looks without an alarm; {time.monotonic() - began:.0f} s")
    commands = [[verifier], [sys.executable, str(pathlib.Path(tlog_verify.__file__))]]
    overtaken = [said for command in commands if (said := growing.overtaken(command, MEMORY)) is not None]
    failures += alarms + overtaken
    for failure in failures:
        print(f"FAILED {failure}")
    total = passed + failed + SIZES + 4 * PROOFS + 2 * growing.ROUNDS + len(commands)
    failed += len(failures)
    print(f"agree: {total - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Verifies tiled transparency logs and their proofs, written from the specifications, standard library only.

Exit codes: 0 verified, 7 not verified, 2 the question cannot be put (arguments, files that cannot be read).
"""

import argparse
import base64
import dataclasses
import json
import pathlib
import sys
from typing import Any, Callable, Iterator

from tlogcheck import Bad, logdir, proofs, vectors
from tlogcheck.note import Key, parse_vkey

VERIFIED, NOT_VERIFIED, USAGE = 0, 7, 2


class Unusable(Exception):
    """What was given on the command line cannot be used."""


def read(path: str) -> bytes:
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise Unusable(f"`{path}` cannot be read: {error.strerror}") from error


def read_key(path: str) -> Key:
    try:
        return parse_vkey(read(path).decode().strip(" \t\r\n"))
    except (Bad, UnicodeDecodeError) as error:
        raise Unusable(f"`{path}` holds no verifier key: {error}") from error


def to_json(value: dict[str, Any]) -> str:
    plain = {
        name: base64.b64encode(member).decode() if isinstance(member, bytes) else member
        for name, member in value.items()
    }
    return json.dumps(plain, ensure_ascii=False)


def show(result: dict[str, Any], as_json: bool, subject: str) -> None:
    if as_json:
        print(to_json(result))
    elif result["verified"]:
        print(
            f"verified: {subject}: {result['origin']}, {result['size']} entries, "
            f"root {base64.b64encode(result['root']).decode()}"
        )
    else:
        index = result["first_bad_index"]
        where = "" if index is None else f" (first bad index {index})"
        print(f"NOT VERIFIED: {subject}: {result['reason']}{where}")


def logs(args: argparse.Namespace) -> bool:
    keys = [read_key(path) for path in args.key]
    at_least = read(args.at_least) if args.at_least else None
    options = logdir.Options(keys, at_least, args.quick)
    for directory in args.directories:
        if not pathlib.Path(directory).is_dir():
            raise Unusable(f"`{directory}` is not a directory")
    are_verified = True
    for directory in args.directories:
        report = logdir.verify(directory, options)
        show({"command": "log", **dataclasses.asdict(report)}, args.json, directory)
        if report.newer_files and not args.json:
            print(f"  {report.newer_files} files are of a larger tree than the checkpoint's, which does not cover them")
        are_verified &= report.verified
    return are_verified


def proof(check: Callable[[bytes, list[Key]], dict[str, Any]]) -> Callable[[argparse.Namespace], bool]:
    def run(args: argparse.Namespace) -> bool:
        keys = [read_key(path) for path in args.key]
        result: dict[str, Any] = {"command": args.command, "verified": False, "reason": None, "first_bad_index": None}
        try:
            result |= {"verified": True, **check(read(args.proof), keys)}
        except Bad as error:
            result |= {"verified": False, "reason": error.reason, "first_bad_index": error.index}
        show(result, args.json, args.proof)
        return bool(result["verified"])

    return run


def load_vectors(path: str) -> Iterator[dict[str, Any]]:
    """A vectors file, or one vector a line where the name ends in `.jsonl`."""
    data = read(path)
    try:
        if path.endswith(".jsonl"):
            yield from (json.loads(line) for line in data.splitlines() if line)
            return
        value = json.loads(data)
        if value["format"] != vectors.FORMAT:
            raise ValueError(f"its format is not `{vectors.FORMAT}`")
        yield from value["vectors"]
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"`{path}` is not a file of test vectors: {error}") from error


def run_vectors(args: argparse.Namespace) -> bool:
    passed, failures = 0, []
    for path in args.files:
        for vector in load_vectors(path):
            try:
                fault = vectors.run(vector)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise Unusable(f"`{path}`: vector `{vector.get('name')}` is malformed: {error!r}") from error
            if fault is None:
                passed += 1
            else:
                failures.append({"name": vector["name"], "reason": fault})
    if args.json:
        result = {"command": "vectors", "verified": not failures, "passed": passed, "failed": len(failures)}
        print(json.dumps({**result, "failures": failures}))
    else:
        for failure in failures:
            print(f"FAILED {failure['name']}: {failure['reason']}")
        print(f"{passed} passed, {len(failures)} failed")
    return not failures


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="tlog_verify.py", description="verifies transparency logs and their proofs")
    commands = whole.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], bool], help_: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help_)
        added.add_argument("--json", action="store_true", help="one JSON object a result")
        added.set_defaults(run=run)
        return added

    log = command("log", logs, "a whole log in a directory")
    log.add_argument("directories", nargs="+", metavar="DIR")
    log.add_argument(
        "--at-least", metavar="CHECKPOINT", help="a checkpoint that the log must still be a continuation of"
    )
    log.add_argument(
        "--quick",
        action="store_true",
        help="of `checkpoints.log` check the roots, and signatures only where keys change",
    )
    inclusion = command("inclusion", proof(proofs.verify_inclusion), "that a record is in a log")
    inclusion.add_argument("proof", metavar="PROOF.json")
    consistency = command("consistency", proof(proofs.verify_consistency), "that one checkpoint continues another")
    consistency.add_argument("proof", metavar="PROOF.json")
    for with_key in (log, inclusion, consistency):
        with_key.add_argument(
            "--key",
            action="append",
            required=True,
            metavar="LOG.vkey",
            help="a file with a verifier key that you trust; may be given again",
        )
    files = command("vectors", run_vectors, "this verifier itself, by files of test vectors")
    files.add_argument("files", nargs="+", metavar="FILE")
    return whole


def main(arguments: list[str] | None = None) -> int:
    args = parser().parse_args(arguments)
    try:
        return VERIFIED if args.run(args) else NOT_VERIFIED
    except (Unusable, OSError) as error:
        print(f"tlog_verify.py: {error}", file=sys.stderr)
        return USAGE


if __name__ == "__main__":
    sys.exit(main())

"""The vectors of sdk/conformance/adm, which the host runs too."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from altar_grid.adm import MODELS, AdmError, ArgumentChecker, JsonFault, canonical, check, digest, parse
from altar_grid.adm.limits import DEFINITION
from altar_grid.adm.rules import limits_of

FOLDER = Path(__file__).resolve().parents[3] / "conformance" / "adm"


def cases(name: str, at_least: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    assert len(found) >= at_least
    return found


def verdict(text: str | bytes) -> list[Any]:
    try:
        parse(text)
    except JsonFault as fault:
        return [fault.rule, fault.offset, fault.pointer]
    return [None, None, None]


def test_texts_are_taken_or_refused_by_the_same_rule_at_the_same_place() -> None:
    for case in cases("json", 200):
        data = bytes.fromhex(case["hex"]) if "hex" in case else case["text"].encode()
        for text in (data, data.decode()) if "hex" not in case else (data,):
            assert verdict(text) == [case["rule"], case.get("offset"), case.get("pointer")], case


def test_canonical_bytes_and_digests_are_the_same() -> None:
    for case in cases("canonical", 200):
        value = parse(case["text"])
        assert canonical(value).decode() == case["canonical"], case
        assert digest(value).hex() == case["sha256"], case
        assert canonical(parse(case["canonical"])).decode() == case["canonical"], case


def test_documents_have_the_same_problems_and_models_refuse_the_same_ones() -> None:
    for case in cases("documents", 500):
        kind = case["kind"]
        value = parse(case["text"], limits_of(kind))
        problems = check(kind, value, strict=True)
        assert sorted([p.rule, p.pointer, p.severity] for p in problems) == case["problems"], case
        errors = any(severity == "error" for _, _, severity in case["problems"])
        if errors:
            with pytest.raises(AdmError):
                MODELS[kind].read(case["text"])
        else:
            model = MODELS[kind].read(case["text"])
            assert canonical(model.to_value()) == canonical(value), case
            assert MODELS[kind].read(model.to_text()) == model


def test_arguments_have_the_same_violations_and_are_handed_on_alike() -> None:
    for case in cases("arguments", 500):
        checker = ArgumentChecker(parse(case["schema"], DEFINITION), case["extra"])
        args = parse(case["args"])
        problems = checker.check(args)
        assert sorted([p.rule, p.pointer] for p in problems) == case["problems"], case
        if not problems:
            prepared = canonical(checker.prepare(args))
            assert prepared.decode() == case["prepared"], case
            assert hashlib.sha256(prepared).hexdigest() == case["sha256"], case

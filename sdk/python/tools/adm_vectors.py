"""Writes sdk/conformance/adm: cases by hand and generated ones, with what this package answers to them."""

import hashlib
import json
import random
import sys
from pathlib import Path
from typing import Any, cast, get_args

from altar_grid.adm import AdmError, ArgumentChecker, JsonFault, canonical, check, parse
from altar_grid.adm.rules import Kind, limits_of

HERE = Path(__file__).resolve().parent
OUT = HERE.parents[1] / "conformance" / "adm"
NAMES = ["a", "b", "c/~", "$ref", "é", "\U0001f600"]
TOKENS = [
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e3",
    "1e-3",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9007199254740991.0",
    "9007199254740992.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "1e19",
    "0.1",
    "-0.0",
    "1.00000000000000000001",
    "1.7976931348623157e308",
    "12300e-2",
    "12345e-2",
    "0e99999999999999999999999",
    "1e-99999999999999999999999",
    "100000000000000000000e-20",
    "4.35",
    "0.000001",
    "1e-7",
    "123456789012345680000",
    "1e21",
    "5e-324",
]


class Raw(str):
    """A number token."""

    __slots__ = ()


def text_of(value: Any) -> str:
    """JSON text with number tokens as they are."""
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{text_of(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(text_of, value)) + "]"
    return json.dumps(value)


class Maker:
    """Schemas and values in which near misses are likely: few names, numbers at the edges."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - cases, no secrets

    def value(self, depth: int = 2) -> Any:
        """Any JSON value."""
        choice = self.random.randrange(7 if depth else 5)
        if choice == 5:
            return [self.value(depth - 1) for _ in range(self.random.randrange(3))]
        if choice == 6:
            return {self.random.choice(NAMES): self.value(depth - 1) for _ in range(self.random.randrange(3))}
        simple = [None, True, Raw(self.random.choice(TOKENS)), self.random.choice(NAMES), False]
        return simple[choice]

    def schema(self, depth: int = 3) -> dict[str, Any]:
        """A valid schema."""
        kinds = ["NUMBER", "INTEGER", "BOOLEAN", "STRING", "OBJECT"] + (["ARRAY", "OBJECT", "OBJECT"] if depth else [])
        schema: dict[str, Any] = {"type": self.random.choice(kinds)}
        if schema["type"] == "STRING" and self.random.random() < 0.5:
            schema["enum"] = self.random.sample(NAMES, self.random.randrange(1, 4))
        if schema["type"] == "ARRAY":
            schema["items"] = self.schema(depth - 1)
        if schema["type"] == "OBJECT" and depth and self.random.random() < 0.85:
            names = self.random.sample(NAMES, self.random.randrange(4))
            schema["properties"] = {name: self.schema(depth - 1) for name in names}
            schema["required"] = [name for name in names if self.random.random() < 0.5]
        if self.random.random() < 0.2:
            schema[self.random.choice(["x_one", "pattern", "$ref"])] = self.value(1)
        return schema

    def near(self, schema: dict[str, Any]) -> Any:
        """A value that a schema mostly accepts."""
        if self.random.random() < 0.08:
            return self.value()
        kind = schema["type"]
        if kind == "STRING":
            return self.random.choice(schema.get("enum", NAMES))
        if kind in ("NUMBER", "INTEGER"):
            return Raw(self.random.choice(TOKENS))
        if kind == "BOOLEAN":
            return self.random.random() < 0.5
        if kind == "ARRAY":
            return [self.near(schema["items"]) for _ in range(self.random.randrange(3))]
        properties = schema.get("properties", {})
        value = {name: self.near(below) for name, below in properties.items() if self.random.random() < 0.9}
        if self.random.random() < 0.2:
            value[self.random.choice(NAMES)] = self.value(1)
        return value

    def broken(self, document: Any) -> Any:
        """A document with one thing changed somewhere."""
        copy = json.loads(json.dumps(document))
        places: list[tuple[Any, Any]] = []

        def visit(value: Any) -> None:
            keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
            for key in keys:
                places.append((value, key))
                visit(value[key])

        visit(copy)
        if not places:
            return copy
        container, key = self.random.choice(places)
        wrong = [None, 7, "", " ", "object", "OBJECT", [], {}, ["a", "a"], {"a": 1}, True, "x" * 1001, "DATETIME"]
        action = self.random.randrange(5)
        if action == 0:
            del container[key]
        elif action == 1 and isinstance(container, dict):
            container[self.random.choice(["_version", "_adm_x", "items", "enum", "required"])] = container.pop(key)
        elif action == 2 and isinstance(container, list):
            container.append(container[key])
        else:
            container[key] = self.random.choice(wrong)
        return copy


def json_cases(cases: list[dict[str, str]], maker: Maker) -> list[dict[str, Any]]:
    """Texts that are taken or refused."""
    alphabet = '[]{}",:0-9eE.+\\ \n untrflase'
    for _ in range(150):
        text = text_of(maker.value(3))
        at = maker.random.randrange(len(text) + 1)
        cases.append({"text": text[:at] + maker.random.choice(alphabet) + text[at + maker.random.randrange(2) :]})
    cases += [{"text": "[" * depth + "1" + "]" * depth} for depth in (64, 65, 200)]
    found: list[dict[str, Any]] = []
    for case in cases:
        data: str | bytes = bytes.fromhex(case["hex"]) if "hex" in case else case["text"]
        try:
            parse(data)
            found.append({**case, "rule": None})
        except JsonFault as fault:
            found.append({**case, "rule": fault.rule, "offset": fault.offset, "pointer": fault.pointer})
    return found


def canonical_cases(texts: list[str], maker: Maker) -> list[dict[str, Any]]:
    """Texts and their canonical bytes."""
    texts = texts + TOKENS + [text_of(maker.value(3)) for _ in range(60)]
    doubles = [maker.random.uniform(-1, 1) * 10.0 ** maker.random.randrange(-30, 30) for _ in range(120)]
    texts += [repr(double) for double in doubles]
    found = []
    for text in texts:
        data = canonical(parse(text))
        found.append({"text": text, "canonical": data.decode(), "sha256": hashlib.sha256(data).hexdigest()})
    return found


def document_cases(cases: list[dict[str, str]], maker: Maker) -> list[dict[str, Any]]:
    """Documents of every kind and their problems."""
    whole = [(case["kind"], json.loads(case["text"])) for case in cases if case.get("mutate")]
    for kind, document in whole:
        cases += [{"kind": kind, "text": json.dumps(maker.broken(document))} for _ in range(60)]
    for case in cases:
        case.pop("mutate", None)
    found = []
    for case in cases:
        named = cast(Kind, case["kind"])
        problems = check(named, parse(case["text"], limits_of(named)), strict=True)
        listed = sorted([problem.rule, problem.pointer, problem.severity] for problem in problems)
        found.append({**case, "problems": listed})
    return found


def argument_cases(cases: list[dict[str, str]], maker: Maker) -> list[dict[str, Any]]:
    """Schemas, arguments and their violations."""
    for _ in range(500):
        schema = maker.schema()
        case = {"schema": text_of(schema), "args": text_of(maker.near(schema))}
        cases.append({**case, "extra": maker.random.choice(["reject", "ignore", "pass"])})
    found = []
    for case in cases:
        extra: Any = case["extra"]
        checker, args = ArgumentChecker(parse(case["schema"]), extra), parse(case["args"])
        problems = checker.check(args)
        told: dict[str, Any] = {"problems": sorted([problem.rule, problem.pointer] for problem in problems)}
        if not problems:
            data = canonical(checker.prepare(args))
            told |= {"prepared": data.decode(), "sha256": hashlib.sha256(data).hexdigest()}
        found.append({**case, **told})
    return found


def main() -> int:
    """Writes the files."""
    by_hand = json.loads((HERE / "adm_cases.json").read_text("utf-8"))
    missing = set(get_args(Kind)) - {case["kind"] for case in by_hand["documents"]}
    if missing:
        sys.exit(f"no case by hand of kind {missing}")
    makers = {
        "json": json_cases,
        "canonical": canonical_cases,
        "documents": document_cases,
        "arguments": argument_cases,
    }
    for seed, (name, make) in enumerate(makers.items()):
        cases = make(by_hand[name], Maker(seed))  # type: ignore[operator]
        lines = ",\n".join(json.dumps(case, ensure_ascii=True) for case in cases)
        (OUT / f"{name}.json").write_text(f"[\n{lines}\n]\n", "utf-8")
        print(f"{name}: {len(cases)} cases")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except AdmError as error:
        sys.exit(f"a case by hand is not what it should be: {error}")

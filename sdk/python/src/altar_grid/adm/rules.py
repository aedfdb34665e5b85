"""Every rule of the data model's structures, all problems of a document at once; the same verdicts as the host's."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal

from altar_grid.adm import limits
from altar_grid.adm.limits import Limits
from altar_grid.adm.problem import Problem, Problems, Severity, quoted, step
from altar_grid.adm.reader import JsonValue

Kind = Literal[
    "tool",
    "function_declaration",
    "schema",
    "function_call",
    "tool_result",
    "error_object",
    "tool_contract",
    "tool_manifest",
]
"""What a document is."""

NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}", re.ASCII)
"""The pattern of names; match the whole text."""

_NAME_WORDS: Final = "a letter or `_`, then up to 63 letters, digits, `_` or `-`"
_RESERVED: Final = ("_version", "_extensions", "_metadata", "_deprecated", "_experimental")
_SNAKE: Final = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)
_SEMVER: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(-(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*)?"
    r"(\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)
_MAJOR: Final = 1
_U64: Final = 2**64 - 1

Map = dict[str, Any]


def kind_of(value: JsonValue) -> str:
    """The JSON type of a value, in words: `integer` for whole numbers without fraction and exponent."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    for type_, name in ((int, "integer"), (float, "number"), (str, "string"), (dict, "object")):
        if isinstance(value, type_):
            return name
    return "array"


def limits_of(kind: Kind) -> Limits:
    """What a text of this kind may cost to read."""
    return limits.DATA if kind in ("function_call", "tool_result", "error_object") else limits.DEFINITION


def check(kind: Kind, value: JsonValue, *, strict: bool = False) -> list[Problem]:
    """Checks a document of this kind.

    Args:
        kind: what it is.
        value: it, as `parse` reads it.
        strict: whether unknown fields are listed as warnings.

    Returns:
        All problems, warnings among them; empty where there is nothing to say.
    """
    from altar_grid.adm import _calls, _definitions

    reader = Reader(strict)
    rules: dict[str, Callable[[Reader, JsonValue], object]] = {
        "tool": _definitions.tool,
        "function_declaration": _definitions.function_declaration,
        "schema": _definitions.schema,
        "function_call": _calls.function_call,
        "tool_result": _calls.tool_result,
        "error_object": _calls.error_object,
        "tool_contract": _definitions.tool_contract,
        "tool_manifest": _definitions.tool_manifest,
    }
    rules[kind](reader, value)
    return reader.problems.finish()


class Reader:
    """Where we are in a document and what was wrong so far."""

    def __init__(self, strict: bool) -> None:
        self.strict = strict
        self.path: list[str | int] = []
        self.problems = Problems()

    @contextmanager
    def at(self, key: str | int) -> Iterator[None]:
        """One step deeper."""
        self.path.append(key)
        yield
        self.path.pop()

    def say(self, rule: str, message: str, severity: Severity = "error") -> None:
        """Notes a problem of the value that we are at."""
        self.problems.add(Problem("".join(map(step, self.path)), rule, message, severity))

    def warn(self, rule: str, message: str) -> None:
        """Notes something that refuses nothing."""
        self.say(rule, message, "warning")

    def required(self, map_: Map, key: str, rule: Callable[["Reader", Any], object]) -> None:
        """A field that must be there."""
        if key not in map_:
            self.say("field.required", f"field `{key}` is missing; add it")
        self.optional(map_, key, rule)

    def optional(self, map_: Map, key: str, rule: Callable[["Reader", Any], object]) -> None:
        """A field that may be left out, but not be null."""
        if key not in map_:
            return
        with self.at(key):
            if map_[key] is None:
                self.say("field.null", f"field `{key}` is null; leave it out or give it a value")
            else:
                rule(self, map_[key])

    def is_a(self, type_: type | tuple[type, ...], expected: str, value: JsonValue) -> bool:
        """Whether a value has a type; says so if not."""
        if isinstance(value, type_):
            return True
        self.say("field.type", f"expected {expected}, found {kind_of(value)}; change the type")
        return False

    def each(self, value: JsonValue, rule: Callable[["Reader", Any], object]) -> None:
        """The elements of an array."""
        if self.is_a((list, tuple), "array", value):
            for at, item in enumerate(value):
                with self.at(at):
                    rule(self, item)

    def unknown(self, map_: Map, *known: str) -> None:
        """The fields that are not known."""
        for key in map_:
            if key in known:
                continue
            with self.at(key):
                if key.startswith("_adm_") or (self.strict and key in _RESERVED):
                    self.warn("field.reserved", f"field {quoted(key)} is reserved for the data model; use another name")
                elif self.strict:
                    self.warn("field.unknown", f"field {quoted(key)} is not known; it is kept and has no effect")


def is_blank(text: str) -> bool:
    """Whether nothing can be seen of a text: unlike for `str.strip`, four separators are no space, as in Unicode."""
    return not text.translate({0x1C: "x", 0x1D: "x", 0x1E: "x", 0x1F: "x"}).strip()


def name(reader: Reader, value: JsonValue) -> None:
    """The pattern of function names."""
    if not reader.is_a(str, "string", value):
        return
    if not NAME.fullmatch(value):
        reader.say("name.pattern", f"name {quoted(value)} does not follow the pattern of names; use {_NAME_WORDS}")
    elif value.startswith("_adm_"):
        reader.warn("field.reserved", f"name {quoted(value)} is reserved for the data model; use another prefix")


def description(reader: Reader, value: JsonValue, blank: Severity = "error") -> None:
    """A text that is recommended to be at most 1000 characters long."""
    if not reader.is_a(str, "string", value):
        return
    if is_blank(value):
        reader.say("description.empty", "description is blank; say what the function does", blank)
    if len(value) > limits.DESCRIPTION_CHARS:
        most = limits.DESCRIPTION_CHARS
        words = f"description has {len(value)} characters; at most {most} are recommended, shorten it"
        reader.warn("description.long", words)


def version(reader: Reader, value: JsonValue) -> None:
    """The version of a manifest: three numbers of a major that is known."""
    if not reader.is_a(str, "string", value):
        return
    match = _SEMVER.fullmatch(value)
    if match is None or any(int(part) > _U64 for part in match.group(1, 2, 3)):
        words = f"manifest version {quoted(value)} is not three numbers without leading zeros; write it as `1.0.0`"
        reader.say("manifest.version", words)
    elif int(match[1]) != _MAJOR:
        words = f"manifest version {quoted(value)} is of a major that is not known; use {_MAJOR}"
        reader.say("manifest.version-major", words)
    elif match[4] or match[5]:
        words = f"manifest version {quoted(value)} has a suffix; it is kept and not interpreted"
        reader.warn("manifest.version-suffix", words)


def error_type(reader: Reader, value: JsonValue) -> None:
    """Upper snake case is recommended; the set is open."""
    if reader.is_a(str, "string", value) and not _SNAKE.fullmatch(value):
        words = f"error type {quoted(value)} is not upper snake case; prefer the form `RESOURCE_NOT_FOUND`"
        reader.warn("error.type-form", words)

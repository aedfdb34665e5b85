"""Strict reading of JSON: refuses whatever two parsers may read differently, as the host does.

Duplicate keys, lone surrogates, numbers that no double can hold, too much depth, too many values, anything after the
value. Integers are read as `int` at any size; other numbers as `Decimal64`, a `float` that keeps its token.
"""

import json
import math
import re
from typing import Any, Final

from altar_grid.adm import limits
from altar_grid.adm._scan import Scanner
from altar_grid.adm.limits import Limits
from altar_grid.adm.problem import AdmError, Problem, step

JsonValue = Any
"""`None`, `bool`, `int`, `float`, `str`, `list`, or `dict` with text keys."""


class Decimal64(float):
    """A double with the token that it was written as, so that `1.00000000000000000001` is not taken for 1."""

    __slots__ = ("token",)
    token: str

    def __new__(cls, token: str) -> "Decimal64":
        """Takes a JSON number token."""
        number = super().__new__(cls, token)
        number.token = token
        return number

    def __reduce__(self) -> tuple[type["Decimal64"], tuple[str]]:
        return (Decimal64, (self.token,))

    def __copy__(self) -> "Decimal64":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Decimal64":
        return self


class JsonFault(AdmError):
    """A text that was refused: `rule` says why, `offset` at which byte, `pointer` in which value."""

    def __init__(self, rule: str, offset: int, pointer: str, message: str) -> None:
        self.rule, self.offset, self.pointer = rule, offset, pointer
        super().__init__([Problem(pointer, rule, message)])


class _Doubt(Exception):
    """The quick reader met something that the careful one has to judge."""


_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
"""Half a surrogate pair can only come in as an escape of this form."""

_INTEGER_DIGITS: Final = 300
"""So many digits are below the largest double for certain."""


def parse(text: str | bytes, within: Limits = limits.DATA) -> JsonValue:
    """Reads one JSON text.

    Args:
        text: UTF-8 where it is bytes.
        within: what it may cost.

    Raises:
        JsonFault: with the same rule, place and byte as the host answers.
    """
    try:
        value = _quickly(text)
        _count(value, within)
    except (_Doubt, ValueError, RecursionError):
        return _carefully(text, within)
    return value


def _quickly(text: str | bytes) -> JsonValue:
    """Reads with the standard library's reader and hooks; what it does not take is for the careful one to judge."""
    decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    if decoded.startswith("\ufeff"):
        raise _Doubt
    if isinstance(text, str):
        text.encode("utf-8")
    value = json.loads(
        decoded, object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
    )
    if _SURROGATE.search(decoded):
        json.dumps(value, ensure_ascii=False, check_circular=False).encode("utf-8")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise _Doubt
    return members


def _integer(token: str) -> int:
    if len(token) > _INTEGER_DIGITS and math.isinf(float(token)):
        raise _Doubt
    return int(token)


def _float(token: str) -> Decimal64:
    number = Decimal64(token)
    if math.isinf(number):
        raise _Doubt
    return number


def _constant(token: str) -> None:
    raise _Doubt


def _count(value: JsonValue, within: Limits) -> None:
    """Levels and values, without recursion."""
    nodes = 1
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    most = min(within.depth, limits.DEEPEST)
    while level:
        depth += 1
        below: list[JsonValue] = []
        for container in level:
            items = container.values() if isinstance(container, dict) else container
            nodes += len(container)
            below.extend(item for item in items if isinstance(item, (dict, list)))
        if depth > most or nodes > within.nodes:
            raise _Doubt
        level = below
    if nodes > within.nodes:
        raise _Doubt


def _carefully(text: str | bytes, within: Limits) -> JsonValue:
    """Reads byte by byte, and says what is wrong and where."""
    if isinstance(text, str):
        try:
            data = text.encode("utf-8")
        except UnicodeEncodeError as error:
            offset = len(text[: error.start].encode("utf-8"))
            message = f"byte {offset} is not UTF-8; encode the text as UTF-8"
            raise JsonFault("json.utf8", offset, "", message) from None
    else:
        data = text
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            message = f"byte {error.start} is not UTF-8; encode the text as UTF-8"
            raise JsonFault("json.utf8", error.start, "", message) from None
    return _Parser(data, within).document()


class _Parser:
    """Structure: values, arrays, objects, and the bounds on them."""

    def __init__(self, data: bytes, within: Limits) -> None:
        self.scan = Scanner(data, self.fault)
        self.depth, self.most_nodes = min(within.depth, limits.DEEPEST), within.nodes
        self.nodes = 0
        self.path: list[str | int] = []

    def fault(self, rule: str, offset: int, message: str) -> JsonFault:
        return JsonFault(f"json.{rule}", offset, "".join(map(step, self.path)), message)

    def syntax(self, expected: str) -> Exception:
        return self.scan.syntax(expected, self.scan.at)

    def document(self) -> JsonValue:
        self.scan.skip_space()
        value = self.value(0)
        self.scan.skip_space()
        if self.scan.peek() is not None:
            at = self.scan.at
            raise self.fault("trailing", at, f"text follows the value at byte {at}; send one value")
        return value

    def value(self, depth: int) -> JsonValue:
        at = self.scan.at
        self.nodes += 1
        if self.nodes > self.most_nodes:
            raise self.fault("nodes", at, f"more than {self.most_nodes} values at byte {at}; send less at a time")
        first = self.scan.peek()
        if first == 0x22:
            return self.scan.string()
        if first is not None and (first == 0x2D or 0x30 <= first <= 0x39):
            token = self.scan.number()
            return Decimal64(token) if set(token) & set(".eE") else int(token)
        if first in (0x7B, 0x5B):
            if depth >= self.depth:
                words = f"more than {self.depth} levels of arrays and objects at byte {at}; flatten the value"
                raise self.fault("depth", at, words)
            return self.object(depth + 1) if first == 0x7B else self.array(depth + 1)
        for start, word, value in ((0x74, b"true", True), (0x66, b"false", False), (0x6E, b"null", None)):
            if first == start:
                self.scan.word(word)
                return value
        raise self.syntax("a JSON value")

    def array(self, depth: int) -> list[JsonValue]:
        self.scan.at += 1
        items: list[JsonValue] = []
        self.scan.skip_space()
        if self.scan.take(0x5D):
            return items
        while True:
            self.path.append(len(items))
            items.append(self.value(depth))
            self.path.pop()
            self.scan.skip_space()
            if self.scan.take(0x5D):
                return items
            if not self.scan.take(0x2C):
                raise self.syntax("`,` or `]`")
            self.scan.skip_space()

    def object(self, depth: int) -> dict[str, JsonValue]:
        self.scan.at += 1
        entries: list[tuple[str, JsonValue]] = []
        self.scan.skip_space()
        if self.scan.take(0x7D):
            return {}
        while True:
            key = self.key()
            self.path.append(key)
            entries.append((key, self.value(depth)))
            self.path.pop()
            self.scan.skip_space()
            if self.scan.take(0x7D):
                return self.unique(entries)
            if not self.scan.take(0x2C):
                raise self.syntax("`,` or `}`")
            self.scan.skip_space()

    def unique(self, entries: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
        members: dict[str, JsonValue] = {}
        twice = []
        for key, value in entries:
            if key in members:
                twice.append(key)
            members[key] = value
        if not twice:
            return members
        at = self.scan.at
        self.path.append(_first_twice(entries, twice))
        words = f"a key comes twice in one object, noticed at byte {at}; keep one of them"
        raise self.fault("duplicate-key", at, words)

    def key(self) -> str:
        if self.scan.peek() != 0x22:
            raise self.syntax("a key in double quotes")
        key = self.scan.string()
        self.scan.skip_space()
        if not self.scan.take(0x3A):
            raise self.syntax("`:` after the key")
        self.scan.skip_space()
        return key


def _first_twice(entries: list[tuple[str, JsonValue]], twice: list[str]) -> str:
    """Which one the host names: the first in the text of a small object, the smallest of a large one."""
    if len(entries) <= 16:
        repeated = set(twice)
        return next(key for key, _ in entries if key in repeated)
    return min(twice, key=lambda key: key.encode("utf-8"))

"""Canonical bytes (RFC 8785) and what is hashed over them, equal to the host's.

One difference to RFC 8785, which the data model's 64-bit INTEGER asks for: whole numbers that were written without
fraction and exponent keep their decimal digits at any size. `-0` is `0`.
"""

import hashlib
import math
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring as _quote
from typing import Final

from altar_grid.adm import limits
from altar_grid.adm.problem import AdmError, Problem, step
from altar_grid.adm.reader import Decimal64, JsonValue

NOT_JSON: Final = "value.not-json"
"""Rule of a Python value that has no JSON form."""


def canonical(value: JsonValue) -> bytes:
    """The canonical bytes of a JSON value.

    Raises:
        AdmError: where something in it has no JSON form: not-a-number, infinities, numbers beyond a double, keys that
            are no text, half surrogate pairs, other objects, more than 256 levels.
    """
    return _encode(value, es_number, in_order=True)


def to_text(value: JsonValue) -> str:
    """Compact JSON text of a value, members in their order, numbers as they were written.

    Raises:
        AdmError: as for `canonical`.
    """
    return _encode(value, _as_written, in_order=False).decode("utf-8")


def digest(value: JsonValue) -> bytes:
    """SHA-256 over the canonical bytes of a value: 32 bytes. Of arguments, it is what a grant is bound to."""
    return hashlib.sha256(canonical(value)).digest()


def contract_digest(declaration: JsonValue, host_fields: JsonValue) -> bytes:
    """The digest of a contract, as the host makes it: 32 bytes.

    Args:
        declaration: a FunctionDeclaration as a JSON value.
        host_fields: what the host set: version, effect, timeout and so on.
    """
    document = {key: declaration[key] for key in ("name", "description", "parameters")}
    return digest({**document, "host": host_fields})


class _Writer:
    def __init__(self, number: Callable[[float], str], in_order: bool) -> None:
        self.number, self.in_order = number, in_order
        self.parts: list[str] = []
        self.path: list[str | int] = []

    def refuse(self, what: str) -> AdmError:
        message = f"{what} has no form in JSON; send text, numbers, booleans, null, lists and dicts of them"
        return AdmError([Problem("".join(map(step, self.path)), NOT_JSON, message)])

    def write(self, value: JsonValue) -> None:
        if value is None:
            self.parts.append("null")
        elif value is True or value is False:
            self.parts.append("true" if value else "false")
        elif isinstance(value, str):
            self.parts.append(_quote(value))
        elif isinstance(value, int):
            self.parts.append(self.integer(value))
        elif isinstance(value, float):
            if not math.isfinite(value):
                raise self.refuse("an infinity or not-a-number")
            self.parts.append(self.number(value))
        elif isinstance(value, dict):
            self.object(value)
        elif isinstance(value, (list, tuple)):
            self.array(value)
        else:
            raise self.refuse(f"a value of type `{type(value).__name__}`")

    def integer(self, value: int) -> str:
        try:
            float(value)
        except OverflowError:
            raise self.refuse("a whole number beyond what a double can hold") from None
        return int.__repr__(value)

    def array(self, items: Iterable[JsonValue]) -> None:
        self.deeper()
        self.parts.append("[")
        for at, item in enumerate(items):
            if at:
                self.parts.append(",")
            self.path.append(at)
            self.write(item)
            self.path.pop()
        self.parts.append("]")

    def object(self, members: dict[str, JsonValue]) -> None:
        self.deeper()
        if not all(isinstance(key, str) for key in members):
            raise self.refuse("a key that is no text")
        self.parts.append("{")
        for at, key in enumerate(self.ordered(members)):
            if at:
                self.parts.append(",")
            self.parts.append(_quote(key))
            self.parts.append(":")
            self.path.append(key)
            self.write(members[key])
            self.path.pop()
        self.parts.append("}")

    def deeper(self) -> None:
        if len(self.path) >= limits.DEEPEST:
            raise self.refuse("a value of more than 256 levels, or one that holds itself,")

    def ordered(self, keys: Iterable[str]) -> Iterable[str]:
        """RFC 8785 section 3.2.3: by UTF-16 code units."""
        if not self.in_order:
            return keys
        return sorted(keys, key=lambda key: key.encode("utf-16-be", "surrogatepass"))


def _as_written(value: float) -> str:
    return value.token if isinstance(value, Decimal64) else float.__repr__(value)


def _encode(value: JsonValue, number: Callable[[float], str], *, in_order: bool) -> bytes:
    writer = _Writer(number, in_order)
    writer.write(value)
    try:
        return "".join(writer.parts).encode("utf-8")
    except UnicodeEncodeError:
        message = "a text has half a surrogate pair; send both halves or the character itself"
        raise AdmError([Problem("", "json.lone-surrogate", message)]) from None


def es_number(value: float) -> str:
    """A finite double as ECMAScript writes it: the fewest digits that lead back to it."""
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, exponent = float.__repr__(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).rstrip("0")
    point = len(whole) + int(exponent or 0)
    stripped = digits.lstrip("0")
    point -= len(digits) - len(stripped)
    digits, count = stripped, len(stripped)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if count > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"

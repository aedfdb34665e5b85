"""The ADM types of Python values: each writes its schema and reads a value that came as JSON. A reader keeps the place
as a JSON pointer and gathers every fault; it never repeats a value, only names."""

from __future__ import annotations

import abc
import base64
import binascii
import datetime as dt
import decimal
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import pydantic

#: 2**53 - 1: up to here a JSON number with a fraction part of zero is one whole number and no other (Q3).
EXACT = 9_007_199_254_740_991
MOST_SHOWN = 8
LONGEST_NAME = 64


class Absent(Enum):
    """What a reader gives where it has noted a fault."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT


class Reader:
    """Where the reading stands and what it has found wrong."""

    def __init__(self) -> None:
        self._place: list[str] = []
        self.faults: list[str] = []

    def fault(self, must: str) -> Absent:
        """Notes that the value here is not as declared."""
        pointer = "".join("/" + shown(step) for step in self._place) or "/"
        self.faults.append(f"`{pointer}` {must}")
        return ABSENT

    def within(self, step: str, kind: Kind, value: Any) -> Any:
        """Reads a value one step further in."""
        self._place.append(step)
        try:
            return kind.read(value, self)
        finally:
            self._place.pop()

    def fault_within(self, steps: list[str], must: str) -> None:
        """Notes a fault some steps further in."""
        self._place.extend(steps)
        self.fault(must)
        del self._place[len(self._place) - len(steps) :]

    def report(self) -> str:
        """Every fault in one line; empty where there was none."""
        if not self.faults:
            return ""
        text = "the arguments do not match the declaration: " + ", ".join(self.faults[:MOST_SHOWN])
        more = len(self.faults) - MOST_SHOWN
        if more > 0:
            text += f", and {more} more"
        return text + "; correct them and call again"


def shown(step: str) -> str:
    """A step of a pointer, fit for a message."""
    escaped = step.replace("~", "~0").replace("/", "~1")[:LONGEST_NAME]
    return "".join(sign if sign.isprintable() and sign != "`" else "?" for sign in escaped)


class Kind(abc.ABC):
    """An ADM type, and how its values become Python's."""

    type_name = ""

    def schema(self) -> dict[str, Any]:
        """The ADM schema."""
        return {"type": self.type_name}

    @abc.abstractmethod
    def read(self, value: Any, reader: Reader) -> Any:
        """The Python value, or `ABSENT` after the reader has been told each fault."""


class Text(Kind):
    """`str`."""

    type_name = "STRING"

    def read(self, value: Any, reader: Reader) -> Any:
        return value if isinstance(value, str) else reader.fault("must be a STRING")


class Truth(Kind):
    """`bool`."""

    type_name = "BOOLEAN"

    def read(self, value: Any, reader: Reader) -> Any:
        return value if isinstance(value, bool) else reader.fault("must be a BOOLEAN")


class Whole(Kind):
    """`int`: 64 bits, as in the data model."""

    type_name = "INTEGER"

    def read(self, value: Any, reader: Reader) -> Any:
        if isinstance(value, float) and value.is_integer() and abs(value) <= EXACT:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            return reader.fault("must be an INTEGER")
        return value if -(2**63) <= value < 2**63 else reader.fault("must fit 64 bits")


@dataclass
class Number(Kind):
    """`float`, or with `keep` whichever of `int` and `float` came."""

    keep: bool = False
    type_name = "NUMBER"

    def read(self, value: Any, reader: Reader) -> Any:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return reader.fault("must be a NUMBER")
        if self.keep:
            return value
        try:
            return float(value)
        except OverflowError:
            return reader.fault("must fit a 64-bit NUMBER")


@dataclass
class Choice(Kind):
    """`Literal` of texts, or an `Enum` of them: the Python value of each text."""

    values: Mapping[str, Any]
    description: str = ""
    type_name = "STRING"

    def schema(self) -> dict[str, Any]:
        return described({"type": "STRING", "enum": list(self.values)}, self.description)

    def read(self, value: Any, reader: Reader) -> Any:
        if isinstance(value, str) and value in self.values:
            return self.values[value]
        return reader.fault("must be one of `" + "`, `".join(self.values) + "`")


@dataclass
class Parsed(Kind):
    """A type whose values are written as text: dates, UUIDs, bytes, decimals."""

    parse: Callable[[str], Any]
    what: str
    type_name = "STRING"

    def schema(self) -> dict[str, Any]:
        return {"type": "STRING", "description": self.what[0].upper() + self.what[1:]}

    def read(self, value: Any, reader: Reader) -> Any:
        if not isinstance(value, str):
            return reader.fault(f"must be a STRING, {self.what}")
        try:
            return self.parse(value)
        except (ValueError, ArithmeticError):
            return reader.fault(f"must be {self.what}")


@dataclass
class Many(Kind):
    """`list[T]`."""

    item: Kind
    type_name = "ARRAY"

    def schema(self) -> dict[str, Any]:
        return {"type": "ARRAY", "items": self.item.schema()}

    def read(self, value: Any, reader: Reader) -> Any:
        if not isinstance(value, list):
            return reader.fault("must be an ARRAY")
        items = [reader.within(str(at), self.item, item) for at, item in enumerate(value)]
        return ABSENT if any(item is ABSENT for item in items) else items


@dataclass
class Free(Kind):
    """`dict[str, T]`: any keys; `None` for any values."""

    item: Kind | None = None
    type_name = "OBJECT"

    def read(self, value: Any, reader: Reader) -> Any:
        if not isinstance(value, dict):
            return reader.fault("must be an OBJECT")
        if self.item is None:
            return value
        entries = {key: reader.within(key, self.item, item) for key, item in value.items()}
        return ABSENT if any(item is ABSENT for item in entries.values()) else entries


@dataclass
class Described(Kind):
    """A type with words of its own."""

    inner: Kind
    description: str

    def schema(self) -> dict[str, Any]:
        return {**self.inner.schema(), "description": self.description}

    def read(self, value: Any, reader: Reader) -> Any:
        return self.inner.read(value, reader)


@dataclass
class Field:
    """A property of an OBJECT; what is not required is left out of what `build` gets where it is left out.

    Attributes:
        name: Its name on the wire.
        target: Its name in Python.
        kind: Its type.
        required: Whether it must be there.
    """

    name: str
    target: str
    kind: Kind
    required: bool


@dataclass
class Record(Kind):
    """An OBJECT with properties: parameters of a function, a dataclass, a TypedDict, a pydantic model."""

    fields: list[Field]
    build: Callable[[dict[str, Any]], Any] = field(default=lambda values: values)
    description: str = ""
    type_name = "OBJECT"

    def schema(self) -> dict[str, Any]:
        # `properties` is there even where it is empty: so unknown arguments are refused.
        schema: dict[str, Any] = {
            "type": "OBJECT",
            "properties": {one.name: one.kind.schema() for one in self.fields},
        }
        required = [one.name for one in self.fields if one.required]
        if required:
            schema["required"] = required
        return described(schema, self.description)

    def read(self, value: Any, reader: Reader) -> Any:
        if not isinstance(value, dict):
            return reader.fault("must be an OBJECT")
        before = len(reader.faults)
        values: dict[str, Any] = {}
        for one in self.fields:
            if one.name in value:
                values[one.target] = reader.within(one.name, one.kind, value[one.name])
            elif one.required:
                reader.fault_within([one.name], "is missing")
        known = {one.name for one in self.fields}
        for name in value:
            if name not in known:
                reader.fault_within([name], "is not declared")
        return ABSENT if len(reader.faults) > before else self._built(values, reader)

    def _built(self, values: dict[str, Any], reader: Reader) -> Any:
        try:
            return self.build(values)
        except pydantic.ValidationError as fault:
            for error in fault.errors(include_url=False, include_input=False, include_context=False):
                reader.fault_within([str(step) for step in error["loc"]], error["msg"])
        except (ValueError, TypeError) as fault:
            lines = str(fault).strip().splitlines() or ["no reason was given"]
            reader.fault(f"is not accepted: {lines[0]}")
        return ABSENT


def described(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """A schema with words, where there are some."""
    return {**schema, "description": text} if text else schema


def _moment(text: str) -> dt.datetime:
    # Before Python 3.11 `Z` is not understood.
    return dt.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as fault:
        raise ValueError(str(fault)) from None


def _decimal(text: str) -> decimal.Decimal:
    number = decimal.Decimal(text)
    if not number.is_finite():
        raise ValueError("not finite")
    return number


#: Types whose values are written as text (protocol 6.5).
AS_TEXT: dict[type, Parsed] = {
    dt.datetime: Parsed(_moment, "a date and time in ISO 8601, such as `2026-01-31T12:00:00Z`"),
    dt.date: Parsed(dt.date.fromisoformat, "a date in ISO 8601, such as `2026-01-31`"),
    uuid.UUID: Parsed(uuid.UUID, "a UUID"),
    bytes: Parsed(_bytes, "bytes in base64"),
    decimal.Decimal: Parsed(_decimal, "a decimal number as text"),
}

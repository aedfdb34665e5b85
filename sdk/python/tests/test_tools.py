"""`@tool` makes a declaration of a function, and JSON of what it answers."""

import dataclasses
import datetime as dt
import decimal
import enum
import json
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pydantic
import pytest

from altar_grid import ToolError, tool
from altar_grid.schema import ToolDefinitionError
from altar_grid.tools import caught, write_result


@tool
def add(a: int, b: int = 1) -> int:
    """Adds two whole numbers.

    Args:
        a: One number.
        b: The other.
    """
    return a + b


def test_a_tool_stays_callable_and_declares_itself() -> None:
    assert add(2, b=40) == 42
    assert add.declaration() == {
        "name": "add",
        "description": "Adds two whole numbers.",
        "parameters": {
            "type": "OBJECT",
            "properties": {
                "a": {"type": "INTEGER", "description": "One number."},
                "b": {"type": "INTEGER", "description": "The other."},
            },
            "required": ["a"],
        },
    }
    assert add.__doc__ is not None
    assert (add.__name__, add.is_async) == ("add", False)  # type: ignore[attr-defined]


def test_name_and_description_may_be_given() -> None:
    @tool(name="other-name", description="Does it.")
    async def function() -> None: ...

    assert (function.name, function.description, function.is_async) == ("other-name", "Does it.", True)


def test_a_method_of_an_object_is_a_tool_without_self() -> None:
    class Counter:
        def count(self, by: int) -> int:
            """Counts."""
            return by

    assert set(tool(Counter().count).parameters["properties"]) == {"by"}


def test_a_tool_must_say_what_it_does() -> None:
    def silent() -> None: ...

    with pytest.raises(ToolDefinitionError, match="docstring"):
        tool(silent)


@pytest.mark.parametrize("name", ["1st", "-a", "a b", "a" * 65, "ünder", "a\n"])
def test_names_are_those_of_the_data_model(name: str) -> None:
    with pytest.raises(ToolDefinitionError, match="name"):
        tool(name=name, description="x")(lambda: None)


def test_tools_that_yield_say_so_and_on_what_they_run() -> None:
    def pieces() -> Iterator[int]:
        """Counts."""
        yield 1

    async def more() -> AsyncIterator[int]:
        """Counts."""
        yield 1

    made = [tool(function) for function in (pieces, more)]
    assert [(each.yields, each.is_async) for each in made] == [(True, False), (True, True)]
    assert next(iter(pieces())) == 1


class Color(enum.Enum):
    RED = "red"


@dataclasses.dataclass
class Point:
    x: int
    color: Color


class Model(pydantic.BaseModel):
    at: dt.date
    name_: str = pydantic.Field("n", alias="name")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        ("ä", "ä"),
        (2**70, 2**70),
        ([1, 2.5, True], [1, 2.5, True]),
        ((1, 2), [1, 2]),
        (Point(1, Color.RED), {"x": 1, "color": "red"}),
        ([Model(at=dt.date(2026, 1, 31), name="n")], [{"at": "2026-01-31", "name": "n"}]),
        ({"at": dt.datetime(2026, 1, 31, tzinfo=dt.timezone.utc)}, {"at": "2026-01-31T00:00:00+00:00"}),
        (b"hi", "aGk="),
        (decimal.Decimal("1.10"), "1.10"),
        (uuid.UUID(int=0), str(uuid.UUID(int=0))),
    ],
)
def test_results_are_written_as_json(value: Any, written: Any) -> None:
    assert json.loads(write_result(value)) == written


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), float("inf"), "\ud800", {(1, 2): 3}, LOOP])
def test_what_is_no_json_is_an_error_of_the_tool(value: Any) -> None:
    with pytest.raises(ToolError) as fault:
        write_result(value)
    assert fault.value.kind == "SERIALIZATION_ERROR"


def test_of_an_exception_type_and_first_line_are_told_and_no_path() -> None:
    told = caught(ValueError("cannot read /srv/secret/key.pem: no\nTraceback: line 1"))
    assert (told.kind, told.message) == ("TOOL_EXECUTION_FAILED", "ValueError: cannot read (path hidden) no")
    assert caught(KeyError()).message == "KeyError"
    own = ToolError("RESOURCE_NOT_FOUND", "x" * 900)
    assert caught(own) is own
    assert len(own.message) == 500
    assert len(caught(ValueError("x" * 900)).message) == 500

"""Type hints become ADM schemas by the table in the protocol, section 6.5, and back into Python values."""

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Optional, Union

import pydantic
import pytest
from typing_extensions import NotRequired, TypedDict

from altar_grid import ToolError, tool
from altar_grid.schema import ToolDefinitionError


class Color(str, enum.Enum):
    """A color of paint."""

    RED = "red"
    DEEP_BLUE = "deep-blue"


@dataclasses.dataclass
class Point:
    """A place.

    Attributes:
        x: To the right.
    """

    x: float
    y: float = 0.0
    label: Optional[str] = None


class Size(TypedDict):
    width: int
    depth: NotRequired[int]


class Order(pydantic.BaseModel):
    number: str = pydantic.Field(description="As on the invoice.", min_length=2)
    color: Color = Color.RED
    places: list[Point] = []
    from_: str = pydantic.Field(default="here", alias="from")


@dataclasses.dataclass
class Knot:
    name: str
    inner: "Optional[Knot]" = None


def declared(hint: Any) -> dict[str, Any]:
    def function(value: Any) -> None:
        """Says nothing."""

    function.__annotations__["value"] = hint
    schema: dict[str, Any] = tool(function).parameters
    assert schema["type"] == "OBJECT"
    inner: dict[str, Any] = schema["properties"]["value"]
    return inner


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "STRING"}),
        (int, {"type": "INTEGER"}),
        (float, {"type": "NUMBER"}),
        (bool, {"type": "BOOLEAN"}),
        (Union[int, float], {"type": "NUMBER"}),
        (list[str], {"type": "ARRAY", "items": {"type": "STRING"}}),
        (Sequence[list[int]], {"type": "ARRAY", "items": {"type": "ARRAY", "items": {"type": "INTEGER"}}}),
        (dict, {"type": "OBJECT"}),
        (dict[str, int], {"type": "OBJECT"}),
        (Mapping[str, Any], {"type": "OBJECT"}),
        (Literal["a", "b"], {"type": "STRING", "enum": ["a", "b"]}),
        (Color, {"type": "STRING", "enum": ["red", "deep-blue"], "description": "A color of paint."}),
        (Annotated[int, "How many."], {"type": "INTEGER", "description": "How many."}),
        (
            Annotated[Optional[int], pydantic.Field(description="How many.")],
            {"type": "INTEGER", "description": "How many."},
        ),
        (Optional[Annotated[int, "How many."]], {"type": "INTEGER", "description": "How many."}),
        (
            Point,
            {
                "type": "OBJECT",
                "description": "A place.",
                "properties": {
                    "x": {"type": "NUMBER", "description": "To the right."},
                    "y": {"type": "NUMBER"},
                    "label": {"type": "STRING"},
                },
                "required": ["x"],
            },
        ),
        (
            Size,
            {
                "type": "OBJECT",
                "properties": {"width": {"type": "INTEGER"}, "depth": {"type": "INTEGER"}},
                "required": ["width"],
            },
        ),
    ],
)
def test_hints_become_schemas(hint: Any, schema: dict[str, Any]) -> None:
    assert declared(hint) == schema


def test_a_pydantic_model_becomes_an_object() -> None:
    schema = declared(Order)
    assert schema["required"] == ["number"]
    assert schema["properties"]["number"] == {"type": "STRING", "description": "As on the invoice."}
    assert schema["properties"]["places"]["items"]["required"] == ["x"]
    assert set(schema["properties"]) == {"number", "color", "places", "from"}


@pytest.mark.parametrize("hint", [dt.datetime, dt.date, uuid.UUID, bytes, decimal.Decimal])
def test_what_is_written_as_text_is_a_string_that_says_how(hint: Any) -> None:
    schema = declared(hint)
    assert schema["type"] == "STRING"
    assert schema["description"]


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (list, "list\\[str\\]"),
        (Any, "Any"),
        (object, "object"),
        (Union[int, str], "union"),
        (Union[int, str, None], "union"),
        (Literal[1, 2], "texts"),
        (enum.Enum("Level", {"LOW": 1}), "texts"),
        (dict[int, str], "keys"),
        (list[Optional[int]], "None"),
        (dict[str, Optional[int]], "None"),
        (set[int], "set"),
        (tuple[int, int], "tuple"),
        (complex, "complex"),
        (Knot, "contains itself"),
    ],
)
def test_what_has_no_adm_type_is_refused_with_the_name_of_the_parameter(hint: Any, said: str) -> None:
    with pytest.raises(ToolDefinitionError, match=f"the parameter `value`: .*{said}"):
        declared(hint)


def test_every_bad_parameter_is_named_at_once() -> None:
    def many(a, b: set[int], *rest: int, **more: int) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
        """Takes too much."""

    with pytest.raises(ToolDefinitionError) as caught:
        tool(many)
    for name in ("a", "b", "rest", "more"):
        assert f"the parameter `{name}`" in str(caught.value)


def test_a_hint_that_is_not_known_is_named() -> None:
    def lost(a: "Nowhere") -> None:  # type: ignore[name-defined] # noqa: F821
        """Says nothing."""

    with pytest.raises(ToolDefinitionError, match="`Nowhere`"):
        tool(lost)


def test_a_hint_that_stands_beside_the_function_is_found() -> None:
    @dataclasses.dataclass
    class Here:
        a: int

    @tool
    def near(here: "Here") -> int:
        """Reads it."""
        return here.a

    assert near.bind({"here": {"a": 1}}) == {"here": Here(1)}


def test_defaults_and_none_make_parameters_optional() -> None:
    @tool
    def function(a: int, b: Optional[int], c: int = 3, d: "int | None" = 4) -> None:
        """Says nothing."""

    assert function.parameters["required"] == ["a"]
    assert function.bind({"a": 1}) == {"a": 1, "b": None}
    assert function.bind({"a": 1, "b": 2, "d": 5}) == {"a": 1, "b": 2, "d": 5}


def test_a_function_without_parameters_takes_none() -> None:
    @tool
    def silent() -> None:
        """Says nothing."""

    assert silent.parameters == {"type": "OBJECT", "properties": {}}
    with pytest.raises(ToolError, match="`/a` is not declared"):
        silent.bind({"a": 1})


@tool
def everything(
    order: Order,
    size: Size,
    when: dt.datetime,
    day: dt.date,
    who: uuid.UUID,
    raw: bytes,
    price: decimal.Decimal,
    color: Color,
    words: Literal["a", "b"],
    ratio: float,
    either: Union[int, float],
    counts: dict[str, int],
    places: list[Point],
) -> None:
    """Takes everything."""


EVERYTHING = {
    "order": {"number": "A-17", "color": "deep-blue", "places": [{"x": 1}], "from": "there"},
    "size": {"width": 2},
    "when": "2026-01-31T12:00:00Z",
    "day": "2026-01-31",
    "who": "12345678-1234-5678-1234-567812345678",
    "raw": "aGk=",
    "price": "1.10",
    "color": "red",
    "words": "b",
    "ratio": 2,
    "either": 2,
    "counts": {"a": 1},
    "places": [{"x": 1.5, "y": 2, "label": "here"}, {"x": 0}],
}


def test_values_become_what_the_hints_say() -> None:
    values = everything.bind(EVERYTHING)
    order = values["order"]
    assert (order.number, order.color, order.from_) == ("A-17", Color.DEEP_BLUE, "there")
    assert order.places == [Point(1.0)]
    assert values["size"] == {"width": 2}
    assert values["when"] == dt.datetime(2026, 1, 31, 12, tzinfo=dt.timezone.utc)
    assert values["day"] == dt.date(2026, 1, 31)
    assert values["who"] == uuid.UUID(int=0x12345678123456781234567812345678)
    assert (values["raw"], values["price"], values["color"]) == (b"hi", decimal.Decimal("1.10"), Color.RED)
    assert isinstance(values["ratio"], float)
    assert isinstance(values["either"], int)
    assert values["places"] == [Point(1.5, 2.0, "here"), Point(0.0)]


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("order", 1, "`/order` must be an OBJECT"),
        ("order", {"number": "A"}, "`/order/number` String should have at least 2 characters"),
        ("order", {"number": "A-1", "places": [{"x": "1"}]}, "`/order/places/0/x` must be a NUMBER"),
        ("order", {"number": "A-1", "extra": 1}, "`/order/extra` is not declared"),
        ("size", {}, "`/size/width` is missing"),
        ("size", {"width": True}, "`/size/width` must be an INTEGER"),
        ("size", {"width": 1.5}, "`/size/width` must be an INTEGER"),
        ("size", {"width": 2**63}, "`/size/width` must fit 64 bits"),
        ("size", None, "`/size` must be an OBJECT"),
        ("when", "yesterday", "`/when` must be a date and time"),
        ("raw", "???", "`/raw` must be bytes in base64"),
        ("price", "NaN", "`/price` must be a decimal number"),
        ("color", "green", "`/color` must be one of `red`, `deep-blue`"),
        ("words", 1, "`/words` must be one of `a`, `b`"),
        ("ratio", True, "`/ratio` must be a NUMBER"),
        ("ratio", 10**400, "`/ratio` must fit a 64-bit NUMBER"),
        ("counts", {"a": "1"}, "`/counts/a` must be an INTEGER"),
        ("places", {}, "`/places` must be an ARRAY"),
    ],
)
def test_wrong_values_are_named_by_their_place_and_not_shown(name: str, value: Any, fault: str) -> None:
    with pytest.raises(ToolError) as caught:
        everything.bind({**EVERYTHING, name: value})
    assert caught.value.kind == "PARAMETER_VALIDATION_FAILED"
    assert fault in caught.value.message
    assert "yesterday" not in caught.value.message


def test_whole_numbers_may_be_written_with_a_point() -> None:
    assert everything.bind({**EVERYTHING, "size": {"width": 2.0}})["size"] == {"width": 2}


def test_many_faults_are_counted() -> None:
    with pytest.raises(ToolError, match="and 5 more") as caught:
        everything.bind({})
    assert caught.value.message.count("is missing") == 8


@pytest.mark.parametrize("text", ["{", '{"a": 1, "a": 2}', '{"a": NaN}', "[" * 100_000, '"a"', "9" * 5000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ToolError) as caught:
        everything.read_args(text)
    assert caught.value.kind == "PARAMETER_VALIDATION_FAILED"

"""What the vectors cannot say: Python values, models made by hand, bounds."""

import copy
import json
import math
import pickle
import random
from typing import Any

import pytest
from pydantic import ValidationError

from altar_grid.adm import (
    DATA,
    AdmError,
    ArgumentChecker,
    Decimal64,
    FunctionCall,
    FunctionDeclaration,
    JsonFault,
    Limits,
    Schema,
    SchemaType,
    ToolResult,
    canonical,
    parse,
    to_text,
)
from altar_grid.adm import reader as reader_module
from altar_grid.adm.canonical import es_number

OPEN = Schema(type=SchemaType.OBJECT)


def test_numbers_keep_their_token() -> None:
    text = '{"a":1.50,"b":9007199254740993,"c":1E400e}'.replace("1E400e", "-1e-400")
    value = parse(text)
    assert to_text(value) == text
    for other in (copy.deepcopy(value["a"]), pickle.loads(pickle.dumps(value["a"]))):
        assert isinstance(other, Decimal64)
        assert other.token == "1.50"


def test_es_number_leads_back_to_the_double() -> None:
    chance = random.Random(7)
    for _ in range(5000):
        double = chance.uniform(-1, 1) * 10.0 ** chance.randrange(-320, 308)
        text = es_number(double)
        assert float(text) == double
        exponent = math.floor(math.log10(abs(double))) if double else 0
        assert ("e" in text) == (exponent >= 21 or exponent < -6) or double == 0, text


@pytest.mark.parametrize(
    ("value", "pointer"),
    [
        (math.nan, ""),
        ({"a": [1, math.inf]}, "/a/1"),
        ({1: 2}, ""),
        ({"a": {"b": {1, 2}}}, "/a/b"),
        (b"bytes", ""),
        ([10**400], "/0"),
        ("\ud800", ""),
        (object(), ""),
    ],
)
def test_what_has_no_json_form_is_refused_by_its_place(value: Any, pointer: str) -> None:
    with pytest.raises(AdmError) as refused:
        canonical(value)
    assert refused.value.problems[0].pointer == pointer
    assert "1e400" not in str(refused.value)


def test_a_value_that_holds_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(AdmError):
        canonical(loop)


def test_bounds_of_reading() -> None:
    assert parse("[1,2]", Limits(1, 3)) == [1, 2]
    for text, rule in (("[1,2,3]", "json.nodes"), ("[[1]]", "json.depth")):
        with pytest.raises(JsonFault) as refused:
            parse(text, Limits(1, 3))
        assert refused.value.rule == rule
    with pytest.raises(JsonFault) as deep:
        parse("[" * 100_000, DATA)
    assert deep.value.rule == "json.depth"


def test_the_quick_reader_takes_what_the_careful_one_takes() -> None:
    chance = random.Random(3)
    alphabet = '[]{}",:0-9eE.+\\u00d8 \n untrflase'
    taken = 0
    for _ in range(20_000):
        text = "".join(chance.choice(alphabet) for _ in range(chance.randrange(1, 9)))
        try:
            expected = reader_module._carefully(text, DATA)
            taken += 1
        except JsonFault as fault:
            with pytest.raises(JsonFault) as refused:
                parse(text)
            found, wanted = refused.value, fault
        else:
            assert parse(text) == expected
            continue
        assert (found.rule, found.offset) == (wanted.rule, wanted.offset)
    assert taken > 500


def test_unknown_fields_survive_a_round_trip() -> None:
    text = (
        '{"name":"f","description":"d","parameters":{"type":"OBJECT","properties":{"n":{"type":"INTEGER","minimum":1.50}},'
        '"x_a":null},"json":true,"model_dump":[1]}'
    )
    assert FunctionDeclaration.read(text).to_text() == text


def test_a_model_made_by_hand_follows_the_rules() -> None:
    with pytest.raises(ValidationError, match=r"schema\.items-required"):
        Schema(type=SchemaType.ARRAY)
    with pytest.raises(ValidationError, match=r"parameters\.root-object"):
        FunctionDeclaration(name="f", description="d", parameters=Schema(type=SchemaType.STRING))
    with pytest.raises(ValidationError, match="call-id"):
        FunctionCall(call_id="", name="f", args={})
    assert Schema(type=SchemaType.STRING, description=None).to_text() == '{"type":"STRING"}'


def test_null_is_content_and_no_content_is_none() -> None:
    call = FunctionCall(call_id="1", name="f", args={})
    assert ToolResult.success(call, None).to_text() == '{"call_id":"1","name":"f","status":"SUCCESS","content":null}'
    with pytest.raises(AdmError):
        ToolResult.success(call, math.nan)
    assert ToolResult.read(ToolResult.failure(call, "no", "BAD").to_text()).ok is False


def test_args_digest_knows_no_order_and_no_form_of_numbers() -> None:
    one = FunctionCall.read('{"call_id":"1","name":"f","args":{"b":1.0,"a":1e3}}')
    other = FunctionCall.read('{"call_id":"2","name":"f","args":{"a":1000,"b":1}}')
    assert one.args_digest() == other.args_digest()


def test_messages_hold_no_argument() -> None:
    checker = ArgumentChecker({"type": "OBJECT", "properties": {"p": {"type": "STRING", "enum": ["a"]}}})
    for args in ({"p": "hunter2"}, {"p": {"k": "hunter2"}}):
        assert all("hunter2" not in str(problem) for problem in checker.check(args))


def test_a_hostile_value_does_not_make_its_report_large() -> None:
    checker = ArgumentChecker({"type": "OBJECT", "properties": {}})
    problems = checker.check({f"k{at}": 1 for at in range(50_000)})
    assert len(problems) == 1001
    assert problems[-1].rule == "problems.truncated"


def test_a_schema_that_was_built_deep_is_refused_and_not_followed() -> None:
    schema: dict[str, Any] = {"type": "STRING"}
    for _ in range(200):
        schema = {"type": "ARRAY", "items": schema}
    with pytest.raises(AdmError, match=r"schema\.depth"):
        ArgumentChecker(schema)
    looped: dict[str, Any] = {"type": "ARRAY"}
    looped["items"] = looped
    with pytest.raises(AdmError):
        ArgumentChecker(looped)


def test_json_of_the_standard_library_agrees_where_both_take_a_text() -> None:
    text = json.dumps({"k": [1, 2.5, "é", None, True], "😀": {}})
    assert parse(text) == json.loads(text)
    assert OPEN.to_value() == {"type": "OBJECT"}

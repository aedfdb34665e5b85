"""Checking of arguments against a contract's parameters: the same verdicts, rules and places as the host's."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from altar_grid.adm.problem import AdmError, Problem, Problems, quoted, step
from altar_grid.adm.reader import Decimal64, JsonValue
from altar_grid.adm.rules import check, kind_of

ExtraArgs = Literal["reject", "ignore", "pass"]
"""What becomes of arguments that are not declared. It concerns the root if it has `properties`, even empty ones, and
every nested object that declares some; all other objects are free-form and take any member."""

_EXACT: Final = 2**53 - 1
_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**63 - 1

_Schema = Mapping[str, Any]


def adm_integer(value: JsonValue) -> int | None:
    """The INTEGER that a value stands for: `1`, and within 2^53 also `1.0` and `1e3`; `None` where it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if _LOWEST <= value <= _HIGHEST else None
    if not isinstance(value, float) or abs(value) > _EXACT or not value.is_integer():
        return None
    if isinstance(value, Decimal64) and not _is_whole(value.token):
        return None
    return int(value)


def _is_whole(token: str) -> bool:
    """By the token's digits, which may say more than the double: `1.00000000000000000001` is not whole."""
    mantissa, _, exponent = token.lower().partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = fraction.rstrip("0")
    digits = whole.lstrip("-")
    if not fraction and not digits.strip("0"):
        return True
    if len(exponent) > 20:
        return not exponent.startswith("-")
    zeros = len(digits) - len(digits.rstrip("0")) if not fraction else 0
    return int(exponent or 0) + zeros >= len(fraction)


class ArgumentChecker:
    """Checks arguments of one contract. Make one of a contract, use it for each call; threads may share it."""

    def __init__(self, schema: JsonValue, extra: ExtraArgs = "reject") -> None:
        """Takes the parameters of a contract.

        Args:
            schema: an ADM Schema as a JSON value, or a `Schema`.
            extra: what becomes of undeclared arguments.

        Raises:
            AdmError: every rule of schemas that it breaks.
        """
        value = schema.to_value() if hasattr(schema, "to_value") else schema
        errors = [problem for problem in check("schema", value) if problem.is_error]
        if errors:
            raise AdmError(errors)
        self._schema: _Schema = value
        self._extra: ExtraArgs = extra

    def check(self, arguments: JsonValue) -> list[Problem]:
        """Every violation; of a missing argument, at the object that lacks it. Empty where the arguments fit."""
        problems = Problems()
        self._visit(self._schema, arguments, [], problems)
        return problems.finish()

    def prepare(self, arguments: JsonValue) -> JsonValue:
        """The arguments to hand on: INTEGERs that were written as `1.0` or `1e3` become `int`, and with `ignore`
        undeclared ones are gone. Expects arguments that `check` has accepted.
        """
        return self._rewrite(self._schema, arguments, root=True)

    def _visit(self, schema: _Schema, value: JsonValue, path: list[str | int], problems: Problems) -> None:
        kind = schema["type"]
        if not _fits(kind, value):
            problems.add(_wrong_type(_pointer(path), kind, value))
        elif kind == "STRING" and "enum" in schema and value not in schema["enum"]:
            words = f"expected one of {len(schema['enum'])} allowed values, found another; see the contract"
            problems.add(Problem(_pointer(path), "arguments.enum", words))
        elif kind == "ARRAY":
            for at, item in enumerate(value):
                path.append(at)
                self._visit(schema["items"], item, path, problems)
                path.pop()
        elif kind == "OBJECT":
            self._visit_object(schema, value, path, problems)

    def _visit_object(
        self, schema: _Schema, value: Mapping[str, Any], path: list[str | int], problems: Problems
    ) -> None:
        for name in schema.get("required", ()):
            if name not in value:
                words = f"required argument {quoted(name)} is missing; add it"
                problems.add(Problem(_pointer(path), "arguments.required", words))
        declared = schema.get("properties", {})
        closed = self._extra == "reject" and _is_closed(schema, root=not path)
        for key, item in value.items():
            path.append(key)
            if key in declared:
                self._visit(declared[key], item, path, problems)
            elif closed:
                words = f"argument {quoted(key)} is not declared; remove it"
                problems.add(Problem(_pointer(path), "arguments.undeclared", words))
            path.pop()

    def _rewrite(self, schema: _Schema, value: JsonValue, *, root: bool) -> JsonValue:
        kind = schema["type"]
        if kind == "INTEGER":
            whole = adm_integer(value)
            return value if whole is None else whole
        if kind == "ARRAY" and isinstance(value, (list, tuple)):
            return [self._rewrite(schema["items"], item, root=False) for item in value]
        if kind == "OBJECT" and isinstance(value, Mapping):
            declared = schema.get("properties", {})
            strip = self._extra == "ignore" and _is_closed(schema, root=root)
            return {
                key: self._rewrite(declared[key], item, root=False) if key in declared else item
                for key, item in value.items()
                if key in declared or not strip
            }
        return value


def _is_closed(schema: _Schema, *, root: bool) -> bool:
    return "properties" in schema and (root or bool(schema["properties"]))


def _fits(kind: str, value: JsonValue) -> bool:
    if kind == "INTEGER":
        return adm_integer(value) is not None
    if kind == "BOOLEAN":
        return isinstance(value, bool)
    if kind == "NUMBER":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    types = {"STRING": (str,), "ARRAY": (list, tuple), "OBJECT": (dict,)}
    return isinstance(value, types[kind])


def _pointer(path: list[str | int]) -> str:
    return "".join(map(step, path))


def _wrong_type(pointer: str, kind: str, value: JsonValue) -> Problem:
    expected, remedy = kind, "send this type, nothing is converted"
    if kind == "INTEGER" and isinstance(value, int) and not isinstance(value, bool):
        expected, remedy = f"INTEGER from {_LOWEST} to {_HIGHEST}", "send a number in this range"
    elif kind == "INTEGER" and isinstance(value, float):
        remedy = "send a whole number, without fraction and exponent"
    elif value is None:
        remedy = "send a value or leave the argument out"
    return Problem(pointer, "arguments.type", f"expected {expected}, found {kind_of(value)}; {remedy}")

"""JSON Schema, as other libraries write it, to and from ADM schemas.

ADM has six types and five keywords. What JSON Schema says beyond them is kept as an unknown keyword where it only
narrows a value (`minimum`, `pattern`, `format`, `default`), and refused, with the parameter's name, where a value of
another kind would be meant (unions, tuples, references that lead in a circle, anything at all).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from altar_grid.adm import AdmError, Schema
from altar_grid.errors import SettingError

_TYPES: Final = {
    "string": "STRING",
    "number": "NUMBER",
    "integer": "INTEGER",
    "boolean": "BOOLEAN",
    "array": "ARRAY",
    "object": "OBJECT",
}
_NAMES: Final = {adm: plain for plain, adm in _TYPES.items()}
_OWN: Final = ("type", "description", "properties", "required", "items", "enum")
_DEFINITIONS: Final = ("$defs", "definitions")
#: Keywords by which a value of another kind is meant; ADM cannot say that, and must not gain it on the way out.
_STRUCTURAL: Final = (
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "dependentRequired",
    "patternProperties",
    "propertyNames",
    "prefixItems",
    "contains",
    "unevaluatedProperties",
    "unevaluatedItems",
    "$dynamicRef",
    "$recursiveRef",
)
_FOREIGN: Final = (*_STRUCTURAL, "$ref", "anyOf", "allOf", "const", *_DEFINITIONS)


class AdapterError(SettingError):
    """Something that has no counterpart on the other side; `parameter` says where, such as `order.lines[].price`."""

    def __init__(self, message: str, *, tool: str = "", parameter: str = "") -> None:
        place = f"parameter `{parameter}`" if parameter else "its parameters as a whole"
        super().__init__(f"`{tool}` cannot be taken over: {place}: {message}" if tool else message, unsent=True)
        self.tool, self.parameter = tool, parameter


def from_json_schema(schema: Mapping[str, Any], *, tool: str) -> Schema:
    """The ADM schema of a function's parameters.

    Optional types (`["string", "null"]`, `anyOf` with null) become parameters that may be left out; references into
    `$defs` are written out.

    Raises:
        AdapterError: With the parameter's name, where something has no counterpart.
    """
    reader = _Reader(tool, schema)
    value, _ = reader.read(schema, [], ())
    if value["type"] != "OBJECT":
        raise AdapterError("the root must be an object", tool=tool)
    try:
        return Schema.from_value(value)
    except AdmError as fault:
        raise AdapterError(str(fault), tool=tool) from None


class _Reader:
    def __init__(self, tool: str, root: Mapping[str, Any]) -> None:
        self._tool, self._root = tool, root

    def _refuse(self, path: list[str], message: str) -> AdapterError:
        return AdapterError(message, tool=self._tool, parameter="".join(path).lstrip("."))

    def read(self, schema: Any, path: list[str], seen: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
        """The ADM value, and whether null was allowed beside it."""
        if not isinstance(schema, Mapping):
            raise self._refuse(path, "it takes any value or none; say its type")
        schema, seen = self._resolved(schema, path, seen)
        schema, nullable = self._without_null(schema, path)
        if "$ref" in schema or "anyOf" in schema or "allOf" in schema:
            inner, more = self.read(schema, path, seen)
            return inner, nullable or more
        for keyword in _STRUCTURAL:
            if keyword in schema:
                raise self._refuse(path, f"`{keyword}` has no counterpart; declare one type")
        kind = self._kind(schema, path)
        value: dict[str, Any] = {"type": kind}
        if isinstance(schema.get("description"), str) and schema["description"].strip():
            value["description"] = schema["description"]
        if kind == "OBJECT":
            self._object(schema, value, path, seen)
        elif kind == "ARRAY":
            self._array(schema, value, path, seen)
        elif "enum" in schema or "const" in schema:
            self._enum(schema, value, path)
        kept = {key: each for key, each in schema.items() if key not in (*_OWN, *_FOREIGN)}
        if kind == "OBJECT" and kept.get("additionalProperties") is False and "properties" in value:
            # ADM says the same of every object that declares members.
            del kept["additionalProperties"]
        return {**value, **kept}, nullable

    def _resolved(
        self, schema: Mapping[str, Any], path: list[str], seen: tuple[str, ...]
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Without `$ref`, and without an `allOf` of one part."""
        while "$ref" in schema or "allOf" in schema:
            beside = {key: each for key, each in schema.items() if key not in ("$ref", "allOf")}
            if "$ref" in schema:
                name = schema["$ref"]
                if name in seen:
                    raise self._refuse(path, "it contains itself; ADM has no recursive types")
                seen = (*seen, name)
                target = self._target(name, path)
            else:
                parts = schema["allOf"]
                if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], Mapping):
                    raise self._refuse(path, "`allOf` of several parts has no counterpart; declare one type")
                target = parts[0]
            schema = {**target, **beside}
        return schema, seen

    def _target(self, name: Any, path: list[str]) -> Mapping[str, Any]:
        if isinstance(name, str):
            for where in _DEFINITIONS:
                own = name.removeprefix(f"#/{where}/")
                found = self._root.get(where, {})
                if own != name and isinstance(found, Mapping) and isinstance(found.get(own), Mapping):
                    return dict(found[own])
        raise self._refuse(path, f"the reference `{name}` leads nowhere in this schema")

    def _without_null(self, schema: Mapping[str, Any], path: list[str]) -> tuple[Mapping[str, Any], bool]:
        if isinstance(schema.get("type"), list):
            kinds = [kind for kind in schema["type"] if kind != "null"]
            if len(kinds) != 1:
                raise self._refuse(path, f"it takes several types ({', '.join(map(str, kinds))}); declare one")
            enum = {"enum": [each for each in schema["enum"] if each is not None]} if "enum" in schema else {}
            return self._no_default({**schema, **enum, "type": kinds[0]}), len(kinds) < len(schema["type"])
        if "anyOf" not in schema:
            return schema, False
        options = schema["anyOf"] if isinstance(schema["anyOf"], list) else []
        others = [each for each in options if not (isinstance(each, Mapping) and each.get("type") == "null")]
        nullable = len(others) < len(options)
        beside = {key: each for key, each in schema.items() if key != "anyOf"}
        if len(others) > 1 and {str(dict(each)) for each in others} == {"{'type': 'integer'}", "{'type': 'number'}"}:
            others = [{"type": "number"}]
        if len(others) != 1 or not isinstance(others[0], Mapping):
            raise self._refuse(path, "it takes several types (`anyOf`); declare one")
        return self._no_default({**others[0], **beside}), nullable

    def _no_default(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Without a default of null: what may be left out needs no word for nothing."""
        if "default" in schema and schema["default"] is None:
            del schema["default"]
        return schema

    def _kind(self, schema: Mapping[str, Any], path: list[str]) -> str:
        kind = schema.get("type")
        if kind is None:
            if "properties" in schema:
                return "OBJECT"
            if "enum" in schema or "const" in schema:
                return "STRING"
            raise self._refuse(path, "it takes any value; say its type")
        if not isinstance(kind, str) or kind not in _TYPES:
            raise self._refuse(path, f"the type `{kind}` has no counterpart; use one of {', '.join(_TYPES)}")
        return _TYPES[kind]

    def _object(self, schema: Mapping[str, Any], value: dict[str, Any], path: list[str], seen: tuple[str, ...]) -> None:
        properties = schema.get("properties")
        if properties is None:
            return
        if not isinstance(properties, Mapping):
            raise self._refuse(path, "its `properties` are no object")
        optional: set[str] = set()
        members: dict[str, Any] = {}
        for name, each in properties.items():
            members[name], nullable = self.read(each, [*path, f".{name}"], seen)
            if nullable:
                optional.add(name)
        value["properties"] = members
        required = [name for name in schema.get("required", ()) if name not in optional]
        for name in required:
            if name not in members:
                raise self._refuse([*path, f".{name}"], "it is required and not declared")
        if required:
            value["required"] = required

    def _array(self, schema: Mapping[str, Any], value: dict[str, Any], path: list[str], seen: tuple[str, ...]) -> None:
        if not isinstance(schema.get("items"), Mapping):
            raise self._refuse(path, "it is a list of anything, or a tuple; say what its elements are")
        value["items"], nullable = self.read(schema["items"], [*path, "[]"], seen)
        if nullable:
            raise self._refuse([*path, "[]"], "its elements may be null; ADM has no null among declared values")

    def _enum(self, schema: Mapping[str, Any], value: dict[str, Any], path: list[str]) -> None:
        values = schema["enum"] if "enum" in schema else [schema["const"]]
        if value["type"] != "STRING" or not all(isinstance(each, str) for each in values):
            raise self._refuse(path, "it lists values that are no text; ADM lists texts only")
        value["enum"] = list(dict.fromkeys(values))


def to_json_schema(schema: Schema, *, tool: str) -> dict[str, Any]:
    """The JSON Schema of a function's parameters. Objects that declare members take no others, as in ADM.

    Raises:
        AdapterError: Where an unknown keyword would get a meaning on the other side.
    """
    return _write(schema.to_value(), [], tool, root=True)


def _write(value: Mapping[str, Any], path: list[str], tool: str, *, root: bool = False) -> dict[str, Any]:
    for keyword in _FOREIGN:
        if keyword in value:
            words = f"`{keyword}` has no effect in ADM and would have one in JSON Schema"
            raise AdapterError(words, tool=tool, parameter="".join(path).lstrip("."))
    written = {key: each for key, each in value.items() if key not in _OWN}
    written["type"] = _NAMES[value["type"]]
    for key in ("description", "enum", "required"):
        if key in value:
            written[key] = value[key]
    if "items" in value:
        written["items"] = _write(value["items"], [*path, "[]"], tool)
    if "properties" in value:
        properties = value["properties"]
        written["properties"] = {name: _write(each, [*path, f".{name}"], tool) for name, each in properties.items()}
        if properties or root:
            written.setdefault("additionalProperties", False)
    elif root:
        written["properties"] = {}
        written.setdefault("additionalProperties", True)
    return written

"""Rules of schemas, declarations, tools, contracts and manifests."""

from typing import Any

from altar_grid.adm import limits
from altar_grid.adm.canonical import to_text
from altar_grid.adm.problem import AdmError, quoted
from altar_grid.adm.reader import JsonValue
from altar_grid.adm.rules import NAME, Map, Reader, description, is_blank, name, version

TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")
_TYPES_WORDS = "STRING, NUMBER, INTEGER, BOOLEAN, ARRAY or OBJECT"
_LATER = ("DATETIME", "BINARY", "REFERENCE", "UNION", "TUPLE")
_OWNERS = (("properties", "OBJECT"), ("required", "OBJECT"), ("items", "ARRAY"), ("enum", "STRING"))


def schema(reader: Reader, value: JsonValue) -> None:
    """A parameter schema. Its bounds come first, without recursion: nothing meets one that it was not made for."""
    if _within_bounds(reader, value):
        _subschema(reader, value)


def _within_bounds(reader: Reader, root: JsonValue) -> bool:
    deepest, count = 0, 0
    open_ = [(root, 1)]
    while open_:
        value, level = open_.pop()
        deepest, count = max(deepest, level), count + 1
        if level > limits.DEEPEST:
            break
        if isinstance(value, dict):
            if "items" in value:
                open_.append((value["items"], level + 1))
            properties = value.get("properties")
            if isinstance(properties, dict):
                open_.extend((property_, level + 1) for property_ in properties.values())
    kept = True
    bounds = [
        ("schema.depth", deepest, limits.SCHEMA_LEVELS, "levels", "flatten it"),
        ("schema.count", count, limits.SUBSCHEMAS, "schemas", "declare fewer properties"),
        ("schema.bytes", _size(reader, root), limits.SCHEMA_BYTES, "bytes", "shorten it"),
    ]
    for rule, is_, most, unit, remedy in bounds:
        if is_ > most:
            reader.say(rule, f"the schema has {is_} {unit}, at most {most} are taken; {remedy}")
            kept = False
    return kept


def _size(reader: Reader, root: JsonValue) -> int:
    try:
        return len(to_text(root).encode("utf-8"))
    except AdmError as error:
        for problem in error.problems:
            reader.say(problem.rule, problem.message)
        return 0


def _subschema(reader: Reader, value: JsonValue) -> None:
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "type", _type)
    reader.optional(value, "description", _schema_description)
    reader.optional(value, "properties", _properties)
    reader.optional(value, "required", lambda reader, names: reader.each(names, _text))
    reader.optional(value, "items", _subschema)
    reader.optional(value, "enum", _enumeration)
    if isinstance(value.get("required"), (list, tuple)):
        _check_required(reader, value)
    if value.get("type") in TYPES:
        _check_places(reader, value, value["type"])
    reader.unknown(value, "type", "description", "properties", "required", "items", "enum")


def _type(reader: Reader, value: JsonValue) -> None:
    if not reader.is_a(str, "string", value) or value in TYPES:
        return
    if value.upper() in TYPES:
        remedy = f"write it `{value.upper()}`"
    elif value.upper() in _LATER:
        remedy = f"it is kept for later versions, use {_TYPES_WORDS}"
    else:
        remedy = f"use {_TYPES_WORDS}"
    reader.say("schema.type", f"type {quoted(value)} is not known; {remedy}")


def _schema_description(reader: Reader, value: JsonValue) -> None:
    if reader.is_a(str, "string", value) and is_blank(value):
        reader.warn("schema.description-empty", "description is blank; write one or leave it out")


def _properties(reader: Reader, value: JsonValue) -> None:
    if reader.is_a(dict, "object", value):
        for key, property_ in value.items():
            with reader.at(key):
                _subschema(reader, property_)


def _text(reader: Reader, value: JsonValue) -> None:
    reader.is_a(str, "string", value)


def _enumeration(reader: Reader, value: JsonValue) -> None:
    if isinstance(value, (list, tuple)) and not value:
        reader.say("schema.enum-empty", "enum has no values; list at least one or leave it out")
    reader.each(value, _text)
    first: dict[str, int] = {}
    for at, text in enumerate(value if isinstance(value, (list, tuple)) else ()):
        if not isinstance(text, str):
            continue
        if text in first:
            with reader.at(at):
                words = f"enum has {quoted(text)} twice, first at {first[text]}; remove one"
                reader.say("schema.enum-duplicate", words)
        first[text] = at


def _check_required(reader: Reader, map_: Map) -> None:
    properties = map_.get("properties")
    declared: dict[str, Any] = properties if isinstance(properties, dict) else {}
    seen: set[str] = set()
    with reader.at("required"):
        for at, text in enumerate(map_["required"]):
            if not isinstance(text, str):
                continue
            with reader.at(at):
                if text in seen:
                    reader.say("schema.required-duplicate", f"required names {quoted(text)} twice; remove one")
                if text not in declared:
                    words = f"required names {quoted(text)}, which is no property; declare it or remove it"
                    reader.say("schema.required-undeclared", words)
            seen.add(text)


def _check_places(reader: Reader, map_: Map, kind: str) -> None:
    for keyword, owner in _OWNERS:
        if kind != owner and keyword in map_:
            with reader.at(keyword):
                words = f"`{keyword}` belongs to {owner}, the type is {kind}; remove it or change the type"
                reader.say(f"schema.{keyword}-misplaced", words)
    if kind == "ARRAY" and "items" not in map_:
        reader.say("schema.items-required", "ARRAY without `items`; add the schema of its elements")


def _parameters(reader: Reader, value: JsonValue) -> None:
    schema(reader, value)
    if isinstance(value, dict) and value.get("type") in TYPES and value["type"] != "OBJECT":
        words = f"root of parameters is {value['type']}; make it OBJECT with the arguments as properties"
        reader.say("parameters.root-object", words)


def function_declaration(reader: Reader, value: JsonValue) -> None:
    """One callable function."""
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "name", name)
    reader.required(value, "description", description)
    reader.required(value, "parameters", _parameters)
    reader.unknown(value, "name", "description", "parameters")


def _declarations(reader: Reader, value: JsonValue, names: set[str]) -> None:
    if isinstance(value, (list, tuple)) and not value:
        reader.say("declarations.empty", "no functions are declared; declare at least one")

    def one(reader: Reader, item: JsonValue) -> None:
        own = item.get("name") if isinstance(item, dict) else None
        if isinstance(own, str):
            if own in names:
                with reader.at("name"):
                    words = f"function {quoted(own)} is declared twice; rename one or remove it"
                    reader.say("name.duplicate", words)
            names.add(own)
        function_declaration(reader, item)

    reader.each(value, one)


def tool(reader: Reader, value: JsonValue) -> None:
    """A set of functions."""
    if not reader.is_a(dict, "object", value):
        return
    names: set[str] = set()
    reader.required(value, "function_declarations", lambda reader, list_: _declarations(reader, list_, names))
    reader.unknown(value, "function_declarations")


def tool_contract(reader: Reader, value: JsonValue) -> None:
    """A named group of functions."""
    _contract(reader, value, set())


def _contract(reader: Reader, value: JsonValue, functions: set[str]) -> None:
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "name", _contract_name)
    reader.optional(value, "description", lambda reader, text: description(reader, text, "warning"))
    reader.required(value, "function_declarations", lambda reader, list_: _declarations(reader, list_, functions))
    reader.unknown(value, "name", "description", "function_declarations")


def _contract_name(reader: Reader, value: JsonValue) -> None:
    if not reader.is_a(str, "string", value):
        return
    if is_blank(value):
        reader.say("contract.name-empty", "the contract's name is blank; name it")
    elif not NAME.fullmatch(value):
        words = f"contract name {quoted(value)} is off the pattern of function names"
        reader.warn("contract.name-pattern", words)


def tool_manifest(reader: Reader, value: JsonValue) -> None:
    """What an operator lets be called. Names of contracts and of functions are unique over all of it."""
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "manifest_version", version)
    reader.required(value, "contracts", _contracts)
    reader.optional(value, "global_metadata", _metadata)
    reader.unknown(value, "manifest_version", "contracts", "global_metadata")


def _contracts(reader: Reader, value: JsonValue) -> None:
    if isinstance(value, (list, tuple)) and not value:
        reader.say("manifest.contracts-empty", "the manifest has no contracts; add at least one")
    names: set[str] = set()
    functions: set[str] = set()

    def one(reader: Reader, item: JsonValue) -> None:
        own = item.get("name") if isinstance(item, dict) else None
        if isinstance(own, str):
            if own in names:
                with reader.at("name"):
                    words = f"contract {quoted(own)} comes twice; rename one or remove it"
                    reader.say("contract.name-duplicate", words)
            names.add(own)
        _contract(reader, item, functions)

    reader.each(value, one)


def _metadata(reader: Reader, value: JsonValue) -> None:
    if reader.is_a(dict, "object", value):
        for key, text in value.items():
            with reader.at(key):
                if not key:
                    reader.say("metadata.key-empty", "a metadata key is empty; name it")
                reader.is_a(str, "string", text)

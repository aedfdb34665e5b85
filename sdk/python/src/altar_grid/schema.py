"""Makes ADM schemas of type hints, by the table in the protocol, section 6.5. What cannot be declared is refused with
the parameter's name and what to write instead."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import inspect
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin

import pydantic
import typing_extensions
from pydantic.fields import FieldInfo

from altar_grid import docstrings
from altar_grid._kinds import (
    AS_TEXT,
    Choice,
    Described,
    Field,
    Free,
    Kind,
    Many,
    Number,
    Record,
    Text,
    Truth,
    Whole,
)
from altar_grid.errors import SettingError

_PLAIN: dict[Any, Callable[[], Kind]] = {str: Text, bool: Truth, int: Whole, float: Number}
_LISTS = (list, collections.abc.Sequence)
_DICTS = (dict, collections.abc.Mapping)
_UNIONS = (Union, types.UnionType)
_HINTS = (
    "use str, int, float, bool, list[...], dict, Optional[...], Literal of texts, an Enum of texts, a TypedDict, "
    "a dataclass or a pydantic model"
)


class ToolDefinitionError(SettingError):
    """A function cannot be a tool as it stands; the message names every parameter that is in the way."""


class _Refused(Exception):
    """One hint that has no ADM type."""


def parameters_of(
    function: Callable[..., Any],
    docs: docstrings.Docs | None = None,
    names: Mapping[str, Any] | None = None,
) -> Record:
    """The parameters of a function as one OBJECT.

    Args:
        function: The function.
        docs: What its docstring says; read from it where nothing is given.
        names: Names that hints may use beside those of the function's module.

    Raises:
        ToolDefinitionError: A parameter has no hint, or one that has no ADM type; all of them are named.
    """
    docs = docstrings.parse(function.__doc__) if docs is None else docs
    hints = _hints(function, names)
    problems: list[str] = []
    fields: list[Field] = []
    for parameter in inspect.signature(function).parameters.values():
        try:
            fields.append(_parameter(parameter, hints.get(parameter.name, inspect.Parameter.empty), docs))
        except _Refused as fault:
            problems.append(f"the parameter `{parameter.name}`: {fault}")
    if problems:
        raise ToolDefinitionError(f"`{function_name(function)}` cannot be a tool: " + "; ".join(problems))
    return Record(fields)


def function_name(function: Callable[..., Any]) -> str:
    """What a callable is called."""
    return str(getattr(function, "__name__", None) or type(function).__name__)


def _hints(function: Callable[..., Any], names: Mapping[str, Any] | None) -> dict[str, Any]:
    try:
        return typing_extensions.get_type_hints(
            inspect.unwrap(function), localns=dict(names or {}), include_extras=True
        )
    except NameError as fault:
        raise ToolDefinitionError(
            f"`{function_name(function)}` cannot be a tool: a type hint uses `{fault.name}`, which is not known where "
            "the function stands; define or import it at the top of the module"
        ) from None


def _parameter(parameter: inspect.Parameter, hint: Any, docs: docstrings.Docs) -> Field:
    if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
        raise _Refused("tools have named parameters only; write each one out, or take a dict")
    if parameter.kind is parameter.POSITIONAL_ONLY:
        raise _Refused("tools are called by name; take away the `/` behind it")
    if hint is parameter.empty:
        raise _Refused(f"it has no type hint; {_HINTS}")
    required = parameter.default is parameter.empty
    made = _field(parameter.name, hint, docs.parameters.get(parameter.name, ""), required, ())
    if not made.required and required:
        return dataclasses.replace(made, kind=_OrNone(made.kind))
    return made


@dataclasses.dataclass
class _OrNone(Kind):
    """`Optional[T]` without a default: the function gets None where nothing came."""

    inner: Kind

    def schema(self) -> dict[str, Any]:
        return self.inner.schema()

    def read(self, value: Any, reader: Any) -> Any:
        return self.inner.read(value, reader)


def nones_of(record: Record) -> dict[str, None]:
    """The parameters that are None where they are left out, because they have no default of their own."""
    return {one.target: None for one in record.fields if isinstance(one.kind, _OrNone)}


def _field(name: str, hint: Any, text: str, required: bool, inside: tuple[Any, ...], target: str = "") -> Field:
    """A property; words of its own come before those of its type."""
    hint, own_text = _unwrapped(hint)
    optional, hint = _optional(hint)
    inner, inner_text = _unwrapped(hint)
    kind = kind_of(inner, inside)
    words = own_text or inner_text or text
    return Field(name, target or name, Described(kind, words) if words else kind, required and not optional)


def _unwrapped(hint: Any) -> tuple[Any, str]:
    """What is in an `Annotated`, `Required` or `NotRequired`, and the words there."""
    text = ""
    while True:
        origin = get_origin(hint)
        if origin is typing.Annotated:
            hint, *notes = get_args(hint)
            text = text or next(filter(None, map(_words, notes)), "")
        elif origin in (typing_extensions.Required, typing_extensions.NotRequired):
            hint = get_args(hint)[0]
        elif isinstance(hint, typing_extensions.TypeAliasType):
            hint = hint.__value__
        else:
            return hint, text


def _words(note: Any) -> str:
    if isinstance(note, str):
        return note.strip()
    said = getattr(note, "description", None) or getattr(note, "documentation", None)
    return said.strip() if isinstance(said, str) else ""


def _optional(hint: Any) -> tuple[bool, Any]:
    """Whether None is among what a hint allows, and the rest."""
    if get_origin(hint) not in _UNIONS:
        return False, hint
    rest = [each for each in get_args(hint) if each is not type(None)]
    if len(rest) == len(get_args(hint)) or not rest:
        return False, hint
    return True, rest[0] if len(rest) == 1 else Union[tuple(rest)]  # noqa: UP007 - made at run time


def kind_of(hint: Any, inside: tuple[Any, ...] = ()) -> Kind:
    """The ADM type of a hint; `inside` are the types that it stands in."""
    hint, text = _unwrapped(hint)
    if text:
        return Described(kind_of(hint, inside), text)
    if hint in inside:
        raise _Refused(
            f"the type `{_shown(hint)}` contains itself, which a declaration cannot; use an id or a dict inside"
        )
    plain = _PLAIN.get(hint) if isinstance(hint, type) else None
    if plain is not None:
        return plain()
    if isinstance(hint, type) and hint in AS_TEXT:
        return AS_TEXT[hint]
    origin, args = get_origin(hint) or hint, get_args(hint)
    if origin in _UNIONS:
        return _union(hint, args)
    if origin is typing.Literal:
        return _literal(args)
    if origin in _LISTS:
        if not args:
            raise _Refused("a list needs the type of its items; write list[str] or the like")
        return Many(_inner(args[0], inside))
    if origin in _DICTS:
        return _free(args, inside)
    # Before Python 3.11 `set[int]` counts as a type.
    if isinstance(hint, type) and not args:
        return _class(hint, inside)
    raise _Refused(f"`{_shown(hint)}` has no ADM type; {_HINTS}")


def _inner(hint: Any, inside: tuple[Any, ...]) -> Kind:
    optional, _ = _optional(_unwrapped(hint)[0])
    if optional:
        raise _Refused(f"`{_shown(hint)}` allows None, which the data model has no place for inside a list or a dict")
    return kind_of(hint, inside)


def _union(hint: Any, args: tuple[Any, ...]) -> Kind:
    if set(args) == {int, float}:
        return Number(keep=True)
    if type(None) in args:
        raise _Refused(f"`{_shown(hint)}` allows None, which can be left out as a parameter or a field only")
    raise _Refused(f"`{_shown(hint)}` is a union, and a declaration has one type; {_HINTS}")


def _literal(values: tuple[Any, ...]) -> Kind:
    if not all(isinstance(value, str) and not isinstance(value, enum.Enum) for value in values):
        raise _Refused("a Literal has an ADM type where all its values are texts")
    return Choice({value: value for value in values})


def _free(args: tuple[Any, ...], inside: tuple[Any, ...]) -> Kind:
    if not args:
        return Free()
    if _unwrapped(args[0])[0] is not str:
        raise _Refused("the keys of a dict are texts; write dict[str, ...]")
    return Free() if args[1] is Any else Free(_inner(args[1], inside))


def _class(hint: type, inside: tuple[Any, ...]) -> Kind:
    inside = (*inside, hint)
    if issubclass(hint, enum.Enum):
        return _enum(hint)
    if typing_extensions.is_typeddict(hint):
        return _typed_dict(hint, inside)
    if issubclass(hint, pydantic.BaseModel):
        return _model(hint, inside)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, inside)
    raise _Refused(f"`{_shown(hint)}` has no ADM type; {_HINTS}")


def _enum(hint: type[enum.Enum]) -> Kind:
    values = {member.value: member for member in hint}
    if not values or not all(isinstance(value, str) for value in values):
        raise _Refused(f"the Enum `{_shown(hint)}` has an ADM type where all its values are texts")
    return Choice({str(value): member for value, member in values.items()}, _own_words(hint))


def _fields_of(hint: type, inside: tuple[Any, ...], required: Callable[[str], bool], names: list[str]) -> list[Field]:
    try:
        hints = typing_extensions.get_type_hints(hint, include_extras=True)
    except NameError as fault:
        raise _Refused(f"a hint in `{_shown(hint)}` uses `{fault.name}`, which is not known there") from None
    texts = docstrings.parse(hint.__dict__.get("__doc__")).parameters
    return [_within(hint, name, hints[name], texts.get(name, ""), required(name), inside) for name in names]


def _within(
    owner: type, name: str, hint: Any, text: str, required: bool, inside: tuple[Any, ...], target: str = ""
) -> Field:
    try:
        return _field(name, hint, text, required, inside, target)
    except _Refused as fault:
        raise _Refused(f"`{_shown(owner)}.{name}`: {fault}") from None


def _typed_dict(hint: type, inside: tuple[Any, ...]) -> Kind:
    needed: frozenset[str] = hint.__required_keys__  # type: ignore[attr-defined]
    names = list(typing_extensions.get_type_hints(hint))
    fields = _fields_of(hint, inside, lambda name: name in needed, names)
    nones = {one.target: None for one in fields if not one.required and one.name in needed}
    return Record(fields, build=lambda values: {**nones, **values}, description=_own_words(hint))


def _dataclass(hint: type, inside: tuple[Any, ...]) -> Kind:
    own = {each.name: each for each in dataclasses.fields(hint) if each.init}

    def required(name: str) -> bool:
        each = own[name]
        return each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING

    fields = _fields_of(hint, inside, required, list(own))
    nones = {one.target: None for one in fields if not one.required and required(one.target)}
    return Record(fields, build=lambda values: hint(**{**nones, **values}), description=_own_words(hint))


def _model(hint: type[pydantic.BaseModel], inside: tuple[Any, ...]) -> Kind:
    texts = docstrings.parse(hint.__dict__.get("__doc__")).parameters
    fields = []
    for name, info in hint.model_fields.items():
        text = info.description or texts.get(name, "")
        wire = _wire_name(hint, name, info)
        fields.append(_within(hint, wire, info.annotation, text, info.is_required(), inside))
    nones = {one.name: None for one in fields if not one.required and _needs(hint, one.name)}
    return Record(fields, build=lambda values: hint.model_validate({**nones, **values}), description=_own_words(hint))


def _wire_name(hint: type, name: str, info: FieldInfo) -> str:
    alias = info.validation_alias if info.validation_alias is not None else info.alias
    if alias is None:
        return name
    if not isinstance(alias, str):
        raise _Refused(f"`{_shown(hint)}.{name}` has an alias that is no plain text; give it one name")
    return alias


def _needs(hint: type[pydantic.BaseModel], wire: str) -> bool:
    return any(_wire_name(hint, name, info) == wire and info.is_required() for name, info in hint.model_fields.items())


def _own_words(hint: type) -> str:
    """The first paragraph of a class's own docstring; what Python writes there by itself is none."""
    text = docstrings.parse(hint.__dict__.get("__doc__")).summary
    return "" if text.startswith(f"{hint.__name__}(") or text == "An enumeration." else text


def _shown(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")

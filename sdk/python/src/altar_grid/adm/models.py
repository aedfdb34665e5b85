"""The structures of the data model as pydantic classes.

An instance that exists follows the rules: `read` and `from_value` answer all problems at once as `AdmError`, the
constructor the same as pydantic's `ValidationError`. Unknown fields are kept and written again, after the known ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from altar_grid.adm.canonical import canonical, digest, to_text
from altar_grid.adm.problem import AdmError, Problem
from altar_grid.adm.reader import JsonValue, parse
from altar_grid.adm.rules import Kind, check, limits_of

_Self = TypeVar("_Self", bound="AdmModel")
_CHECKED = "altar_grid.adm.checked"


class AdmModel(BaseModel):
    """What all structures share: reading, writing, unknown fields. Instances are not to be changed."""

    model_config = ConfigDict(extra="allow", frozen=True, populate_by_name=True)
    kind: ClassVar[Kind]

    @classmethod
    def read(cls: type[_Self], text: str | bytes) -> _Self:
        """Reads and checks JSON text.

        Raises:
            AdmError: all problems at once; those of the text itself come alone.
        """
        return cls.from_value(parse(text, limits_of(cls.kind)))

    @classmethod
    def from_value(cls: type[_Self], value: JsonValue) -> _Self:
        """Checks a JSON value and takes it.

        Raises:
            AdmError: all problems at once.
        """
        errors = [problem for problem in check(cls.kind, value) if problem.is_error]
        if errors:
            raise AdmError(errors)
        return cls.model_validate(value, context={_CHECKED: True})

    @model_validator(mode="before")
    @classmethod
    def _rules(cls, value: Any, info: Any) -> Any:
        """One place says what is right, however an instance is made."""
        if (info.context or {}).get(_CHECKED) or not isinstance(value, Mapping):
            return value
        known = {name for name in cls.model_fields if name != "content"}
        plain = {key: _plain(item) for key, item in value.items() if item is not None or key not in known}
        errors = [problem for problem in check(cls.kind, plain) if problem.is_error]
        if errors:
            raise AdmError(errors)
        return value

    def to_value(self) -> dict[str, JsonValue]:
        """The JSON form: known fields in their order without absent ones, then the unknown ones."""
        known = type(self).model_fields
        named = [name for name in known if name in self.model_fields_set and self._present(name)]
        value = {known[name].alias or name: _plain(getattr(self, name)) for name in named}
        extra = {key: _plain(item) for key, item in (self.model_extra or {}).items() if key not in value}
        return {**value, **extra}

    def _present(self, name: str) -> bool:
        return getattr(self, name) is not None

    def to_text(self) -> str:
        """Compact JSON text of `to_value`."""
        return to_text(self.to_value())

    def canonical(self) -> bytes:
        """Canonical bytes (RFC 8785) of `to_value`."""
        return canonical(self.to_value())

    def problems(self, *, strict: bool = True) -> list[Problem]:
        """Warnings, such as descriptions that are too long and, where strict, unknown fields."""
        return check(self.kind, self.to_value(), strict=strict)


def _plain(value: Any) -> JsonValue:
    if isinstance(value, AdmModel):
        return value.to_value()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


class SchemaType(str, Enum):
    """The type of an argument."""

    STRING = "STRING"
    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    BOOLEAN = "BOOLEAN"
    ARRAY = "ARRAY"
    OBJECT = "OBJECT"


class Schema(AdmModel):
    """A parameter schema: six types, five keywords, and whatever else came with them."""

    kind = "schema"

    type: SchemaType
    description: str | None = None
    properties: dict[str, Schema] | None = None
    """OBJECT only. Absent and empty differ at the root: empty takes no argument at all."""
    required: list[str] | None = None
    items: Schema | None = None
    """ARRAY only, and there always."""
    enum: list[str] | None = None
    """STRING only."""


class FunctionDeclaration(AdmModel):
    """One callable function. The root of its parameters is OBJECT."""

    kind = "function_declaration"

    name: str
    description: str
    parameters: Schema


class Tool(AdmModel):
    """A set of functions with names of their own."""

    kind = "tool"

    function_declarations: list[FunctionDeclaration]


class FunctionCall(AdmModel):
    """One call. That its arguments fit is for `ArgumentChecker` to say."""

    kind = "function_call"

    call_id: str
    """Made by the caller, 1 to 128 printable ASCII characters; the idempotency key within a session."""
    name: str
    args: dict[str, Any]

    def args_digest(self) -> bytes:
        """SHA-256 over the canonical arguments, 32 bytes, as a grant and the host's record have it."""
        return digest(self.args)


class ErrorObject(AdmModel):
    """What went wrong in a tool."""

    kind = "error_object"

    message: str
    """For the caller: never a stack, never internals."""
    type: str | None = None
    """`UPPER_SNAKE_CASE` is recommended; the set is open."""


class ResultStatus(str, Enum):
    """How a call ended."""

    SUCCESS = "SUCCESS"
    ERROR = "ERROR"


class ToolResult(AdmModel):
    """What a function answered: content exactly with SUCCESS, an error exactly with ERROR."""

    kind = "tool_result"

    call_id: str
    name: str
    status: ResultStatus
    content: Any = None
    """Any JSON value; `None` is content too, where the status is SUCCESS."""
    error: ErrorObject | None = None

    def _present(self, name: str) -> bool:
        return name == "content" or super()._present(name)

    @property
    def ok(self) -> bool:
        """Whether the tool succeeded."""
        return self.status is ResultStatus.SUCCESS

    @classmethod
    def success(cls, call: FunctionCall, content: JsonValue) -> ToolResult:
        """The answer of a tool that succeeded.

        Raises:
            AdmError: where the content has no JSON form.
        """
        to_text(content)
        return cls(call_id=call.call_id, name=call.name, status=ResultStatus.SUCCESS, content=content)

    @classmethod
    def failure(cls, call: FunctionCall, message: str, type: str) -> ToolResult:
        """The answer of a tool that did not."""
        error = ErrorObject(message=message, type=type)
        return cls(call_id=call.call_id, name=call.name, status=ResultStatus.ERROR, error=error)


class ToolContract(AdmModel):
    """A named group of functions with whatever a host is told about them."""

    kind = "tool_contract"

    name: str
    description: str | None = None
    function_declarations: list[FunctionDeclaration]


class ToolManifest(AdmModel):
    """What an operator lets be called."""

    kind = "tool_manifest"

    manifest_version: str = Field(description="three numbers, such as `1.0.0`")
    contracts: list[ToolContract]
    global_metadata: dict[str, str] | None = None


MODELS: dict[Kind, type[AdmModel]] = {
    model.kind: model
    for model in (
        Tool,
        FunctionDeclaration,
        Schema,
        FunctionCall,
        ToolResult,
        ErrorObject,
        ToolContract,
        ToolManifest,
    )
}
"""The class of each kind of document."""

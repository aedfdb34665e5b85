"""Reads the answer to a call. Success needs proof: a result that belongs to the call, says SUCCESS and carries content;
everything else is a refusal, the tool's failure or a bad answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from altar_grid._json import write_json
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2
from altar_grid.adm import FunctionCall, FunctionDeclaration, ToolResult
from altar_grid.errors import ArgumentsError, Attempt, BadAnswer, ToolFailed


@dataclass(frozen=True)
class CallAnswer:
    """How a tool ended: with content, or with an error of its own.

    Attributes:
        call_id: The call.
        name: Name of the function.
        content: What the tool answered, as JSON text; `None` where it failed.
        failure: The tool's own error; `None` where it succeeded.
        invocation_id: The host's id of the execution.
        correlation_id: Joins this answer with the host's log.
        repeated: The answer of an earlier call with the same call id.
        receipt: That the answer is on record, where the call asked for it and the host waits for its log.
        attempts: The runtimes that had the call, in that order, as far as the host lets its callers know.
    """

    call_id: str
    name: str
    content: str | None
    failure: ToolFailed | None
    invocation_id: str
    correlation_id: str
    repeated: bool = False
    receipt: call_pb2.AuditReceipt | None = None
    attempts: tuple[Attempt, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the tool succeeded."""
        return self.failure is None

    @property
    def value(self) -> Any:
        """What the tool answered, as Python's own types.

        Raises:
            ToolFailed: The tool answered an error.
        """
        if self.failure is not None:
            raise self.failure
        return None if self.content is None else json.loads(self.content)

    @property
    def result(self) -> ToolResult:
        """The outcome as the data model has it."""
        call = FunctionCall(call_id=self.call_id, name=self.name, args={})
        if self.failure is not None:
            return ToolResult.failure(call, self.failure.message, self.failure.code)
        return ToolResult.success(call, self.value)


@dataclass(frozen=True)
class ToolListing:
    """A tool as a session sees it.

    Attributes:
        name: The name to call it by.
        description: What it does.
        parameters: Its parameters, an ADM schema.
        contract: The contract that it belongs to.
        version: The contract's version.
        effect: `pure`, `read` or `write`.
        timeout: How many seconds a call may take.
        tags: The contract's tags.
        digest: `sha256:<hex>` over the canonical JSON of the contract.
        dynamic: Registered by a runtime for this session.
        available: At least one runtime serves it now.
        denied: The host shows it, and refuses its calls.
        needs_approval: A person has to say yes to each call.
    """

    name: str
    description: str
    parameters: dict[str, Any]
    contract: str
    version: str
    effect: str
    timeout: float
    tags: tuple[str, ...]
    digest: str
    dynamic: bool
    available: bool
    denied: bool = False
    needs_approval: bool = False

    @property
    def declaration(self) -> FunctionDeclaration:
        """Name, description and parameters as the data model has them."""
        document = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return FunctionDeclaration.model_validate(document)


def listing(wire: call_pb2.ToolListing, correlation_id: str) -> ToolListing:
    """A listing as it came over the wire."""
    try:
        parameters = json.loads(wire.declaration.parameters)
    except ValueError:
        parameters = None
    if not wire.declaration.name or not isinstance(parameters, dict):
        raise BadAnswer("the list has a tool without a usable declaration", correlation_id=correlation_id)
    return ToolListing(
        name=wire.declaration.name,
        description=wire.declaration.description,
        parameters=parameters,
        contract=wire.contract,
        version=wire.version,
        effect=wire.effect,
        timeout=wire.timeout_ms / 1000,
        tags=tuple(wire.tags),
        digest=wire.digest,
        dynamic=wire.dynamic,
        available=wire.available,
        denied=wire.denied,
        needs_approval=wire.needs_approval,
    )


def write_args(args: object) -> str:
    """Arguments as JSON text.

    Raises:
        ArgumentsError: They are no JSON object.
    """
    if args is None:
        return "{}"
    if not isinstance(args, dict):
        try:
            args = dict(args)  # type: ignore[call-overload]
        except (TypeError, ValueError):
            raise ArgumentsError("the arguments are not a JSON object; pass a dict") from None
    try:
        return write_json(args)
    except (TypeError, ValueError, RecursionError) as fault:
        raise ArgumentsError(
            f"the arguments cannot be written as JSON ({fault}); pass text, numbers, booleans, lists and dicts"
        ) from None


def read_answer(sent: call_pb2.ToolCall, answer: call_pb2.CallToolResponse) -> CallAnswer:
    """The tool's outcome in an answer that is no refusal."""
    correlation_id = sent.correlation_id

    def bad(message: str) -> NoReturn:
        raise BadAnswer(message, correlation_id=correlation_id, tool=sent.call.name)

    if answer.WhichOneof("outcome") != "result" or not answer.result.HasField("result"):
        bad("the answer has neither a result nor a refusal")
    result = answer.result.result
    if (result.call_id, result.name) != (sent.call.call_id, sent.call.name):
        bad("the answer belongs to another call")
    invocation_id = answer.invocation_id or answer.result.invocation_id
    has_content, has_error = result.HasField("content"), result.HasField("error")
    failure = None
    match result.status:
        case adm_pb2.TOOL_RESULT_STATUS_SUCCESS if has_content and not has_error:
            if not is_json(result.content):
                bad("the answer's content is not JSON")
        case adm_pb2.TOOL_RESULT_STATUS_ERROR if has_error and not has_content:
            failure = ToolFailed(
                result.error.message,
                code=result.error.type,
                tool=result.name,
                correlation_id=correlation_id,
                invocation_id=invocation_id,
                session_id=sent.session_id,
                component="runtime",
                refused=True,
                repeated=answer.repeated,
            )
        case _:
            bad("the answer's status does not match its content")
    if failure is not None:
        failure.attempts = attempts(answer)
    return CallAnswer(
        call_id=result.call_id,
        name=result.name,
        content=result.content if has_content else None,
        failure=failure,
        invocation_id=invocation_id,
        correlation_id=correlation_id,
        repeated=answer.repeated,
        receipt=answer.receipt if answer.HasField("receipt") else None,
        attempts=attempts(answer),
    )


def attempts(answer: call_pb2.CallToolResponse) -> tuple[Attempt, ...]:
    """Which runtimes had a call."""
    return tuple(Attempt(provider=one.provider, runtime=one.runtime, ended=one.ended) for one in answer.tried)


def is_json(text: str) -> bool:
    """Whether a text is JSON: NaN and infinities, which Python would take, are not."""

    def refuse(name: str) -> NoReturn:
        raise ValueError(name)

    try:
        json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError):
        return False
    return True

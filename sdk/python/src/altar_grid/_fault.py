"""What every fault that this package raises has in common. `altar_grid.errors` is where callers import from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal


class Category(str, Enum):
    """Where a code belongs."""

    AUTHORIZATION = "AUTHORIZATION"
    VALIDATION = "VALIDATION"
    RUNTIME = "RUNTIME"
    TRANSPORT = "TRANSPORT"
    CONFIGURATION = "CONFIGURATION"


class Severity(str, Enum):
    """How grave it is, from as-intended to the-host-does-not-go-on."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"
    FATAL = "FATAL"


@dataclass(frozen=True)
class Retry:
    """Whether the same request may be sent again, as `docs/errors` says for a code.

    Attributes:
        rule: `after` holds whatever the tool does; `if_repeatable` only where a second run does no harm; the other
            rules ask for something else first, or for nobody to try again.
        after_ms: Milliseconds before the first repeat; 0 where no program repeats it.
        at_most: Repeats at most, the first attempt not counted.
        of: What has to be put right (`after_fix`) or renewed (`after_renewal`); else empty.
    """

    rule: Literal["never", "after_fix", "after_renewal", "after", "if_repeatable"]
    after_ms: int = 0
    at_most: int = 0
    of: str = ""

    def allowed(self, *, repeatable: bool) -> bool:
        """Whether a program may repeat it; `repeatable` says that a second run does no harm."""
        return self.rule == "after" or (self.rule == "if_repeatable" and repeatable)


@dataclass(frozen=True)
class Attempt:
    """One runtime that a call was handed to.

    Attributes:
        provider: Its provider.
        runtime: Itself; empty where the host does not tell.
        ended: `success`, `tool_error`, `overtaken` where another runtime answered first, or the code it failed with.
    """

    provider: str
    runtime: str
    ended: str


class GridError(Exception):
    """Something that a host refused, a tool answered, or that went wrong on the way.

    Catch a class per code (`PermissionDenied`), a class per category (`AuthorizationError`) or this one. Decide by
    class or `code`, never by the words of `message`.

    Attributes:
        code: The code, such as `PERMISSION_DENIED`.
        meaning: What the code means in general.
        severity: How grave the code is.
        retry: What the code says about repeats; `retry_allowed` says it for this very fault.
        message: What happened and what to do, for a person.
        details: More about it; values that are not text are JSON text.
        remediation: What to do, most specific first.
        retry_allowed: Whether a program may send the same request again, as it is.
        retry_after_ms: Milliseconds to wait first; 0 where nobody named a time.
        max_retries: Repeats at most; `None` where nobody set a bound.
        correlation_id: Joins this fault with the host's log; empty where nothing was sent.
        invocation_id: The host's id of the execution; empty where nothing was admitted.
        session_id: The session; empty where there was none.
        tool: Name of the function; empty where there was none.
        runtime_id: The runtime that was involved; empty where there was none.
        component: `host`, `runtime` or `client`: who says it.
        unsent: True where it is certain that no request has reached the host.
        refused: True where the host answered so; false where it was found here.
        repeated: True where it is the answer of an earlier call with the same call id.
        attempts: The runtimes that had the call, in that order, as far as the host lets its callers know.
        tries: How often the request was sent, repeats included.
        caused_by: What led to it, nearest first.
    """

    code: str = "TOOL_EXECUTION_FAILED"
    category: ClassVar[Category] = Category.RUNTIME
    meaning: str = ""
    severity: Severity = Severity.ERROR
    retry: Retry = Retry("never")
    usual_remediation: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, str] | None = None,
        remediation: Sequence[str] | None = None,
        retry_allowed: bool = False,
        retry_after_ms: int = 0,
        max_retries: int | None = None,
        correlation_id: str = "",
        invocation_id: str = "",
        session_id: str = "",
        tool: str = "",
        runtime_id: str = "",
        component: str = "client",
        unsent: bool = False,
        refused: bool = False,
        repeated: bool = False,
        caused_by: Sequence[GridError] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        self.remediation = list(self.usual_remediation if remediation is None else remediation)
        self.retry_allowed = retry_allowed
        self.retry_after_ms = retry_after_ms
        self.max_retries = max_retries
        self.correlation_id = correlation_id
        self.invocation_id = invocation_id
        self.session_id = session_id
        self.tool = tool
        self.runtime_id = runtime_id
        self.component = component
        self.unsent = unsent
        self.refused = refused
        self.repeated = repeated
        self.attempts: tuple[Attempt, ...] = ()
        self.tries = 1
        self.caused_by = tuple(caused_by)

    @property
    def documentation(self) -> str:
        """The code's page, relative to the root of the repository."""
        return f"docs/errors/{self.code}.md"

    @property
    def waits_for(self) -> str | None:
        """The id of the approval that the call waits for, empty where the host named none: nothing may run yet, and the
        same call may be asked for again. `None` for every other fault."""
        return self.details.get("approval_id", "") if self.details.get("state") == "pending" else None

    def __str__(self) -> str:
        text = f"{self.code}: {self.message}"
        if self.remediation and self.remediation[0] not in self.message:
            text += f"; {self.remediation[0]}"
        return f"{text} ({self.correlation_id})" if self.correlation_id else text


class AuthorizationError(GridError):
    """Who is asking may not have this, or not now."""

    category = Category.AUTHORIZATION


class ValidationError(GridError):
    """What was sent is not what the host or the contract takes."""

    category = Category.VALIDATION


class ToolRuntimeError(GridError):
    """Something happened on the way to a tool or in it."""

    category = Category.RUNTIME


class TransportError(GridError):
    """Something happened to the bytes."""

    category = Category.TRANSPORT


class ConfigurationError(GridError):
    """Something is set up wrongly, on the host or here."""

    category = Category.CONFIGURATION

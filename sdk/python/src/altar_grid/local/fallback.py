"""When a call that was to run here may go to a runtime instead. Everything that is not named here may not.

| what happened | to a runtime? |
|---|---|
| no such tool here, other parameters than the contract's, no thread free, outcome log full | yes: nothing has run |
| host cannot be reached, or does not answer in time | yes, after repeats: without a grant nothing has run |
| host has no local dispatch (FEATURE_UNAVAILABLE) | yes: that is no decision about the call |
| too many grants open (RATE_LIMIT_EXCEEDED, RESOURCE_EXHAUSTED) | yes, after the pause asked for |
| any other denial, PENDING, bad credentials, invalid arguments | never: the host has decided |
| grant that does not verify | never: somebody lies |
| grant that ended or was revoked before the tool began | asked for again once; then yes, if it could be cancelled |
| tool was begun, and raised or did not end | only where the contract's effect is pure or read |
| tool's own error (`ToolError`), answer that is no JSON | never: that is the result |
"""

from __future__ import annotations

from typing import Final

from altar_grid.errors import (
    ConnectionFailed,
    FeatureUnavailable,
    GridError,
    HostUnavailable,
    NetworkTimeout,
    RateLimitExceeded,
    ResourceExhausted,
)
from altar_grid.later.executor import Ending, Run

REPEATABLE: Final = frozenset({"pure", "read"})
"""Effects of contracts that a second run does no harm to."""

_UNANSWERED: Final = (ConnectionFailed, HostUnavailable, NetworkTimeout)
_NO_DECISION: Final = (FeatureUnavailable, RateLimitExceeded, ResourceExhausted)
_BEFORE: Final[frozenset[Ending]] = frozenset({"not_found", "busy"})
_AFTER: Final[frozenset[Ending]] = frozenset({"crashed", "timeout"})


def after_authorization(fault: GridError) -> bool:
    """Whether a call may go to a runtime after asking for a grant came to this."""
    if fault.waits_for is not None:
        return False
    if fault.refused:
        return isinstance(fault, _NO_DECISION)
    return isinstance(fault, (*_UNANSWERED, FeatureUnavailable))


def after_run(run: Run, effect: str) -> bool:
    """Whether a call may go to a runtime after it came to this here.

    Args:
        run: What came of it.
        effect: `pure`, `read` or `write`, as the contract says; anything else counts as `write`.
    """
    return run.ending in _BEFORE or (run.ending in _AFTER and effect in REPEATABLE)

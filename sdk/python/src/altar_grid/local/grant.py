"""A grant that was checked: the host's record of the intent fits the call field by field, and is in the log.

The host's clock and this machine's may differ: times are taken from the moment the request was sent, by a clock that is
never set and goes on while the machine sleeps.
"""

from __future__ import annotations

import hmac
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.adm import AdmError, FunctionCall, canonical, digest, parse
from altar_grid.errors import SecurityViolation
from altar_grid.local.receipt import LogKey, Unproved, check_inclusion, leaf_hash, open_checkpoint

LONGEST_MS: Final = 300_000
"""No grant is good for longer, whatever it says."""
_RECORD_BYTES: Final = 65_535
_INVOCATION: Final = re.compile(r"i-[0-9a-f]{32}", re.ASCII)
_EXACT: Final = 2**53 - 1


class GrantRefused(SecurityViolation):
    """The host's approval does not prove that this call may run; it is not run, here or elsewhere."""


def now() -> float:
    """Seconds on a clock that nobody sets and that counts sleep, where the system has one."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


@dataclass(frozen=True)
class Expected:
    """What a grant must say.

    Attributes:
        session: Id of the session.
        call: The call as it was sent.
        sent_at: When, by `now`.
        contract: Digest of the contract as ListTools had it, `sha256:<hex>`; not compared where empty.
        principal: Who asks; not compared where empty.
        tenant: Whose world it is; not compared where empty.
        correlation: Correlation id of the request; not compared where empty.
        keys: Keys of the host's log. Without any, that the record is in the log is not proved, only its form.
    """

    session: str
    call: FunctionCall
    sent_at: float
    contract: str = ""
    principal: str = ""
    tenant: str = ""
    correlation: str = ""
    keys: tuple[LogKey, ...] = ()


class Grant:
    """Permission to run one call once, checked. Only `check_grant` makes one.

    Attributes:
        invocation_id: The host's id of the execution.
        leaf: What names the grant in reports, 32 bytes.
        epoch: Policy epoch of the decision.
        args: The arguments to run with.
        args_digest: SHA-256 over their canonical JSON, 32 bytes.
        deadline: When it ends, by `now`.
        expires_ms: The same by the host's clock, in milliseconds since 1970.
    """

    def __init__(
        self,
        record: Mapping[str, Any],
        leaf: bytes,
        args: dict[str, Any],
        args_digest: bytes,
        sent_at: float,
        ttl_ms: int,
    ) -> None:
        self.invocation_id: str = record["invocation"]
        self.leaf = leaf
        self.epoch: int = record["epoch"]
        self.args, self.args_digest = args, args_digest
        self.expires_ms: int = record["expires_ms"]
        self.deadline = sent_at + ttl_ms / 1000
        self._admitted_ms: int = record["at_ms"]
        self._received = now()
        self._lock = threading.Lock()
        self._used = False

    def left(self) -> float:
        """Seconds until it ends; 0 where it has."""
        return max(0.0, self.deadline - now())

    def take(self) -> bool:
        """Uses it up. True once, and only while its time has not passed.

        Raises:
            GrantRefused: This process has used the same grant before, under another answer.
        """
        with self._lock:
            if self._used or self.left() <= 0:
                return False
            self._used = True
        if not _LEAVES.first_use(self.leaf, self.deadline):
            raise GrantRefused(
                "the host gave the same grant twice; nothing was run under it again", invocation_id=self.invocation_id
            )
        return True

    def void(self) -> bool:
        """Makes it unusable here. True where it had not been used."""
        with self._lock:
            fresh, self._used = not self._used, True
        return fresh

    def host_time_ms(self) -> int:
        """About what the host's clock shows now, in milliseconds since 1970; never later than it does."""
        return self._admitted_ms + int((now() - self._received) * 1000)


class _Leaves:
    """The grants that this process has used, until their time has passed: one answer, sent twice, is one grant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: dict[bytes, float] = {}

    def first_use(self, leaf: bytes, deadline: float) -> bool:
        with self._lock:
            if len(self._used) >= 4_096:
                present = now()
                self._used = {own: end for own, end in self._used.items() if end > present}
            if leaf in self._used:
                return False
            self._used[leaf] = deadline
            return True


_LEAVES: Final = _Leaves()


def check_grant(answer: local_pb2.AuthorizeToolCallResponse, expected: Expected) -> Grant:
    """Checks all of an approval.

    Raises:
        GrantRefused: Anything of it is not as it must be; the message says what, never the content.
    """
    try:
        return _checked(answer, expected)
    except (Unproved, AdmError) as fault:
        raise GrantRefused(
            f"the host's grant for `{expected.call.name}` cannot be trusted: {fault}; the call was not run",
            invocation_id=answer.invocation_id,
            correlation_id=answer.correlation_id,
            tool=expected.call.name,
        ) from None


def _checked(answer: local_pb2.AuthorizeToolCallResponse, expected: Expected) -> Grant:
    approved = answer.HasField("status") and answer.status == local_pb2.AuthorizeToolCallResponse.APPROVED
    if not approved or answer.HasField("error") or not answer.HasField("grant"):
        raise Unproved("it is no approval with a grant")
    grant = answer.grant
    record = _record(grant.record)
    args = _args(answer, expected.call)
    args_digest = digest(args)
    _compare(record, _wanted(answer, expected, args_digest))
    ttl_ms = _ttl(record, answer.authorization_ttl_ms)
    leaf = leaf_hash(grant.record)
    if not hmac.compare_digest(leaf, grant.receipt.leaf_hash):
        raise Unproved("its receipt is of another record")
    checkpoint = open_checkpoint(grant.receipt.checkpoint, expected.keys)
    check_inclusion(grant.receipt.index, leaf, list(grant.receipt.inclusion), checkpoint)
    return Grant(record, leaf, args, args_digest, expected.sent_at, ttl_ms)


def _record(data: bytes) -> dict[str, Any]:
    if len(data) > _RECORD_BYTES:
        raise Unproved("its record is too long")
    record = parse(data)
    if not isinstance(record, dict) or canonical(record) != data:
        raise Unproved("its record is no canonical JSON object")
    for field in ("at_ms", "expires_ms", "epoch"):
        value = record.get(field)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _EXACT:
            raise Unproved(f"its record's `{field}` is no number")
    if any(field in record for field in ("outcome", "code", "claimed", "signal")):
        raise Unproved("its record is of a call that is over")
    if not isinstance(record.get("invocation"), str) or not _INVOCATION.fullmatch(record["invocation"]):
        raise Unproved("its record names no invocation")
    return record


def _args(answer: local_pb2.AuthorizeToolCallResponse, call: FunctionCall) -> dict[str, Any]:
    """The arguments to run with: those that were sent, or what the contract made of them."""
    text = answer.execution_context.get("args")
    if text is None:
        return call.args
    args = parse(text)
    if not isinstance(args, dict):
        raise Unproved("its arguments are no JSON object")
    return args


def _wanted(
    answer: local_pb2.AuthorizeToolCallResponse, expected: Expected, args_digest: bytes
) -> dict[str, str | bool]:
    wanted: dict[str, str | bool] = {
        "kind": "admitted",
        "local": True,
        "invocation": answer.invocation_id,
        "session": expected.session,
        "tool": expected.call.name,
        "call_id": expected.call.call_id,
        "args_digest": f"sha256:{args_digest.hex()}",
    }
    optional = {
        "contract": expected.contract,
        "principal": expected.principal,
        "tenant": expected.tenant,
        "correlation": expected.correlation,
    }
    return {**wanted, **{field: value for field, value in optional.items() if value}}


def _compare(record: Mapping[str, Any], wanted: Mapping[str, str | bool]) -> None:
    for field, value in wanted.items():
        found = record.get(field)
        if type(found) is not type(value) or found != value:
            raise Unproved(f"its record's `{field}` is not that of the call")


def _ttl(record: Mapping[str, Any], answered_ms: int) -> int:
    ttl: int = min(answered_ms, record["expires_ms"] - record["at_ms"])
    if ttl <= 0:
        raise Unproved("its time had passed before it came")
    return min(ttl, LONGEST_MS)

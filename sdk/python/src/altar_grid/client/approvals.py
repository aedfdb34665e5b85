"""The side of people who approve calls: what waits for them, and what they say. The host shows each principal what its
own roles allow, and nobody a call of their own (docs/approvals.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from altar_grid import _clock
from altar_grid._wire.grid.v1 import approval_pb2
from altar_grid.client.loop import LOOP
from altar_grid.client.refusals import plain_refusal
from altar_grid.errors import BadAnswer, SettingError

if TYPE_CHECKING:
    from altar_grid.client.connect import Metadata
    from altar_grid.client.transport import Transport

_Verdict = approval_pb2.DecideApprovalRequest


@dataclass(frozen=True)
class WaitingCall:
    """A call that waits for a person, as the host lists it. Whatever its caller chose may look like something else:
    show it escaped, as `repr` does.

    Attributes:
        approval_id: Names it.
        tenant: Whose it is.
        principal: Who asks for the call.
        tool: Name of the function.
        contract_digest: Of the contract that it would run under, `sha256:` and 64 hexadecimal digits.
        args_digest: Of its arguments.
        args: The arguments as JSON text; empty where `args_unseen`.
        role: What somebody needs to decide it.
        rule: The rule that asks for a person.
        reason: What the rule says about that.
        policy_epoch: Under which it was asked; a later one makes it void.
        requested_at: Since when it waits, in seconds since 1970, UTC.
        expires_at: When it is denied by itself, in seconds since 1970, UTC.
        session_id: The session of the call.
        correlation_id: Joins the call with the host's log.
        args_unseen: The arguments cannot be shown: the host never saw them, or keeps none of that length.
        args_bytes: Their length; 0 where the host never saw them.
        time_left: Seconds until it is denied, by the host's own clock, when it was listed.
        local: The caller would run it itself, under a grant.
    """

    approval_id: str
    tenant: str
    principal: str
    tool: str
    contract_digest: str
    args_digest: str
    args: str
    role: str
    rule: str
    reason: str
    policy_epoch: int
    requested_at: float
    expires_at: float
    session_id: str
    correlation_id: str
    args_unseen: bool
    args_bytes: int
    time_left: float
    local: bool

    @property
    def arguments(self) -> dict[str, Any] | None:
        """The arguments as Python's own types; `None` where they cannot be shown."""
        if self.args_unseen:
            return None
        read: dict[str, Any] = json.loads(self.args)
        return read


#: Because of the method of that name.
_Listed: TypeAlias = "list[WaitingCall]"


def _waiting(wire: approval_pb2.Approval) -> WaitingCall:
    return WaitingCall(
        approval_id=wire.approval_id,
        tenant=wire.tenant,
        principal=wire.principal,
        tool=wire.tool,
        contract_digest=wire.contract_digest,
        args_digest=wire.args_digest,
        args=wire.args,
        role=wire.role,
        rule=wire.rule,
        reason=wire.reason,
        policy_epoch=wire.policy_epoch,
        requested_at=wire.requested_at_ms / 1000,
        expires_at=wire.expires_at_ms / 1000,
        session_id=wire.session_id,
        correlation_id=wire.call_correlation_id,
        args_unseen=wire.args_unseen,
        args_bytes=wire.args_bytes,
        time_left=wire.time_left_ms / 1000,
        local=wire.local,
    )


class Approvals:
    """Lists and decides calls that wait; get it from `AltarClient.approvals`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list(self) -> _Listed:
        """The calls that wait for somebody like the one who asks, oldest first; more may follow once some are decided.

        Raises:
            GridError: See `altar_grid.errors`.
        """
        request = approval_pb2.ListApprovalsRequest(correlation_id=_clock.correlation_id("client"))
        answer: approval_pb2.ListApprovalsResponse = await self._ask("ListApprovals", request, idempotent=True)
        return [_waiting(each) for each in answer.approvals]

    async def approve(self, call: WaitingCall, *, reason: str = "", unseen: bool = False) -> None:
        """Says yes to a call, as it was listed: the host compares the digests of its contract and its arguments. When
        this returns, the decision is in the audit log, and it is final.

        Args:
            call: The call.
            reason: For the audit log alone; the caller does not hear it. Put no secrets there.
            unseen: Approves it although its arguments cannot be shown.

        Raises:
            SettingError: The arguments cannot be shown, and `unseen` does not say that this is known; nothing was sent.
            GridError: It is decided, over, or not for this principal to decide; see `altar_grid.errors`.
        """
        if call.args_unseen and not unseen:
            raise SettingError(
                "the arguments of this call cannot be shown; approve it with `unseen=True`, or deny it", unsent=True
            )
        await self._decide(call, _Verdict.APPROVE, reason)

    async def deny(self, call: WaitingCall, *, reason: str = "") -> None:
        """Says no to a call; as `approve`."""
        await self._decide(call, _Verdict.DENY, reason)

    async def _decide(
        self, call: WaitingCall, verdict: approval_pb2.DecideApprovalRequest.Verdict, reason: str
    ) -> None:
        request = approval_pb2.DecideApprovalRequest(
            approval_id=call.approval_id,
            verdict=verdict,
            contract_digest=call.contract_digest,
            args_digest=call.args_digest,
            reason=reason,
            correlation_id=_clock.correlation_id("client"),
        )
        # A decision whose answer was lost is not sent again: the second one would be refused.
        answer: approval_pb2.DecideApprovalResponse = await self._ask("DecideApproval", request, idempotent=False)
        if not answer.decided:
            raise BadAnswer("the call was neither decided nor was that refused", correlation_id=request.correlation_id)

    async def _ask(self, method: str, request: Any, *, idempotent: bool) -> Any:
        def send(service: Any, timeout: float, metadata: Metadata) -> Any:
            return getattr(service, method)(request, timeout=timeout, metadata=metadata)

        attempt = self._transport.attempt(request.correlation_id, idempotent=idempotent)
        return await self._transport.exchange(attempt, send, plain_refusal)


class SyncApprovals:
    """`Approvals` with blocking methods; get it from `SyncAltarClient.approvals`."""

    def __init__(self, approvals: Approvals) -> None:
        self._approvals = approvals

    def list(self) -> _Listed:
        """As `Approvals.list`."""
        return LOOP.run(self._approvals.list())

    def approve(self, call: WaitingCall, *, reason: str = "", unseen: bool = False) -> None:
        """As `Approvals.approve`."""
        LOOP.run(self._approvals.approve(call, reason=reason, unseen=unseen))

    def deny(self, call: WaitingCall, *, reason: str = "") -> None:
        """As `Approvals.deny`."""
        LOOP.run(self._approvals.deny(call, reason=reason))

"""People who approve calls, and callers that wait for them, against a host that the test plays."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from played import Callers, Played, success

from altar_grid import AltarClient, Retries, errors
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import approval_pb2, call_pb2, errors_pb2, local_pb2
from altar_grid.client import Backoff, WaitingCall
from altar_grid.client.refusals import denial
from altar_grid.client.retry import LONGEST_ANSWER, SLACK

WIRE = approval_pb2.Approval(
    approval_id="a-1",
    tenant="demo",
    principal="alice",
    tool="refund",
    contract_digest="sha256:c",
    args_digest="sha256:a",
    args='{"order": "A-17"}',
    role="payments_approver",
    requested_at_ms=5_000,
    expires_at_ms=9_500,
    time_left_ms=4_500,
    call_correlation_id="flow-1",
    local=True,
)
UNSEEN = approval_pb2.Approval(approval_id="a-2", args_digest="sha256:b", args_unseen=True)
Verdict = approval_pb2.DecideApprovalRequest


def quick(host: Played, **more: Any) -> AltarClient:
    return AltarClient(host.endpoint, retries=Retries(backoff=Backoff(first=0.01)), **more)


async def test_what_waits_is_listed_and_decided_as_it_was_shown() -> None:
    async with Played() as host, quick(host, token="t-1") as client:
        host.deciders.waiting = [WIRE, UNSEEN]
        first, second = await client.approvals.list()
        assert (first.approval_id, first.tool, first.role, first.local) == ("a-1", "refund", "payments_approver", True)
        assert (first.requested_at, first.expires_at, first.time_left) == (5.0, 9.5, 4.5)
        assert (first.correlation_id, first.arguments, second.arguments) == ("flow-1", {"order": "A-17"}, None)
        await client.approvals.approve(first, reason="known order")
        await client.approvals.deny(second)
        yes, no = host.deciders.decided
        assert (yes.verdict, yes.approval_id, yes.reason) == (Verdict.APPROVE, "a-1", "known order")
        assert (yes.contract_digest, yes.args_digest) == ("sha256:c", "sha256:a")
        assert (no.verdict, no.approval_id, no.args_digest) == (Verdict.DENY, "a-2", "sha256:b")
        assert host.deciders.tokens == ["Bearer t-1"]


async def test_what_cannot_be_shown_is_approved_on_purpose_only() -> None:
    async with Played() as host, quick(host) as client:
        host.deciders.waiting = [UNSEEN]
        (call,) = await client.approvals.list()
        with pytest.raises(errors.SettingError, match="unseen"):
            await client.approvals.approve(call)
        assert host.deciders.decided == []
        await client.approvals.approve(call, unseen=True)
        assert len(host.deciders.decided) == 1


async def test_a_refused_decision_is_raised_and_one_without_an_answer_is_no_decision() -> None:
    async with Played() as host, quick(host) as client:
        host.deciders.waiting = [WIRE]
        (call,) = await client.approvals.list()
        host.deciders.waiting = []
        with pytest.raises(errors.BadAnswer):
            await client.approvals.approve(call)
        host.deciders.refusal = errors_pb2.EnhancedError(type="PERMISSION_DENIED", message="no")
        for attempt in (client.approvals.approve(call), client.approvals.deny(call)):
            with pytest.raises(errors.PermissionDenied):
                await attempt
        with pytest.raises(errors.PermissionDenied):
            await client.approvals.list()


async def test_the_same_blocking() -> None:
    async with Played() as host:
        host.deciders.waiting = [WIRE]

        def decide() -> WaitingCall:
            with AltarClient(host.endpoint) as client:
                (call,) = client.approvals.list()
                client.approvals.approve(call)
                client.approvals.deny(call, reason="too late")
                return call

        call = await asyncio.to_thread(decide)
        assert call.approval_id == "a-1"
        assert [each.verdict for each in host.deciders.decided] == [Verdict.APPROVE, Verdict.DENY]


async def test_a_call_that_waits_for_a_person_is_given_more_time() -> None:
    async with Played() as host, quick(host) as client:
        left: list[float] = []

        async def answering(request: call_pb2.ToolCall, context: Any) -> call_pb2.CallToolResponse:
            left.append(context.time_remaining())
            return success(request)

        host.callers.answers = [answering] * 3
        await client.call("refund", {})
        await client.call("refund", {}, approval=1200)
        await client.call("refund", {}, approval=1200, timeout=60)
        # gRPC rounds long times up.
        assert left[0] <= LONGEST_ANSWER + 60
        assert LONGEST_ANSWER + 1100 < left[1] <= LONGEST_ANSWER + 1260
        assert left[2] <= 60 + SLACK + 1, "the caller's own deadline holds"
        assert [bool(each.deadline_unix_ms) for each in host.callers.calls] == [False, False, True]


@pytest.mark.parametrize("error", [None, errors_pb2.EnhancedError(type="PERMISSION_DENIED", retry_allowed=True)])
def test_pending_is_no_approval_whatever_comes_with_it(error: errors_pb2.EnhancedError | None) -> None:
    grant = local_pb2.Grant(record=b"{}", receipt=call_pb2.AuditReceipt(leaf_hash=b"\1" * 32))
    answer = local_pb2.AuthorizeToolCallResponse(
        status=local_pb2.AuthorizeToolCallResponse.PENDING,
        invocation_id="i-1",
        grant=grant,
        execution_context={"approval_id": "a-1", "expires_at_ms": "9500"},
        error=error,
        correlation_id="flow-1",
    )
    fault = denial(answer)
    assert isinstance(fault, errors.PermissionDenied)
    assert (fault.waits_for, fault.details["expires_at_ms"], fault.correlation_id) == ("a-1", "9500", "flow-1")
    denied = local_pb2.AuthorizeToolCallResponse(
        status=local_pb2.AuthorizeToolCallResponse.DENIED, error=errors_pb2.EnhancedError(type="PERMISSION_DENIED")
    )
    fault = denial(denied)
    assert fault is not None
    assert fault.waits_for is None


def shed(pushback: str | None) -> Any:
    async def answering(request: call_pb2.ToolCall, context: Any) -> call_pb2.CallToolResponse:
        trailing = () if pushback is None else (("grpc-retry-pushback-ms", pushback),)
        await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "RESOURCE_EXHAUSTED: too much", trailing)
        raise AssertionError

    return answering


async def test_a_host_that_sheds_load_says_when_to_come_again() -> None:
    async with Played() as host, AltarClient(host.endpoint, retries=Retries.none()) as client:
        host.callers.answers = [shed("1234"), shed("-1"), shed(None), shed("soon")]
        with pytest.raises(errors.ResourceExhausted) as told:
            await client.call("refund", {})
        fault = told.value
        assert (fault.retry_allowed, fault.retry_after_ms, fault.max_retries) == (True, 1234, 3)
        assert (fault.refused, fault.component) == (True, "host")
        for _ in range(3):
            with pytest.raises(errors.ResourceExhausted) as told:
                await client.call("refund", {})
            assert (told.value.retry_allowed, told.value.retry_after_ms) == (False, 0)


async def test_what_was_shed_is_sent_again_even_where_a_lost_answer_would_not_be() -> None:
    async with Played() as host, quick(host) as client:
        host.callers.answers = [shed("5"), shed("5")]
        assert await client.call("refund", {}) == 42
        assert len(host.callers.calls) == 3


class Pending(Callers):
    """Says PENDING, which may be repeated, and counts how often it was asked."""

    asked = 0

    async def AuthorizeToolCall(self, request: Any, context: Any) -> local_pb2.AuthorizeToolCallResponse:
        self.asked += 1
        return local_pb2.AuthorizeToolCallResponse(
            status=local_pb2.AuthorizeToolCallResponse.PENDING,
            error=errors_pb2.EnhancedError(type="PERMISSION_DENIED", retry_allowed=True, retry_after_ms=5),
        )


async def test_a_request_is_not_repeated_while_it_waits_for_a_person() -> None:
    callers = Pending()
    async with Played(callers=callers) as host, quick(host) as client:
        with pytest.raises(errors.PermissionDenied) as waits:
            await client.transport.authorize("s-1", adm_pb2.FunctionCall(call_id="c-1", name="add", args="{}"))
        assert (waits.value.waits_for, waits.value.retry_after_ms, callers.asked) == ("", 5, 1)

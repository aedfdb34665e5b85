"""The requests of governed local dispatch, one to one on the wire, against a host that the test plays."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from played import Callers, Played

from altar_grid import errors
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2, errors_pb2, local_pb2
from altar_grid.client import Backoff, Connection, Retries, Transport
from altar_grid.client.refusals import report_refusal

Authorized = local_pb2.AuthorizeToolCallResponse
Reported = local_pb2.LogToolResultResponse
GRANT = local_pb2.Grant(record=b"{}", receipt=call_pb2.AuditReceipt(leaf_hash=b"\1" * 32))
CALL = adm_pb2.FunctionCall(call_id="c-1", name="add", args="{}")
REFUSAL = errors_pb2.EnhancedError(type="PERMISSION_DENIED", message="no")


class Granting(Callers):
    """Answers as told; notes what was asked."""

    def __init__(self, *told: Any) -> None:
        super().__init__()
        self.told = list(told)
        self.asked: list[Any] = []

    async def _answer(self, request: Any, context: Any) -> Any:
        self.asked.append(request)
        answer = self.told.pop(0)
        if isinstance(answer, grpc.StatusCode):
            await context.abort(answer, "")
        return answer

    AuthorizeToolCall = AuthorizeToolCalls = LogToolResult = CancelGrant = _answer

    async def LogToolResults(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            yield await self._answer(request, context)

    async def WatchGrants(self, request: Any, context: Any) -> AsyncIterator[Any]:
        while self.told:
            yield await self._answer(request, context)


def transport(host: Played) -> Transport:
    return Transport(Connection(host.endpoint), retries=Retries(backoff=Backoff(first=0.01)))


async def until_it_ends(stream: AsyncIterator[Any]) -> tuple[list[Any], BaseException | None]:
    """What a stream gave, and how it ended."""
    given: list[Any] = []
    try:
        async for answer in stream:
            given.append(answer)
    except errors.GridError as fault:
        return given, fault
    return given, None


async def test_an_approval_is_given_with_its_grant() -> None:
    approved = Authorized(status=Authorized.APPROVED, invocation_id="i-1", grant=GRANT, authorization_ttl_ms=60_000)
    async with Played(callers=Granting(approved)) as host:
        way = transport(host)
        digest = local_pb2.ArgsDigest(sha256=b"\2" * 32, size=7)
        answer = await way.authorize("s-1", CALL, digest, correlation_id="flow-1", metadata={"k": "v"})
        assert answer == approved
        assert isinstance(host.callers, Granting)
        asked = host.callers.asked[0]
        assert (asked.session_id, asked.correlation_id, asked.args_digest, asked.call) == (
            "s-1",
            "flow-1",
            digest,
            CALL,
        )
        assert dict(asked.metadata) == {"k": "v"}
        await way.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Authorized(status=Authorized.DENIED, error=REFUSAL), errors.PermissionDenied),
        (
            Authorized(status=Authorized.APPROVED, invocation_id="i-1", grant=GRANT, error=REFUSAL),
            errors.PermissionDenied,
        ),
        (Authorized(invocation_id="i-1", grant=GRANT), errors.BadAnswer),
        (Authorized(status=Authorized.PENDING, invocation_id="i-1", grant=GRANT), errors.PermissionDenied),
        (Authorized(status=Authorized.DENIED, invocation_id="i-1", grant=GRANT), errors.BadAnswer),
        (Authorized(status=Authorized.APPROVED, grant=GRANT), errors.BadAnswer),
        (Authorized(status=Authorized.APPROVED, invocation_id="i-1"), errors.BadAnswer),
    ],
)
async def test_everything_else_is_no_approval(answer: Authorized, kind: type[errors.GridError]) -> None:
    async with Played(callers=Granting(answer, answer)) as host:
        way = transport(host)
        with pytest.raises(kind):
            await way.authorize("s-1", CALL)
        assert isinstance(host.callers, Granting)
        assert len(host.callers.asked) == 1
        await way.close()


async def test_a_lost_approval_is_not_asked_for_again_and_a_lost_report_is() -> None:
    logged = Reported(status=Reported.LOGGED)
    told = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE, logged]
    async with Played(callers=Granting(*told)) as host:
        way = transport(host)
        with pytest.raises(errors.ConnectionFailed):
            await way.authorize("s-1", CALL)
        assert await way.log_result(local_pb2.LogToolResultRequest(invocation_id="i-1")) == logged
        assert isinstance(host.callers, Granting)
        assert len(host.callers.asked) == 3
        assert host.callers.asked[1] == host.callers.asked[2]
        await way.close()


async def test_several_calls_get_an_answer_each() -> None:
    approved = Authorized(status=Authorized.APPROVED, invocation_id="i-1", grant=GRANT)
    denied = Authorized(status=Authorized.DENIED, error=REFUSAL)
    good = local_pb2.AuthorizeToolCallsResponse(items=[approved, denied, Authorized()])
    async with Played(callers=Granting(good, local_pb2.AuthorizeToolCallsResponse())) as host:
        way = transport(host)
        items = [local_pb2.AuthorizeToolCallRequest(call=CALL)] * 3
        first, second, third = await way.authorize_many("s-1", items)
        assert first == approved
        assert isinstance(second, errors.PermissionDenied)
        assert isinstance(third, errors.BadAnswer)
        with pytest.raises(errors.BadAnswer):
            await way.authorize_many("s-1", items)
        await way.close()


async def test_reports_on_a_stream_are_answered_in_their_order() -> None:
    rejected = Reported(status=Reported.REJECTED, error=REFUSAL)
    told = [Reported(status=Reported.LOGGED), rejected, Reported(), grpc.StatusCode.UNAVAILABLE]
    async with Played(callers=Granting(*told)) as host:
        way = transport(host)

        async def feed() -> AsyncIterator[local_pb2.LogToolResultRequest]:
            for number in range(4):
                yield local_pb2.LogToolResultRequest(invocation_id=f"i-{number}")

        answers, ended = await until_it_ends(way.log_results(feed()))
        assert isinstance(ended, errors.ConnectionFailed)
        meant = [type(report_refusal(answer)) for answer in answers]
        assert meant == [type(None), errors.PermissionDenied, errors.BadAnswer]
        await way.close()


async def test_a_grant_is_given_back_and_watched() -> None:
    told = [
        local_pb2.CancelGrantResponse(cancelled=True),
        local_pb2.CancelGrantResponse(error=REFUSAL),
        local_pb2.WatchGrantsResponse(epoch=3),
        local_pb2.WatchGrantsResponse(epoch=4, reason="a role was revoked"),
        local_pb2.WatchGrantsResponse(error=REFUSAL),
    ]
    async with Played(callers=Granting(*told)) as host:
        way = transport(host)
        assert (await way.cancel_grant("s-1", "i-1", b"\1" * 32, reason="not needed")).cancelled
        with pytest.raises(errors.PermissionDenied):
            await way.cancel_grant("s-1", "i-1", b"\1" * 32)
        assert isinstance(host.callers, Granting)
        assert (host.callers.asked[0].grant, host.callers.asked[0].reason) == (b"\1" * 32, "not needed")
        answers, ended = await until_it_ends(way.watch_grants("s-1"))
        assert isinstance(ended, errors.PermissionDenied)
        assert [answer.epoch for answer in answers] == [3, 4]
        await way.close()

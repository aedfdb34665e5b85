"""The client against a host that the test plays: what it sends, what it makes of answers, when it tries again."""

import asyncio
import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from played import Played, refused, success

from altar_grid import AltarClient, FunctionCall, Retries, ToolFailed, ToolResult, errors
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2
from altar_grid.adm import ResultStatus
from altar_grid.client import Backoff, BreakerSettings, BreakerState

QUICK = Retries(backoff=Backoff(first=0.01, longest=0.02))
ABORT = Callable[[call_pb2.ToolCall, Any], Awaitable[call_pb2.CallToolResponse]]


def abort(code: grpc.StatusCode, details: str = "") -> ABORT:
    async def answer(request: call_pb2.ToolCall, context: Any) -> call_pb2.CallToolResponse:
        await context.abort(code, details)
        raise AssertionError

    return answer


def client(host: Played, **more: Any) -> AltarClient:
    return AltarClient(host.endpoint, **{"retries": QUICK, **more})


async def test_a_call_carries_its_ids_and_gives_the_value() -> None:
    async with Played() as host, client(host) as caller:
        assert await caller.call("add", {"a": 2}, call_id="c-7", correlation_id="flow-1", metadata={"k": "v"}) == 42
        sent = host.callers.calls[0]
        assert (sent.call.call_id, sent.call.name, sent.call.args) == ("c-7", "add", '{"a":2}')
        assert (sent.correlation_id, sent.session_id, dict(sent.metadata)) == ("flow-1", "s-1", {"k": "v"})
        assert sent.deadline_unix_ms == 0
        answer = await caller.execute_tool("add", timeout=5.0)
        assert (answer.ok, answer.invocation_id, answer.content) == (True, "i-1", "42")
        assert host.callers.calls[1].deadline_unix_ms > 1_000_000_000_000
        assert host.callers.calls[1].call.call_id != host.callers.calls[0].call.call_id
    assert host.callers.destroyed == ["s-1"]


async def test_the_tools_own_error_is_raised_by_call_and_given_by_execute() -> None:
    async def fails(request: call_pb2.ToolCall, _: Any) -> call_pb2.CallToolResponse:
        error = adm_pb2.ErrorObject(type="RESOURCE_NOT_FOUND", message="no such order")
        result = adm_pb2.ToolResult(
            call_id=request.call.call_id, name="find", status=adm_pb2.TOOL_RESULT_STATUS_ERROR, error=error
        )
        return call_pb2.CallToolResponse(result=call_pb2.ToolResult(result=result), invocation_id="i-9")

    async with Played() as host, client(host) as caller:
        host.callers.answers = [fails, fails]
        with pytest.raises(ToolFailed, match="no such order") as caught:
            await caller.call("find")
        assert (caught.value.code, caught.value.tool, caught.value.invocation_id) == (
            "RESOURCE_NOT_FOUND",
            "find",
            "i-9",
        )
        answer = await caller.execute_tool("find")
        assert not answer.ok
        with pytest.raises(ToolFailed):
            _ = answer.value
        assert len(host.callers.calls) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda answer: answer.Clear(),
        lambda answer: answer.result.ClearField("result"),
        lambda answer: setattr(answer.result.result, "call_id", "other"),
        lambda answer: setattr(answer.result.result, "name", "other"),
        lambda answer: setattr(answer.result.result, "status", adm_pb2.TOOL_RESULT_STATUS_UNSPECIFIED),
        lambda answer: setattr(answer.result.result, "status", adm_pb2.TOOL_RESULT_STATUS_ERROR),
        lambda answer: answer.result.result.ClearField("content"),
        lambda answer: setattr(answer.result.result, "content", "no json"),
        lambda answer: setattr(answer.result.result, "content", "NaN"),
        lambda answer: answer.result.result.error.SetInParent(),
    ],
)
async def test_an_answer_that_proves_nothing_is_no_success(spoil: Callable[[Any], None]) -> None:
    async def answer(request: call_pb2.ToolCall, _: Any) -> call_pb2.CallToolResponse:
        made = success(request)
        spoil(made)
        return made

    async with Played() as host, client(host) as caller:
        host.callers.answers = [answer]
        with pytest.raises(errors.BadAnswer):
            await caller.call("add")
        assert len(host.callers.calls) == 1


async def test_a_refusal_is_repeated_under_the_same_call_id_where_the_host_allows_it() -> None:
    async with Played() as host, client(host) as caller:
        host.callers.answers = [refused("SERVICE_UNAVAILABLE", retry_allowed=True, retry_after_ms=20)] * 2
        assert await caller.call("add") == 42
        assert len({call.call.call_id for call in host.callers.calls}) == 1
        assert len(host.callers.calls) == 3
        host.callers.answers = [refused("PERMISSION_DENIED")]
        with pytest.raises(errors.PermissionDenied):
            await caller.call("add")
        assert len(host.callers.calls) == 4


async def test_retries_end_and_can_be_switched_off() -> None:
    full = refused("SERVICE_UNAVAILABLE", retry_allowed=True)
    async with Played() as host, client(host) as caller:
        host.callers.answers = [full] * 9
        with pytest.raises(errors.ServiceUnavailable) as caught:
            await caller.call("add")
        assert (caught.value.tries, len(host.callers.calls)) == (4, 4)
        with pytest.raises(errors.ServiceUnavailable):
            await caller.call("add", retries=Retries.none())
        assert len(host.callers.calls) == 5


async def test_a_lost_answer_is_asked_for_again_because_the_call_id_makes_it_harmless() -> None:
    async with Played() as host, client(host) as caller:
        host.callers.answers = [abort(grpc.StatusCode.UNAVAILABLE, "Socket closed")]
        assert await caller.call("add") == 42
        assert len(host.callers.calls) == 2


@pytest.mark.parametrize(
    ("code", "details", "kind"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "", errors.InvalidCredentials),
        (grpc.StatusCode.PERMISSION_DENIED, "", errors.PermissionDenied),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max", errors.MessageTooLarge),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE: too long", errors.MessageTooLarge),
        (grpc.StatusCode.UNIMPLEMENTED, "", errors.FeatureUnavailable),
        (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_REQUEST: not read", errors.MalformedRequest),
        (grpc.StatusCode.INTERNAL, "boom", errors.ProtocolViolation),
    ],
)
async def test_statuses_become_the_exceptions_of_their_codes(
    code: grpc.StatusCode, details: str, kind: type[errors.GridError]
) -> None:
    async with Played() as host, client(host) as caller:
        host.callers.answers = [abort(code, details)]
        with pytest.raises(kind) as caught:
            await caller.call("add", correlation_id="flow-1")
        assert caught.value.correlation_id == "flow-1"
        assert not caught.value.refused
        assert len(host.callers.calls) == 1


async def test_a_message_larger_than_the_limit_is_named() -> None:
    async with Played() as host, client(host, message_limit=10_000) as caller:
        with pytest.raises(errors.MessageTooLarge):
            await caller.call("add", {"text": "x" * 20_000})
        assert host.callers.calls == []


async def test_nobody_listening_is_a_connection_failure_and_opens_the_breaker() -> None:
    async with Played() as host:
        pass
    caller = client(host, breaker=BreakerSettings(failure_threshold=4))
    with pytest.raises(errors.ConnectionFailed) as caught:
        await caller.call("add")
    assert (caught.value.unsent, caught.value.tries) == (True, 4)
    assert caller.transport.breaker.state is BreakerState.OPEN
    with pytest.raises(errors.HostUnavailable) as blocked:
        await caller.call("add")
    assert blocked.value.retry_after_ms > 25_000
    await caller.close()


async def test_a_host_that_comes_up_in_the_meantime_is_reached() -> None:
    async with Played() as host:
        pass
    patient = Retries(most=20, backoff=Backoff(first=0.1, longest=0.2))
    async with client(host, retries=patient, breaker=BreakerSettings(failure_threshold=0)) as caller:
        calling = asyncio.ensure_future(caller.call("add"))
        await asyncio.sleep(0.3)
        await host.start()
        assert await calling == 42
        assert host.callers.sessions == 1
        await host.stop()


async def test_a_session_that_has_ended_is_replaced_once() -> None:
    async with Played() as host, client(host) as caller:
        host.callers.answers = [refused("SESSION_EXPIRED"), success_answer]
        assert await caller.call("add") == 42
        assert [call.session_id for call in host.callers.calls] == ["s-1", "s-2"]
        host.callers.answers = [refused("SESSION_EXPIRED"), refused("SESSION_EXPIRED")]
        with pytest.raises(errors.SessionExpired):
            await caller.call("add")


async def test_a_call_that_may_have_run_in_an_ended_session_is_not_made_in_another() -> None:
    async with Played() as host, client(host) as caller:
        host.callers.answers = [abort(grpc.StatusCode.UNAVAILABLE), refused("SESSION_EXPIRED")]
        with pytest.raises(errors.SessionExpired):
            await caller.call("add")
        assert len(host.callers.calls) == 2


async def success_answer(request: call_pb2.ToolCall, _: Any) -> call_pb2.CallToolResponse:
    return success(request)


async def test_an_opened_session_is_closed_and_never_replaced() -> None:
    async with Played() as host, client(host) as caller:
        host.callers.answers = [refused("SESSION_EXPIRED")]
        async with caller.open_session(label="mine") as session:
            assert (session.id, session.expires_at) == ("s-1", 5.0)
            with pytest.raises(errors.SessionExpired):
                await session.call("add")
        assert host.callers.destroyed == ["s-1"]
        other = await caller.open_session()
        assert await other.close() == 0


async def test_a_newer_token_is_tried_once(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "agent.token"
    path.write_text("old\n")

    async def rotated(_: call_pb2.ToolCall, context: Any) -> call_pb2.CallToolResponse:
        path.write_text("new\n")
        return refused("INVALID_CREDENTIALS")

    async with Played() as host, client(host, token_file=path) as caller:
        host.callers.answers = [rotated]
        assert await caller.call("add") == 42
        assert host.callers.tokens == ["Bearer old", "Bearer new"]
        host.callers.answers = [refused("INVALID_CREDENTIALS")]
        with pytest.raises(errors.InvalidCredentials):
            await caller.call("add")
        assert len(host.callers.tokens) == 3


async def test_a_task_that_is_cancelled_leaves_the_client_usable() -> None:
    async def slow(request: call_pb2.ToolCall, _: Any) -> call_pb2.CallToolResponse:
        await asyncio.sleep(30)
        return success(request)

    async with Played() as host, client(host) as caller:
        host.callers.answers = [slow]
        calling = asyncio.ensure_future(caller.call("add"))
        while not host.callers.calls:
            await asyncio.sleep(0.01)
        calling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await calling
        assert await caller.call("add") == 42
        assert caller.transport.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("args", [{"a": object()}, {"a": float("nan")}, {"a": "\ud800"}, "text", [1], 7])
async def test_arguments_that_are_no_json_object_are_refused_here(args: Any) -> None:
    async with Played() as host, client(host) as caller:
        with pytest.raises(errors.ArgumentsError):
            await caller.call("add", args)
        assert host.callers.calls == []


async def test_a_closed_client_says_so() -> None:
    async with Played() as host:
        caller = client(host)
        assert await caller.call("add") == 42
        await caller.close()
        with pytest.raises(errors.SettingError, match="closed"):
            await caller.call("add")


def test_one_client_serves_several_loops_one_after_the_other() -> None:
    async def one(caller: AltarClient) -> None:
        assert await caller.call("add") == 42

    async def all_of_it() -> None:
        async with Played() as host:
            caller = client(host)
            await asyncio.to_thread(asyncio.run, one(caller))
            await one(caller)
            assert host.callers.sessions == 2
            await caller.close()

    asyncio.run(all_of_it())


async def test_calls_and_results_of_the_data_model() -> None:
    async with Played() as host, client(host) as caller:
        answer = await caller.execute_tool(FunctionCall(call_id="c-1", name="add", args={"a": 1}))
        assert (host.callers.calls[0].call.call_id, host.callers.calls[0].call.args) == ("c-1", '{"a":1}')
        assert answer.result == ToolResult(call_id="c-1", name="add", status=ResultStatus.SUCCESS, content=42)
        with pytest.raises(errors.ArgumentsError):
            await caller.execute_tool(FunctionCall(call_id="c-1", name="add", args={}), {"a": 1})

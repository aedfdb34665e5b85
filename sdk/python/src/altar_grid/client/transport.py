"""The requests of GridService, one method for each: signed, bounded in time, repeated where the rules allow, held back
by the breaker. Takes and gives wire messages; refusals are raised as the exceptions of their codes."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
from types import SimpleNamespace
from typing import Any, TypeVar

import grpc
import grpc.aio

from altar_grid import _clock
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import (
    approval_pb2_grpc,
    call_pb2,
    client_pb2_grpc,
    common_pb2,
    local_pb2,
    session_pb2,
)
from altar_grid.client.breaker import BreakerSettings, CircuitBreaker
from altar_grid.client.connect import Connection, Metadata
from altar_grid.client.faults import from_status
from altar_grid.client.refusals import call_refusal, denial, plain_refusal, report_refusal
from altar_grid.client.retry import Attempt, Retries
from altar_grid.errors import BadAnswer, GridError, InvalidCredentials, SettingError

log = logging.getLogger("altar_grid.client")

_Answer = TypeVar("_Answer")


class Transport:
    """One connection for each event loop that uses it, opened at first use and kept. Safe to use from several loops.

    Args:
        connection: Where the host is and how to prove who is asking.
        retries: How requests are repeated where repeating is allowed.
        breaker: When to stop asking a host that does not answer.
    """

    def __init__(
        self,
        connection: Connection | None = None,
        *,
        retries: Retries | None = None,
        breaker: BreakerSettings | None = None,
    ) -> None:
        self.connection = connection or Connection()
        self.retries = retries or Retries()
        self.breaker = CircuitBreaker(breaker)
        self._metadata: Metadata | None = None
        self._channels: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[grpc.aio.Channel, Any]] = (
            weakref.WeakKeyDictionary()
        )
        self._closed = False

    def _service(self) -> Any:
        """The requests of the running loop, of callers and of those who approve."""
        if self._closed:
            raise SettingError("the client is closed; open a new one")
        loop = asyncio.get_running_loop()
        held = self._channels.get(loop)
        if held is None:
            channel = self.connection.channel()
            held = self._channels[loop] = (channel, _requests(channel))
        return held[1]

    async def close(self) -> None:
        """Closes the connection of the running loop; no request can be sent afterwards."""
        self._closed = True
        held = self._channels.pop(asyncio.get_running_loop(), None)
        if held is not None:
            await held[0].close()

    def _signed(self) -> Metadata:
        if self._metadata is None:
            self._metadata = self.connection.metadata()
        return self._metadata

    def _refresh(self, refused: Metadata) -> bool:
        """Reads the token again; true where it is another than the refused one."""
        try:
            self._metadata = self.connection.metadata()
        except SettingError:
            return False
        return bool(self._metadata != refused)

    async def exchange(
        self,
        attempt: Attempt,
        send: Callable[[Any, float, Metadata], Any],
        refusal: Callable[[_Answer], GridError | None],
    ) -> _Answer:
        """One request and its answer, repeated as `attempt` allows.

        Args:
            attempt: The request's ids, deadline and tries.
            send: Starts the request on a stub, with a timeout in seconds and metadata.
            refusal: Finds the refusal in an answer that has one.
        """
        while True:
            metadata = self._signed()
            try:
                return await self._once(attempt, send, refusal, metadata)
            except GridError as fault:
                if isinstance(fault, SettingError):
                    raise
                if not fault.correlation_id:
                    fault.correlation_id = attempt.correlation_id
                if attempt.may_refresh(fault) and self._refresh(metadata):
                    continue
                pause = attempt.pause(fault)
                if pause is None:
                    raise
                log.debug(
                    "try %d of %s failed, next in %.3f s: %s", attempt.tries, attempt.correlation_id, pause, fault
                )
            await asyncio.sleep(pause)

    async def _once(
        self,
        attempt: Attempt,
        send: Callable[[Any, float, Metadata], Any],
        refusal: Callable[[_Answer], GridError | None],
        metadata: Metadata,
    ) -> _Answer:
        service = self._service()
        entered = self.breaker.enter(attempt.correlation_id)
        fault: BaseException | None = None
        try:
            answer: _Answer = await send(service, attempt.patience(), metadata)
            refused = refusal(answer)
            if refused is not None:
                raise refused
        except grpc.aio.AioRpcError as status:
            fault = from_status(status, attempt.correlation_id)
            raise fault from None
        except grpc.aio.UsageError:
            raise SettingError("the client is closed; open a new one") from None
        except BaseException as other:
            fault = other
            raise
        else:
            return answer
        finally:
            self.breaker.leave(entered, fault)

    def attempt(
        self,
        correlation_id: str,
        *,
        idempotent: bool,
        retries: Retries | None = None,
        deadline: float | None = None,
        people: float = 0.0,
    ) -> Attempt:
        """Begins a request; `deadline` is in seconds since 1970, UTC, `people` the seconds that a person may take."""
        return Attempt(
            correlation_id,
            self.retries if retries is None else retries,
            idempotent=idempotent,
            deadline=deadline,
            people=people,
        )

    async def _ask(
        self, method: str, message: Any, attempt: Attempt, refusal: Callable[[_Answer], GridError | None]
    ) -> _Answer:
        def send(service: Any, timeout: float, metadata: Metadata) -> Any:
            return getattr(service, method)(message, timeout=timeout, metadata=metadata)

        return await self.exchange(attempt, send, refusal)

    # Sessions and calls.

    async def create_session(self, request: session_pb2.CreateSession) -> session_pb2.CreateSessionResponse:
        """Opens a session. A lost answer is not repeated: it could open two."""
        attempt = self.attempt(request.correlation_id, idempotent=False)
        answer: session_pb2.CreateSessionResponse = await self._ask("CreateSession", request, attempt, plain_refusal)
        if not answer.session_id:
            raise BadAnswer("the answer names no session", correlation_id=request.correlation_id)
        return answer

    async def destroy_session(self, request: session_pb2.DestroySession) -> session_pb2.DestroySessionResponse:
        """Ends a session."""
        attempt = self.attempt(request.correlation_id, idempotent=False)
        answer: session_pb2.DestroySessionResponse = await self._ask("DestroySession", request, attempt, plain_refusal)
        if not answer.destroyed:
            raise BadAnswer(
                "the session was neither ended nor was ending it refused", correlation_id=request.correlation_id
            )
        return answer

    async def list_tools(self, request: call_pb2.ListTools) -> call_pb2.ListToolsResponse:
        """The tools of a session."""
        attempt = self.attempt(request.correlation_id, idempotent=True)
        return await self._ask("ListTools", request, attempt, plain_refusal)

    async def call_tool(
        self, request: call_pb2.ToolCall, *, retries: Retries | None = None, approval: float | None = None
    ) -> call_pb2.CallToolResponse:
        """Calls a tool; its call id makes a repeat harmless. A person may take `approval` seconds beside the run."""
        deadline = request.deadline_unix_ms / 1000 if request.deadline_unix_ms else None
        attempt = self.attempt(
            request.correlation_id, idempotent=True, retries=retries, deadline=deadline, people=approval or 0.0
        )
        return await self._ask("CallTool", request, attempt, call_refusal)

    async def cancel_tool_call(self, request: call_pb2.CancelToolCall) -> call_pb2.CancelToolCallResponse:
        """Stops a call that is in flight."""
        attempt = self.attempt(request.correlation_id, idempotent=True)
        return await self._ask("CancelToolCall", request, attempt, plain_refusal)

    # Governed local dispatch; docs/adr/0016-a-grant-is-the-proof-of-its-intent.md.

    async def authorize(
        self,
        session_id: str,
        call: adm_pb2.FunctionCall,
        args_digest: local_pb2.ArgsDigest | None = None,
        *,
        correlation_id: str = "",
        metadata: Mapping[str, str] | None = None,
        trace_context: common_pb2.TraceContext | None = None,
        timeout: float | None = None,
    ) -> local_pb2.AuthorizeToolCallResponse:
        """Asks whether a call may run here. What comes back is an approval with an invocation id and a grant.

        A lost answer is not asked for again: the grant behind it would stay open. Raises what was denied, and
        `BadAnswer` for anything that is neither. What a person has to decide first is raised too, with `waits_for`: ask
        again with the same call id, after its `retry_after_ms`.

        Args:
            session_id: The session.
            call: The call; without `args` where `args_digest` stands for them.
            args_digest: Stands for arguments that the host does not see, where the contract permits it.
            correlation_id: Joins it with a wider workflow; freshly minted where nothing is given.
            metadata: Anything for the record.
            trace_context: W3C trace context.
            timeout: Seconds to wait for the answer.
        """
        correlation = correlation_id or _clock.correlation_id("client")
        request = local_pb2.AuthorizeToolCallRequest(
            session_id=session_id,
            call=call,
            correlation_id=correlation,
            metadata=metadata,
            args_digest=args_digest,
            trace_context=trace_context,
        )
        attempt = self.attempt(correlation, idempotent=False, deadline=_deadline(timeout))
        return await self._ask("AuthorizeToolCall", request, attempt, denial)

    async def authorize_many(
        self,
        session_id: str,
        items: Iterable[local_pb2.AuthorizeToolCallRequest],
        *,
        correlation_id: str = "",
        timeout: float | None = None,
    ) -> list[local_pb2.AuthorizeToolCallResponse | GridError]:
        """Asks for several calls at once; needs the feature `batch-authorization` in the session.

        Gives an approval or the reason against it for each item, in their order. At most 256 items.
        """
        correlation = correlation_id or _clock.correlation_id("client")
        request = local_pb2.AuthorizeToolCallsRequest(
            session_id=session_id, correlation_id=correlation, items=list(items)
        )
        attempt = self.attempt(correlation, idempotent=False, deadline=_deadline(timeout))
        answer: local_pb2.AuthorizeToolCallsResponse = await self._ask(
            "AuthorizeToolCalls", request, attempt, plain_refusal
        )
        if len(answer.items) != len(request.items):
            raise BadAnswer("the answer has not one item for each of the request", correlation_id=correlation)
        return [denial(item) or item for item in answer.items]

    async def log_result(
        self, request: local_pb2.LogToolResultRequest, *, timeout: float | None = None
    ) -> local_pb2.LogToolResultResponse:
        """Reports an outcome. Raises where it is not on record; an identical repeat is harmless."""
        if not request.correlation_id:
            request.correlation_id = _clock.correlation_id("client")
        attempt = self.attempt(request.correlation_id, idempotent=True, deadline=_deadline(timeout))
        return await self._ask("LogToolResult", request, attempt, report_refusal)

    async def log_results(
        self, requests: AsyncIterable[local_pb2.LogToolResultRequest]
    ) -> AsyncIterator[local_pb2.LogToolResultResponse]:
        """Reports outcomes on one stream and gives the answers in their order, as they are: `report_refusal` says what
        one means. A broken stream is raised and not repeated; whoever feeds it knows what had no answer."""
        async for answer in self._stream("LogToolResults", requests):
            yield answer

    async def cancel_grant(
        self,
        session_id: str,
        invocation_id: str,
        grant: bytes,
        *,
        reason: str = "",
        correlation_id: str = "",
        timeout: float | None = None,
    ) -> local_pb2.CancelGrantResponse:
        """Gives a grant back unused. Where the answer says `cancelled`, nothing ran under it or will.

        Args:
            session_id: The session.
            invocation_id: The id that the approval named.
            grant: `leaf_hash` of the grant's receipt, 32 bytes.
            reason: Why, for the record.
            correlation_id: Freshly minted where nothing is given.
            timeout: Seconds to wait for the answer.
        """
        correlation = correlation_id or _clock.correlation_id("client")
        request = local_pb2.CancelGrantRequest(
            session_id=session_id,
            invocation_id=invocation_id,
            grant=grant,
            reason=reason,
            correlation_id=correlation,
        )
        attempt = self.attempt(correlation, idempotent=True, deadline=_deadline(timeout))
        return await self._ask("CancelGrant", request, attempt, plain_refusal)

    async def watch_grants(self, session_id: str) -> AsyncIterator[local_pb2.WatchGrantsResponse]:
        """The policy epoch at once, then each invalidation, until the stream ends. Raises how it ended, where that
        was a refusal or a fault; whoever watches comes back by asking again."""
        request = local_pb2.WatchGrantsRequest(session_id=session_id, correlation_id=_clock.correlation_id("client"))
        async for answer in self._stream("WatchGrants", request):
            refused = plain_refusal(answer)
            if refused is not None:
                raise refused
            yield answer

    async def stream_tool_call(self, request: call_pb2.ToolCall) -> AsyncGenerator[call_pb2.CallEvent, None]:
        """What comes of a call in pieces, its end included. It is sent once; closing it stops the call."""
        async with contextlib.aclosing(self._stream("StreamToolCall", request)) as events:
            async for event in events:
                yield event

    async def _stream(self, method: str, sent: Any) -> AsyncGenerator[Any, None]:
        """The answers on a stream; one that is not finished is cancelled when its reader goes."""
        call = getattr(self._service(), method)(sent, metadata=self._signed())
        correlation_id = getattr(sent, "correlation_id", "")
        try:
            async for answer in call:
                yield answer
        except grpc.aio.AioRpcError as status:
            fault = from_status(status, correlation_id)
            if isinstance(fault, InvalidCredentials):
                self._metadata = None
            raise fault from None
        finally:
            call.cancel()


def _requests(channel: grpc.aio.Channel) -> SimpleNamespace:
    callers = client_pb2_grpc.GridServiceStub(channel)  # type: ignore[no-untyped-call]
    deciders = approval_pb2_grpc.ApprovalServiceStub(channel)  # type: ignore[no-untyped-call]
    return SimpleNamespace(**vars(callers), **vars(deciders))


def _deadline(timeout: float | None) -> float | None:
    return None if timeout is None else _clock.unix_ms() / 1000 + timeout

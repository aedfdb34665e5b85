"""A session: the context in which a caller sees and calls tools. It lives on the host until it is closed or expires."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

from altar_grid import _clock
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2, common_pb2, session_pb2
from altar_grid.adm import FunctionCall
from altar_grid.client.answer import CallAnswer, ToolListing, listing, read_answer, write_args
from altar_grid.client.retry import Retries
from altar_grid.client.stream import CallStream
from altar_grid.client.transport import Transport
from altar_grid.errors import ArgumentsError, GridError, InvalidSession, SessionExpired


class Session:
    """A handle on an open session; get one from `AltarClient.open_session`.

    Attributes:
        id: The host's id of the session.
        expires_at: When it ends by itself, in seconds since 1970, UTC; 0 for one that was opened elsewhere.
        features: Those of the wished features that the session has.
    """

    def __init__(
        self, transport: Transport, session_id: str, expires_at: float = 0.0, features: Sequence[str] = ()
    ) -> None:
        self.transport = transport
        self.id = session_id
        self.expires_at = expires_at
        self.features = frozenset(features)

    def __repr__(self) -> str:
        return f"Session({self.id!r})"

    async def list_tools(self) -> list[ToolListing]:
        """The tools that the caller may call in this session."""
        correlation_id = _clock.correlation_id("client")
        request = call_pb2.ListTools(session_id=self.id, correlation_id=correlation_id)
        answer = await self.transport.list_tools(request)
        return [listing(wire, correlation_id) for wire in answer.tools]

    async def call(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        approval: float | None = None,
        call_id: str | None = None,
        correlation_id: str | None = None,
        retries: Retries | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> Any:
        """Calls a tool and gives what it answered, as Python's own types.

        The options are those of `execute_tool`.

        Raises:
            ToolFailed: The tool answered an error of its own.
            GridError: The host refused, or the request did not get through; see `altar_grid.errors`.
        """
        answer = await self.execute_tool(
            name,
            args,
            timeout=timeout,
            approval=approval,
            call_id=call_id,
            correlation_id=correlation_id,
            retries=retries,
            metadata=metadata,
        )
        return answer.value

    async def execute_tool(
        self,
        name: str | FunctionCall,
        args: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        approval: float | None = None,
        call_id: str | None = None,
        correlation_id: str | None = None,
        retries: Retries | None = None,
        metadata: Mapping[str, str] | None = None,
        receipt: bool = False,
    ) -> CallAnswer:
        """Calls a tool and gives all that the host says of it; the tool's own error is an answer here.

        A task that is cancelled while it waits does not stop the tool; `cancel` does.

        Args:
            name: Name of the function, or a whole call of the data model.
            args: Its arguments, a JSON object.
            timeout: Seconds that the call may take, from now; it can only shorten the contract's own timeout.
            approval: Seconds that a person may take to approve the call, beside the time that it runs; enough for the
                usual five minutes where nothing is given. A call that needs nobody is not held up by it.
            call_id: The idempotency key within the session; a fresh UUID where nothing is given. A repeat with the
                same id gets the first call's answer.
            correlation_id: Joins this call with a wider workflow; freshly minted where nothing is given.
            retries: How the call is repeated; as the client was told where nothing is given.
            metadata: Anything that operators should find with it.
            receipt: Whether the answer shall carry a receipt of the audit log.

        Raises:
            ArgumentsError: The arguments are no JSON object; nothing was sent.
            GridError: The host refused, or the request did not get through; see `altar_grid.errors`.
        """
        if isinstance(name, FunctionCall):
            if args is not None or call_id is not None:
                raise ArgumentsError("a FunctionCall has its own arguments and id; leave `args` and `call_id` out")
            call_id, args, name = name.call_id, name.args, name.name
        request = call_pb2.ToolCall(
            correlation_id=correlation_id or _clock.correlation_id("client"),
            call=adm_pb2.FunctionCall(call_id=call_id or _clock.call_id(), name=name, args=write_args(args)),
            session_id=self.id,
            deadline_unix_ms=0 if timeout is None else int((time.time() + timeout) * 1000),
            metadata=metadata,
            receipt=receipt,
        )
        answer = await self.transport.call_tool(request, retries=retries, approval=approval)
        return read_answer(request, answer)

    def stream(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
        call_id: str | None = None,
        correlation_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
        receipt: bool = False,
    ) -> CallStream:
        """Calls a tool whose result comes in pieces; iterate over what this gives. The call is sent when the iteration
        begins, once and never again: the host keeps nothing of a streamed result.

        The options are those of `execute_tool`. Refusals and the tool's own error are raised by the iteration, also
        after some pieces, which are then a part of a result at most.

        Raises:
            ArgumentsError: The arguments are no JSON object; nothing was sent.
        """
        request = call_pb2.ToolCall(
            correlation_id=correlation_id or _clock.correlation_id("client"),
            call=adm_pb2.FunctionCall(call_id=call_id or _clock.call_id(), name=name, args=write_args(args)),
            session_id=self.id,
            streaming=True,
            deadline_unix_ms=0 if timeout is None else int((time.time() + timeout) * 1000),
            metadata=metadata,
            receipt=receipt,
        )
        return CallStream(self.transport, request)

    async def cancel(self, call_id: str, reason: str = "the caller asked for it") -> bool:
        """Stops a call that is in flight; false where there was none."""
        request = call_pb2.CancelToolCall(
            session_id=self.id,
            call_id=call_id,
            reason=reason,
            correlation_id=_clock.correlation_id("client"),
        )
        return (await self.transport.cancel_tool_call(request)).cancelled

    async def close(self, *, force: bool = False) -> int:
        """Ends the session and says how many calls were cancelled by that. Without `force` the host refuses while
        calls are in flight."""
        request = session_pb2.DestroySession(
            session_id=self.id, force=force, correlation_id=_clock.correlation_id("client")
        )
        return (await self.transport.destroy_session(request)).cancelled_invocations


class Opening(AbstractAsyncContextManager[Session]):
    """A session that is being opened: `await` it for a session that you close yourself, or use it in `async with`,
    which closes it at the end, calls in flight included."""

    def __init__(self, transport: Transport, request: session_pb2.CreateSession) -> None:
        self._transport = transport
        self._request = request
        self._session: Session | None = None

    async def _open(self) -> Session:
        answer = await self._transport.create_session(self._request)
        return Session(self._transport, answer.session_id, answer.expires_at_ms / 1000, answer.enabled_features)

    def __await__(self) -> Generator[Any, None, Session]:
        return self._open().__await__()

    async def __aenter__(self) -> Session:
        self._session = await self._open()
        return self._session

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is None:
            return
        try:
            await self._session.close(force=True)
        except (InvalidSession, SessionExpired):
            # It has ended already.
            return
        except GridError:
            # What went wrong inside says more than that the session could not be closed besides; it expires anyway.
            if fault is None:
                raise


def creation(
    label: str, ttl: float | None, metadata: Mapping[str, str] | None, features: Sequence[str]
) -> session_pb2.CreateSession:
    """The request that opens a session."""
    return session_pb2.CreateSession(
        suggested_session_id=label,
        metadata=metadata,
        ttl_seconds=0 if ttl is None else max(int(ttl), 1),
        compliance_level=common_pb2.LEVEL_2_ENHANCED,
        correlation_id=_clock.correlation_id("client"),
        optional_features=features,
    )

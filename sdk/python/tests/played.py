"""A host that a test plays by hand, on a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio

from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import (
    approval_pb2,
    approval_pb2_grpc,
    call_pb2,
    client_pb2_grpc,
    errors_pb2,
    fulfilment_pb2,
    handshake_pb2,
    runtime_pb2,
    runtime_pb2_grpc,
    session_pb2,
)

Answering = Callable[[call_pb2.ToolCall, Any], Awaitable[call_pb2.CallToolResponse]]


def refused(code: str, **more: Any) -> call_pb2.CallToolResponse:
    error = errors_pb2.EnhancedError(type=code, message="no", component="host", **more)
    return call_pb2.CallToolResponse(error=error)


def success(call: call_pb2.ToolCall, content: str = "42") -> call_pb2.CallToolResponse:
    result = adm_pb2.ToolResult(
        call_id=call.call.call_id, name=call.call.name, status=adm_pb2.TOOL_RESULT_STATUS_SUCCESS, content=content
    )
    return call_pb2.CallToolResponse(result=call_pb2.ToolResult(result=result), invocation_id="i-1")


class Deciders(approval_pb2_grpc.ApprovalServiceServicer):
    """Lists what waits, and answers decisions as told."""

    def __init__(self) -> None:
        self.waiting: list[approval_pb2.Approval] = []
        self.refusal: errors_pb2.EnhancedError | None = None
        self.decided: list[approval_pb2.DecideApprovalRequest] = []
        self.tokens: list[str] = []

    async def ListApprovals(self, request: Any, context: Any) -> approval_pb2.ListApprovalsResponse:
        self.tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
        return approval_pb2.ListApprovalsResponse(approvals=self.waiting, error=self.refusal)

    async def DecideApproval(self, request: Any, context: Any) -> approval_pb2.DecideApprovalResponse:
        self.decided.append(request)
        known = any(request.approval_id == each.approval_id for each in self.waiting)
        return approval_pb2.DecideApprovalResponse(decided=known and self.refusal is None, error=self.refusal)


class Callers(client_pb2_grpc.GridServiceServicer):
    """Answers calls as told; every other request in the plainest way."""

    def __init__(self) -> None:
        self.calls: list[call_pb2.ToolCall] = []
        self.tokens: list[str] = []
        self.sessions = 0
        self.destroyed: list[str] = []
        self.answers: list[Answering | call_pb2.CallToolResponse] = []

    async def CreateSession(self, request: Any, context: Any) -> session_pb2.CreateSessionResponse:
        self.sessions += 1
        return session_pb2.CreateSessionResponse(session_id=f"s-{self.sessions}", expires_at_ms=5000)

    async def DestroySession(self, request: Any, context: Any) -> session_pb2.DestroySessionResponse:
        self.destroyed.append(request.session_id)
        return session_pb2.DestroySessionResponse(destroyed=True)

    async def CallTool(self, request: call_pb2.ToolCall, context: Any) -> call_pb2.CallToolResponse:
        self.calls.append(request)
        self.tokens.append(dict(context.invocation_metadata()).get("authorization", ""))
        if not self.answers:
            return success(request)
        answer = self.answers.pop(0)
        return await answer(request, context) if callable(answer) else answer


class Runtimes(runtime_pb2_grpc.RuntimeServiceServicer):
    """One runtime's stream at a time: what it says goes to `heard`, what is put to `says` goes to it."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[runtime_pb2.RuntimeFrame | None] = asyncio.Queue()
        self.says: asyncio.Queue[runtime_pb2.HostFrame | None] = asyncio.Queue()
        self.beats = True
        self.heartbeats: list[runtime_pb2.Heartbeat] = []

    async def Attach(self, frames: AsyncIterator[Any], context: Any) -> AsyncIterator[runtime_pb2.HostFrame]:
        says = self.says = asyncio.Queue()

        async def hear() -> None:
            async for frame in frames:
                if frame.WhichOneof("frame") == "heartbeat":
                    self.heartbeats.append(frame.heartbeat)
                    if self.beats:
                        await says.put(runtime_pb2.HostFrame(heartbeat_ack={"sequence": frame.heartbeat.sequence}))
                else:
                    await self.heard.put(frame)
            await says.put(None)

        hearing = asyncio.ensure_future(hear())
        try:
            while (frame := await says.get()) is not None:
                yield frame
        finally:
            hearing.cancel()
            # The stream has ended, whoever ended it.
            self.heard.put_nowait(None)

    async def say(self, **frame: Any) -> None:
        await self.says.put(runtime_pb2.HostFrame(**frame))

    async def hang_up(self) -> None:
        await self.says.put(None)

    async def hear(self, kind: str) -> Any:
        frame = await asyncio.wait_for(self.heard.get(), timeout=20)
        if frame is None and kind == "announce":
            frame = await asyncio.wait_for(self.heard.get(), timeout=20)
        assert frame is not None, f"expected {kind}, and the runtime closed its stream"
        assert frame.WhichOneof("frame") == kind, f"expected {kind}, heard {frame}"
        return getattr(frame, kind)

    async def welcome(self, mode: str = "strict", contracts: tuple[str, ...] = (), **more: Any) -> Any:
        """The handshake up to and including fulfilment; gives the announcement."""
        announced = await self.announced(mode, contracts, **more)
        request = await self.hear("fulfil")
        await self.say(
            fulfilled=fulfilment_pb2.FulfillToolsResponse(
                status=fulfilment_pb2.FulfillToolsResponse.SUCCESS, fulfilled_tools=request.tool_names
            )
        )
        return announced

    async def announced(self, mode: str = "strict", contracts: tuple[str, ...] = (), **more: Any) -> Any:
        announce = await self.hear("announce")
        await self.say(
            announced=handshake_pb2.AnnounceRuntimeResponse(
                connection_id="c-1", available_contracts=contracts, mode=mode, **more
            )
        )
        return announce

    async def call(self, name: str, args: str, invocation_id: str = "i-1", **more: Any) -> None:
        function = adm_pb2.FunctionCall(call_id="call-1", name=name, args=args)
        await self.say(
            call=call_pb2.ToolCall(invocation_id=invocation_id, correlation_id="client-1", call=function, **more)
        )

    async def result(self, invocation_id: str = "i-1") -> adm_pb2.ToolResult:
        answer = await self.hear("result")
        assert (answer.invocation_id, answer.correlation_id) == (invocation_id, "client-1")
        result: adm_pb2.ToolResult = answer.result
        assert result.call_id == "call-1"
        return result


class Played:
    """All services on a free port; `async with` it."""

    def __init__(self, message_limit: int = 4 << 20, credentials: Any = None, callers: Callers | None = None) -> None:
        self.callers, self.runtimes, self.deciders = callers or Callers(), Runtimes(), Deciders()
        self._credentials = credentials
        self.port = 0
        self._limit = message_limit
        self._server: Any = None

    @property
    def endpoint(self) -> str:
        return f"{'http' if self._credentials is None else 'https'}://127.0.0.1:{self.port}"

    async def start(self) -> None:
        options = [("grpc.max_receive_message_length", self._limit), ("grpc.so_reuseport", 0)]
        self._server = grpc.aio.server(options=options)
        address = f"127.0.0.1:{self.port}"
        if self._credentials is None:
            self.port = self._server.add_insecure_port(address)
        else:
            self.port = self._server.add_secure_port(address, self._credentials)
        client_pb2_grpc.add_GridServiceServicer_to_server(self.callers, self._server)  # type: ignore[no-untyped-call]
        runtime_pb2_grpc.add_RuntimeServiceServicer_to_server(self.runtimes, self._server)  # type: ignore[no-untyped-call]
        approval_pb2_grpc.add_ApprovalServiceServicer_to_server(self.deciders, self._server)  # type: ignore[no-untyped-call]
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(0)

    async def __aenter__(self) -> Played:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

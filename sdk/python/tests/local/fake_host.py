"""A GridService for tests, strict where the real host is: grants are bound to all that the record says, redeemed once,
taken back, ended and revoked; everything that does not fit is rejected with its signal and noted."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio

from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import call_pb2, client_pb2_grpc, errors_pb2, local_pb2, session_pb2
from altar_grid.adm import canonical, digest, parse
from local.fake_log import FakeLog

Response = local_pb2.AuthorizeToolCallResponse
Logged = local_pb2.LogToolResultResponse
SESSION = "s-" + "5" * 32
NUMBERS = {
    "type": "OBJECT",
    "properties": {"a": {"type": "INTEGER"}, "b": {"type": "INTEGER"}},
    "required": ["a", "b"],
}


async def nothing() -> None:
    """The default of what may happen before an answer."""


@dataclass
class Held:
    """A grant as the host has it."""

    request: local_pb2.AuthorizeToolCallRequest
    record: dict[str, Any]
    leaf: bytes
    state: str = "open"
    told: tuple[Any, ...] = ()
    ended: str = ""


@dataclass
class FakeHost(client_pb2_grpc.GridServiceServicer):
    """Change its fields to make it behave."""

    ttl_ms: int = 60_000
    skew_ms: int = 0
    effect: str = "write"
    log: FakeLog = field(default_factory=FakeLog)
    deny: str = ""
    # So often the answer is PENDING, with this pause; the same call again is another question to the same people.
    pending: int = 0
    pending_ms: int = 100
    change: Callable[[Response], None] = lambda _: None
    before_answer: Callable[[], Awaitable[None]] = nothing
    delay: float = 0.0
    cancel_works: bool = True
    watch_works: bool = True
    epoch: int = 5

    def __post_init__(self) -> None:
        self.grants: dict[str, Held] = {}
        self.events: list[str] = []
        self.remote: list[call_pb2.ToolCall] = []
        self.schemas: dict[str, dict[str, Any]] = {"add": NUMBERS}
        self.call_ids: set[str] = set()
        self.waited: list[local_pb2.AuthorizeToolCallRequest] = []
        self.allowed: list[float] = []
        self.down = False
        self.reports_down = False
        self.reports = 0
        self._watchers: list[asyncio.Queue[int | None]] = []
        self._server: grpc.aio.Server | None = None
        self.endpoint = ""

    async def __aenter__(self) -> "FakeHost":
        self._server = grpc.aio.server()
        client_pb2_grpc.add_GridServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]
        port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()
        self.endpoint = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_: object) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(None)
        if self._server is not None:
            await self._server.stop(0.2)

    def now_ms(self) -> int:
        return int(time.time() * 1000) + self.skew_ms

    def revoke(self) -> None:
        """Rights ended: open grants are void, and those who watch hear of it."""
        self.epoch += 1
        for held in self.grants.values():
            if held.state == "open" and held.record["epoch"] < self.epoch:
                held.state = "revoked"
        for watcher in self._watchers:
            watcher.put_nowait(self.epoch)

    def break_watches(self) -> None:
        for watcher in self._watchers:
            watcher.put_nowait(None)

    async def _fail(self, context: Any, *, report: bool = False) -> None:
        if self.down or (report and self.reports_down):
            await context.abort(grpc.StatusCode.UNAVAILABLE, "down")

    async def CreateSession(self, request: Any, context: Any) -> session_pb2.CreateSessionResponse:
        return session_pb2.CreateSessionResponse(session_id=SESSION, expires_at_ms=self.now_ms() + 3_600_000)

    async def DestroySession(self, request: Any, context: Any) -> session_pb2.DestroySessionResponse:
        return session_pb2.DestroySessionResponse(destroyed=True)

    async def ListTools(self, request: Any, context: Any) -> call_pb2.ListToolsResponse:
        await self._fail(context)
        answer = call_pb2.ListToolsResponse(correlation_id=request.correlation_id)
        for name, schema in self.schemas.items():
            declaration = adm_pb2.FunctionDeclaration(name=name, description="d", parameters=json.dumps(schema))
            answer.tools.add(
                declaration=declaration, contract="c", effect=self.effect, timeout_ms=1000, digest=self.contract(name)
            )
        return answer

    def contract(self, name: str) -> str:
        return "sha256:" + digest([name, self.schemas.get(name)]).hex()

    async def CallTool(self, request: call_pb2.ToolCall, context: Any) -> call_pb2.CallToolResponse:
        await self._fail(context)
        answer = call_pb2.CallToolResponse(correlation_id=request.correlation_id)
        if request.call.call_id in self.call_ids:
            answer.error.CopyFrom(error("MALFORMED_REQUEST", "the call id was used"))
            return answer
        self.call_ids.add(request.call.call_id)
        self.remote.append(request)
        self.allowed.append(context.time_remaining())
        answer.invocation_id = "i-" + uuid.uuid4().hex
        answer.result.invocation_id, answer.result.correlation_id = answer.invocation_id, request.correlation_id
        result = answer.result.result
        result.call_id, result.name = request.call.call_id, request.call.name
        result.status, result.content = adm_pb2.TOOL_RESULT_STATUS_SUCCESS, '"remote"'
        return answer

    async def AuthorizeToolCall(self, request: local_pb2.AuthorizeToolCallRequest, context: Any) -> Response:
        await self._fail(context)
        await asyncio.sleep(self.delay)
        if self.deny:
            refused = Response(status=Response.DENIED, correlation_id=request.correlation_id)
            refused.error.CopyFrom(error(self.deny, "no"))
            return refused
        if len(self.waited) < self.pending:
            self.waited.append(request)
            return self.not_yet(request)
        assert request.call.call_id not in self.call_ids, "a call id stands for one call"
        self.call_ids.add(request.call.call_id)
        if request.HasField("args_digest"):
            assert not request.call.args
            args_digest = request.args_digest.sha256
        else:
            args_digest = digest(parse(request.call.args))
        at = self.now_ms()
        record: dict[str, Any] = {
            "kind": "admitted",
            "local": True,
            "at_ms": at,
            "expires_ms": at + self.ttl_ms,
            "invocation": "i-" + uuid.uuid4().hex,
            "session": request.session_id,
            "principal": "alice",
            "tenant": "demo",
            "tool": request.call.name,
            "call_id": request.call.call_id,
            "contract": self.contract(request.call.name),
            "args_digest": f"sha256:{args_digest.hex()}",
            "rule": "roles",
            "epoch": self.epoch,
            "correlation": request.correlation_id,
        }
        data = canonical(record)
        index = self.log.append(data)
        receipt = self.log.receipt(index)
        self.grants[record["invocation"]] = Held(request, record, receipt.leaf_hash)
        answer = Response(
            status=Response.APPROVED,
            invocation_id=record["invocation"],
            correlation_id=request.correlation_id,
            authorization_ttl_ms=self.ttl_ms,
            grant=local_pb2.Grant(record=data, receipt=receipt),
        )
        self.change(answer)
        await self.before_answer()
        return answer

    def not_yet(self, request: local_pb2.AuthorizeToolCallRequest) -> Response:
        answer = Response(status=Response.PENDING, correlation_id=request.correlation_id)
        answer.error.CopyFrom(error("PERMISSION_DENIED", "somebody has to approve it"))
        answer.error.retry_allowed, answer.error.retry_after_ms = True, self.pending_ms
        answer.execution_context["approval_id"] = "a-1"
        self.change(answer)
        return answer

    async def CancelGrant(self, request: local_pb2.CancelGrantRequest, context: Any) -> local_pb2.CancelGrantResponse:
        await self._fail(context)
        held = self.grants.get(request.invocation_id)
        answer = local_pb2.CancelGrantResponse(correlation_id=request.correlation_id)
        if held is None or held.leaf != request.grant or held.record["session"] != request.session_id:
            answer.error.CopyFrom(error("SECURITY_VIOLATION", "no such grant"))
            self.events.append("unknown_grant")
            return answer
        if not self.cancel_works:
            answer.error.CopyFrom(error("AUDIT_UNAVAILABLE", "cannot write"))
            return answer
        if held.state == "open":
            held.state = "cancelled"
        answer.cancelled = held.state != "reported"
        return answer

    async def LogToolResult(self, request: local_pb2.LogToolResultRequest, context: Any) -> Logged:
        await self._fail(context, report=True)
        return self.judge(request)

    async def LogToolResults(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Logged]:
        await self._fail(context, report=True)
        async for request in requests:
            yield self.judge(request)

    def judge(self, request: local_pb2.LogToolResultRequest) -> Logged:
        self.reports += 1
        signal = self.signal(request)
        answer = Logged(invocation_id=request.invocation_id, correlation_id=request.correlation_id)
        if signal:
            self.events.append(signal)
            answer.status = Logged.REJECTED
            answer.error.CopyFrom(error("SECURITY_VIOLATION", signal))
            return answer
        answer.status = Logged.LOGGED
        return answer

    def signal(self, request: local_pb2.LogToolResultRequest) -> str:
        held = self.grants.get(request.invocation_id)
        if held is None or held.leaf != request.grant:
            return "unknown_grant"
        record, result = held.record, request.result
        told = (request.grant, request.args_digest, result.status, result.content, result.error.message)
        if held.state == "reported":
            return "" if told == held.told else "reused"
        checks = {
            "foreign_session": request.session_id != record["session"],
            "call_mismatch": (result.name, result.call_id) != (record["tool"], record["call_id"]),
            "args_mismatch": f"sha256:{request.args_digest.hex()}" != record["args_digest"],
            "impossible_time": not self.possible(request, record["at_ms"]),
            "expired": self.now_ms() > record["expires_ms"],
            held.state: held.state != "open",
        }
        for signal, found in checks.items():
            if found:
                return signal
        if result.HasField("content"):
            parse(result.content)
        else:
            assert result.error.message.strip()
        held.state, held.told = "reported", told
        held.ended = "failed" if result.error.type == "LOCAL_EXECUTION_FAILED" else result.error.type or "success"
        return ""

    def possible(self, request: local_pb2.LogToolResultRequest, admitted_ms: int) -> bool:
        began = request.timestamp - request.execution_time_ms
        return admitted_ms <= began and request.timestamp <= self.now_ms()

    async def WatchGrants(self, request: Any, context: Any) -> AsyncIterator[local_pb2.WatchGrantsResponse]:
        if not self.watch_works:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "no watching")
        watcher: asyncio.Queue[int | None] = asyncio.Queue()
        self._watchers.append(watcher)
        yield local_pb2.WatchGrantsResponse(epoch=self.epoch)
        try:
            while (epoch := await watcher.get()) is not None:
                yield local_pb2.WatchGrantsResponse(epoch=epoch, reason="test")
        finally:
            self._watchers.remove(watcher)

    def only(self) -> Held:
        (held,) = self.grants.values()
        return held


def error(code: str, message: str) -> errors_pb2.EnhancedError:
    return errors_pb2.EnhancedError(type=code, message=message, component="host")

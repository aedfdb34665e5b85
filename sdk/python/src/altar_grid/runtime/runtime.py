"""The serving side: tools, and one stream to the host on which their calls arrive. An `AltarRuntime` announces itself,
offers its tools, answers calls, and comes back after every loss until it is told to stop."""

from __future__ import annotations

import asyncio
import base64
import concurrent.futures
import contextlib
import json
import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from altar_grid.client.connect import MESSAGE_LIMIT, Connection, Metadata, Path, Token
from altar_grid.client.loop import LOOP
from altar_grid.client.retry import Backoff
from altar_grid.errors import (
    BadAnswer,
    GridError,
    InvalidCredentials,
    MessageTooLarge,
    PolicyViolation,
    ProtocolViolation,
    SettingError,
    Timeout,
    TlsHandshakeFailed,
    TransportError,
)
from altar_grid.runtime.attachment import Attachment, Ended
from altar_grid.runtime.handshake import Agreed, Handshake, Mode, Offer
from altar_grid.schema import ToolDefinitionError
from altar_grid.tools import Tool, tool

log = logging.getLogger("altar_grid.runtime")

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: Seconds in which a host may still hold a lost attachment, so that this runtime's name is taken.
STILL_HELD = 120.0
#: Faults on the way that another try does not mend.
_FINAL = (TlsHandshakeFailed, ProtocolViolation, MessageTooLarge)

#: Whom a DEVELOPMENT host takes a caller on the same machine for that shows no token.
DEVELOPER = "developer"


class RuntimeState(str, Enum):
    """Where a runtime stands."""

    #: It was not started, or has ended.
    STOPPED = "stopped"
    #: Reaching the host, introducing itself and its tools.
    CONNECTING = "connecting"
    #: Answering calls.
    SERVING = "serving"
    #: Waiting before the next try.
    WAITING = "waiting"


@dataclass(frozen=True)
class RuntimeStatus:
    """What a runtime tells about itself while it runs.

    Attributes:
        state: Where it stands.
        tools: The tools that the host accepted last.
        connection_id: The host's id of the last attachment.
        session_id: The session that registered tools belong to; empty for every session.
        host_mode: `strict` or `development`; empty before the first attachment.
    """

    state: RuntimeState = RuntimeState.STOPPED
    tools: tuple[str, ...] = ()
    connection_id: str = ""
    session_id: str = ""
    host_mode: str = ""


class AltarRuntime:
    """Tools and the host that they are served to. Nothing happens until it runs.

        runtime = AltarRuntime("calculator", token_file="calculator.token")

        @runtime.tool
        def add(a: int, b: int) -> int:
            "Adds two whole numbers."
            return a + b

        runtime.run()                 # until SIGTERM or ctrl-c
        with runtime: ...             # or beside other work, on a thread of its own
        async with runtime: ...       # or on the running loop

    Args:
        runtime_id: Who this is: the name that the host knows it by, alone or followed by `/` and a replica's name.
            Where nothing is given, the name in the token; without a token `developer`, which is whom a DEVELOPMENT
            host takes it for.
        tools: What it serves: tools, or functions of which it makes tools.
        endpoint: `http://host:port` or `https://host:port`; what GRID_ENDPOINT says, else `http://127.0.0.1:9090`.
        token: The bearer token, a bare JWT, or a function that gives the present one. It is never shown.
        token_file: A file that holds one line with a JWT, read at each connection; what GRID_TOKEN_FILE says where
            neither is given.
        authority_file: PEM file of the authorities that vouch for an `https` host; the built-in ones otherwise.
        client_certificate: PEM files of a certificate and its key, by which an `https` host knows this runtime.
        server_name: The name that the host's certificate must have, where it is not that of the endpoint.
        allow_plaintext_token: Lets the token travel unencrypted to another machine, for networks that encrypt.
        message_limit: The largest message in bytes, both ways; 4 MiB where nothing is given.
        session: Serves one session only, by its id.
        mode: `fulfil` contracts of the host's manifest; `register` the tools as they are, which only a DEVELOPMENT
            host takes and which end with their session; `auto`: on a DEVELOPMENT host register what its manifest does
            not have, else fulfil.
        concurrency: How many calls run at the same time; as many again may wait.
        grace: Seconds that calls may go on once the program is told to stop.
        backoff: The pauses between tries to reach the host.

    Raises:
        SettingError: The settings cannot be used.
        ToolDefinitionError: A function cannot be a tool.
    """

    def __init__(
        self,
        runtime_id: str = "",
        tools: Iterable[Tool[..., Any] | Callable[..., Any]] = (),
        *,
        endpoint: str = "",
        token: Token | None = None,
        token_file: Path | None = None,
        authority_file: Path | None = None,
        client_certificate: tuple[Path, Path] | None = None,
        server_name: str | None = None,
        allow_plaintext_token: bool = False,
        message_limit: int = MESSAGE_LIMIT,
        session: str = "",
        mode: Mode = "auto",
        concurrency: int = 64,
        grace: float = 30.0,
        backoff: Backoff | None = None,
    ) -> None:
        if mode not in ("auto", "fulfil", "register"):
            raise SettingError(f"`{mode}` is no mode; use `auto`, `fulfil` or `register`")
        if concurrency < 1:
            raise SettingError(f"{concurrency} calls at the same time are none; give at least 1")
        self.connection = Connection(
            endpoint,
            token=token,
            token_file=token_file,
            authority_file=authority_file,
            client_certificate=client_certificate,
            server_name=server_name,
            allow_plaintext_token=allow_plaintext_token,
            message_limit=message_limit,
        )
        self.session = session
        self.mode: Mode = mode
        self.concurrency = concurrency
        self.grace = grace
        self.backoff = backoff or Backoff(first=0.5, longest=30.0)
        #: Refuses a host that is not in DEVELOPMENT mode.
        self.development_only = False
        #: Called with each new status, on the loop that serves.
        self.on_status: Callable[[RuntimeStatus], None] | None = None
        self._runtime_id = runtime_id
        self._tools: dict[str, Tool[..., Any]] = {}
        self._status = RuntimeStatus()
        self._background: _Background | None = None
        self._task: tuple[asyncio.Task[None], asyncio.Event] | None = None
        self.add(*tools)

    def __repr__(self) -> str:
        return f"AltarRuntime({self._runtime_id!r}, tools={sorted(self._tools)})"

    def add(self, *tools: Tool[..., Any] | Callable[..., Any]) -> None:
        """Adds tools, or functions of which it makes tools; they are offered from the next attachment on."""
        for each in tools:
            made = each if isinstance(each, Tool) else tool(each)
            if made.name in self._tools:
                raise ToolDefinitionError(
                    f'two tools are called `{made.name}`; name one of them anew with `@tool(name="...")`'
                )
            self._tools[made.name] = made

    @overload
    def tool(self, function: Callable[_P, _R], /) -> Tool[_P, _R]: ...

    @overload
    def tool(self, *, name: str = "", description: str = "") -> Callable[[Callable[_P, _R]], Tool[_P, _R]]: ...

    def tool(self, *function: Any, name: str = "", description: str = "") -> Any:
        """Makes a tool of a function and adds it, as `altar_grid.tool` does."""
        names = sys._getframe(1).f_locals

        def added(wrapped: Callable[..., Any]) -> Tool[..., Any]:
            made: Tool[..., Any] = Tool(wrapped, name=name, description=description, names=names)
            self.add(made)
            return made

        return added(*function) if function else added

    @property
    def tools(self) -> tuple[Tool[..., Any], ...]:
        """What it offers."""
        return tuple(self._tools.values())

    @property
    def status(self) -> RuntimeStatus:
        """What it is doing now."""
        return self._status

    def resume(self, session_id: str) -> None:
        """Registers its tools in this session of an earlier run, where that is still open; else in a new one."""
        self._status = replace(self._status, session_id=session_id)

    def run(self) -> None:
        """Serves until SIGTERM or ctrl-c, then finishes what is in flight within `grace`.

        Raises:
            GridError: As `serve`.
        """
        asyncio.run(self._run())

    async def _run(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for wish in (signal.SIGTERM, signal.SIGINT):
            # Where the loop cannot (Windows, or not on the main thread), ctrl-c still raises.
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(wish, stop.set)
        await self.serve(stop)

    async def serve(self, stop: asyncio.Event | None = None) -> None:
        """Serves until `stop` is set, then finishes what is in flight within `grace`; without one, until cancelled.

        Raises:
            GridError: The host does not let the runtime in, or cannot be reached as set up, and no further try can
                mend it.
            SettingError: There are no tools, or the runtime runs already.
        """
        if not self._tools:
            raise SettingError("the runtime has no tools; add one with `@runtime.tool` or `add`")
        if self._status.state is not RuntimeState.STOPPED:
            raise SettingError("the runtime runs already; make another one for a second attachment")
        self._tell(state=RuntimeState.CONNECTING)
        try:
            await _Life(self, stop or asyncio.Event()).run()
        finally:
            self._tell(state=RuntimeState.STOPPED)

    def __enter__(self) -> AltarRuntime:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, timeout: float = 30.0) -> AltarRuntime:
        """Serves on a thread of its own and returns once the host has accepted the tools.

        Args:
            timeout: Seconds to wait for that.

        Raises:
            GridError: As `serve`; `Timeout` where the host was not reached in time.
        """
        if self._background is not None:
            raise SettingError("the runtime runs already; stop it first")
        self._background = background = _Background(self)
        try:
            background.wait(timeout)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Ends what `start` began, and waits for the calls in flight for up to `grace` seconds.

        Raises:
            GridError: How serving had ended by itself.
        """
        background, self._background = self._background, None
        if background is not None:
            background.stop()

    async def __aenter__(self) -> AltarRuntime:
        stop, attached = asyncio.Event(), asyncio.Event()
        serving = asyncio.ensure_future(self._serve_and_tell(stop, attached.set))
        waiting = asyncio.ensure_future(attached.wait())
        await asyncio.wait([serving, waiting], timeout=30.0, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()
        if not attached.is_set():
            serving.cancel()
            raise _not_in_time()
        self._task = (serving, stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        held, self._task = self._task, None
        if held is not None:
            held[1].set()
            await held[0]

    async def _serve_and_tell(self, stop: asyncio.Event, attached: Callable[[], None]) -> None:
        former = self.on_status

        def told(status: RuntimeStatus) -> None:
            if status.state is RuntimeState.SERVING:
                attached()
            if former is not None:
                former(status)

        self.on_status = told
        try:
            await self.serve(stop)
        finally:
            self.on_status = former

    def _tell(self, **what: Any) -> None:
        self._status = replace(self._status, **what)
        if self.on_status is not None:
            self.on_status(self._status)

    def _offer(self, metadata: Metadata) -> Offer:
        return Offer(
            runtime_id=self._runtime_id or _subject(metadata) or DEVELOPER,
            tools=dict(self._tools),
            mode=self.mode,
            session_id=self.session,
            remembered=self._status.session_id,
            concurrency=self.concurrency,
            development_only=self.development_only,
        )


class _Background:
    """A runtime on the package's own loop."""

    def __init__(self, runtime: AltarRuntime) -> None:
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._stop, self._serving = LOOP.run(self._begin(runtime))

    async def _begin(self, runtime: AltarRuntime) -> tuple[asyncio.Event, asyncio.Task[None]]:
        stop = asyncio.Event()
        serving = asyncio.get_running_loop().create_task(runtime._serve_and_tell(stop, self._attached))
        serving.add_done_callback(self._ended)
        return stop, serving

    def _attached(self) -> None:
        if not self._ready.done():
            self._ready.set_result(None)

    def _ended(self, serving: asyncio.Task[None]) -> None:
        if self._ready.done():
            return
        fault = None if serving.cancelled() else serving.exception()
        self._ready.set_exception(fault or _not_in_time())

    def wait(self, timeout: float) -> None:
        try:
            self._ready.result(timeout)
        except concurrent.futures.TimeoutError:
            raise _not_in_time() from None

    def stop(self) -> None:
        async def ended() -> None:
            self._stop.set()
            fault = (await asyncio.gather(self._serving, return_exceptions=True))[0]
            # What `wait` has raised already is not raised again.
            if isinstance(fault, GridError) and self._ready.exception() is None:
                raise fault

        LOOP.run(ended())


class _Life:
    """From the first try to reach the host to the last frame."""

    def __init__(self, runtime: AltarRuntime, stop: asyncio.Event) -> None:
        self._runtime = runtime
        self._stop = stop
        self._tries = 0
        self._asked = 0.0
        self._served = False
        self._lost_at = 0.0
        self._metadata: Metadata = ()

    async def run(self) -> None:
        """Until told to stop, or until a refusal that no further try can mend."""
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                await self._attach()
            except GridError as fault:
                if not self._again(fault):
                    log.error("not attached, and trying again would not help: %s", fault)
                    raise
                log.warning("not attached; trying again: %s", fault)
            if self._stop.is_set():
                return
            # An attachment that held for a while starts the pauses anew.
            self._tries = 1 if time.monotonic() - began > 60 else self._tries + 1
            self._runtime._tell(state=RuntimeState.WAITING)
            pause = self._runtime.backoff.wait(self._tries, self._asked)
            self._asked = 0.0
            await self._unless_stopped(asyncio.sleep(pause))
            self._runtime._tell(state=RuntimeState.CONNECTING)

    async def _attach(self) -> None:
        runtime = self._runtime
        self._metadata = runtime.connection.metadata()
        async with runtime.connection.channel() as channel:
            handshake = Handshake(channel, self._metadata, runtime._offer(self._metadata))
            agreed: Agreed | None = await self._unless_stopped(handshake.agree())
            if agreed is None:
                handshake.cancel()
                return
            self._served = True
            attachment = Attachment(
                agreed.stream,
                agreed.tools,
                agreed.early,
                beat=agreed.beat,
                limit=runtime.concurrency,
                message_limit=runtime.connection.message_limit,
            )
            log.info("serving %s", ", ".join(sorted(agreed.tools)))
            runtime._tell(
                state=RuntimeState.SERVING,
                tools=tuple(agreed.tools),
                connection_id=agreed.connection_id,
                session_id=agreed.session_id,
                host_mode=agreed.host_mode,
            )
            ended = await attachment.serve(self._stop, runtime.grace)
            self._lost_at = time.monotonic()
            if ended is Ended.LOST:
                log.warning("the attachment is lost; its calls are dropped")

    async def _unless_stopped(self, work: Any) -> Any:
        """What the work gives; `None` where this program is told to stop before."""
        working = asyncio.ensure_future(work)
        stopping = asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            working.cancel()
            stopping.cancel()

    def _again(self, fault: GridError) -> bool:
        """Whether another try can mend it."""
        if isinstance(fault, InvalidCredentials):
            return self._token_changed()
        if isinstance(fault, PolicyViolation) and self._served and time.monotonic() - self._lost_at < STILL_HELD:
            # The host may not have noticed yet that the attachment of before is lost.
            return True
        if fault.refused:
            self._asked = fault.retry_after_ms / 1000
            return fault.retry_allowed
        if isinstance(fault, (SettingError, BadAnswer)):
            # A host that has accepted this runtime once is only restarting badly.
            return self._served
        return isinstance(fault, TransportError) and (self._served or not isinstance(fault, _FINAL))

    def _token_changed(self) -> bool:
        try:
            return bool(self._runtime.connection.metadata() != self._metadata)
        except SettingError:
            return False


def _not_in_time() -> GridError:
    return Timeout("the host did not accept the runtime in time; check that it runs and that the endpoint is right")


def _subject(metadata: Metadata) -> str:
    """The name in the token, which the host checks; empty where there is none."""
    for key, value in metadata:
        parts = value.removeprefix("Bearer ").split(".")
        if key != "authorization" or len(parts) != 3:
            continue
        padded = parts[1] + "=" * (-len(parts[1]) % 4)
        with contextlib.suppress(ValueError):
            claims = json.loads(base64.urlsafe_b64decode(padded))
            if isinstance(claims, dict) and isinstance(claims.get("sub"), str):
                return str(claims["sub"])
    return ""


__all__ = ["AltarRuntime", "RuntimeState", "RuntimeStatus"]

"""The serving side: tools, and one stream to the host on which their calls arrive. An `AltarRuntime` announces itself,
offers its tools, answers calls, and comes back after every loss until it is told to stop."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, overload

from altar_grid.client.connect import MESSAGE_LIMIT, Connection, Metadata, Path, Token
from altar_grid.client.retry import Backoff
from altar_grid.errors import GridError, SettingError
from altar_grid.runtime.background import Background, not_in_time
from altar_grid.runtime.handshake import Mode, Offer
from altar_grid.runtime.life import Life, RuntimeState, RuntimeStatus, Setup
from altar_grid.runtime.lifecycle import PHASES, Handler, Phase
from altar_grid.runtime.lock import read_lock
from altar_grid.schema import ToolDefinitionError
from altar_grid.tools import Tool, tool

log = logging.getLogger("altar_grid.runtime")

_P = ParamSpec("_P")
_R = TypeVar("_R")
_H = TypeVar("_H", bound=Handler)

#: Whom a DEVELOPMENT host takes a caller on the same machine for that shows no token.
DEVELOPER = "developer"


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
        endpoint: `http://host:port`, `https://host:port` or `unix:/path`; what GRID_ENDPOINT says, else
            `http://127.0.0.1:9090`.
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
        lock: The `grid.lock` that the tools were built against. The host does not use a tool whose contract is another
            one there.

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
        lock: Path | None = None,
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
        self._digests = read_lock(lock) if lock is not None else {}
        self._runtime_id = runtime_id
        self._tools: dict[str, Tool[..., Any]] = {}
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._status = RuntimeStatus()
        self._background: Background | None = None
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

    def on(self, name: str, phase: Phase) -> Callable[[_H], _H]:
        """What to do when the host asks something of a tool around a swap, a pause or a drain.

            @runtime.on("cache_get", "health")
            def well() -> None:
                if not cache.ping():
                    raise RuntimeError("the cache does not answer")

        What the function raises is a no, and its first line tells operators why. What has no handler is answered with
        a yes. `async def` runs on the event loop, other functions on a thread.

        Args:
            name: The tool.
            phase: `init` make ready (30 s), `health` say whether it is well (5 s), `cleanup` another serves the tool
                and no call of it is left here (10 s), `pause` no calls come for a while, `resume` they come again.

        Raises:
            SettingError: There is no such phase.
        """
        if phase not in PHASES:
            raise SettingError(f"`{phase}` is no phase; use one of {', '.join(PHASES)}")

        def added(handler: _H) -> _H:
            self._handlers[(name, phase)] = handler
            return handler

        return added

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
        for name, phase in self._handlers:
            if name not in self._tools:
                raise SettingError(f"there is a handler of `{phase}` for `{name}`, which is no tool here; add the tool")
        if self._status.state is not RuntimeState.STOPPED:
            raise SettingError("the runtime runs already; make another one for a second attachment")
        self._tell(state=RuntimeState.CONNECTING)
        try:
            setup = Setup(
                self.connection,
                self.concurrency,
                self.grace,
                self.backoff,
                offer=self._offer,
                tell=self._tell,
                handlers=self._handlers,
            )
            await Life(setup, stop or asyncio.Event()).run()
        finally:
            self._tell(state=RuntimeState.STOPPED)

    def __enter__(self) -> AltarRuntime:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        except GridError:
            # What went wrong inside says more than how serving ended.
            if fault is None:
                raise

    def start(self, timeout: float = 30.0) -> AltarRuntime:
        """Serves on a thread of its own and returns once the host has accepted the tools.

        Args:
            timeout: Seconds to wait for that.

        Raises:
            GridError: As `serve`; `Timeout` where the host was not reached in time.
        """
        if self._background is not None:
            raise SettingError("the runtime runs already; stop it first")
        self._background = background = Background(self._serve_and_tell)
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
            await asyncio.gather(serving, return_exceptions=True)
            raise not_in_time()
        self._task = (serving, stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        held, self._task = self._task, None
        if held is None:
            return
        held[1].set()
        ended = (await asyncio.gather(held[0], return_exceptions=True))[0]
        # What went wrong inside says more than how serving ended.
        if ended is not None and fault is None:
            raise ended

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
            digests=self._digests,
        )


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

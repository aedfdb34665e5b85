"""The caller's side: `AltarClient`, whose methods are asynchronous; `with` and `sync` give the same ones blocking."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from altar_grid.adm import FunctionCall
from altar_grid.client.answer import CallAnswer, ToolListing
from altar_grid.client.approvals import Approvals
from altar_grid.client.breaker import BreakerSettings
from altar_grid.client.connect import MESSAGE_LIMIT, Connection, Path, Token
from altar_grid.client.retry import Retries
from altar_grid.client.session import Opening, Session, creation
from altar_grid.client.transport import Transport
from altar_grid.errors import GridError, InvalidSession, SessionExpired

if TYPE_CHECKING:
    from altar_grid.client.sync import SyncAltarClient

_Answer = TypeVar("_Answer")


class _Default:
    """The session of one loop for calls that name none."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.session: Session | None = None


class AltarClient:
    """A caller of a GRID host.

        async with AltarClient(token_file="agent.token") as client:
            total = await client.call("add", {"a": 2, "b": 40})

    and, blocking, with the same methods, also where an event loop is already running as in a notebook:

        with AltarClient(token_file="agent.token") as client:
            total = client.call("add", {"a": 2, "b": 40})

    Nothing connects before the first request; the connection is kept and shared. Calls go into a session that is
    opened at the first of them and closed with the client; `open_session` gives others.

    Args:
        endpoint: `http://host:port`, `https://host:port` or `unix:/path`; what GRID_ENDPOINT says, else
            `http://127.0.0.1:9090`.
        token: The bearer token, a bare JWT, or a function that gives the present one. It is never shown.
        token_file: A file that holds one line with a JWT, read again after a refused credential; what GRID_TOKEN_FILE
            says where neither is given.
        authority_file: PEM file of the authorities that vouch for an `https` host; the built-in ones otherwise.
        client_certificate: PEM files of a certificate and its key, by which an `https` host knows this caller.
        server_name: The name that the host's certificate must have, where it is not that of the endpoint.
        allow_plaintext_token: Lets the token travel unencrypted to another machine, for networks that encrypt.
        message_limit: The largest message in bytes, both ways; 4 MiB where nothing is given.
        retries: How requests are repeated where repeating is allowed; three times where nothing is given.
        breaker: When to stop asking a host that does not answer; as in the protocol where nothing is given.

    Raises:
        SettingError: The settings cannot be used; nothing was sent.
    """

    def __init__(
        self,
        endpoint: str = "",
        *,
        token: Token | None = None,
        token_file: Path | None = None,
        authority_file: Path | None = None,
        client_certificate: tuple[Path, Path] | None = None,
        server_name: str | None = None,
        allow_plaintext_token: bool = False,
        message_limit: int = MESSAGE_LIMIT,
        retries: Retries | None = None,
        breaker: BreakerSettings | None = None,
    ) -> None:
        connection = Connection(
            endpoint,
            token=token,
            token_file=token_file,
            authority_file=authority_file,
            client_certificate=client_certificate,
            server_name=server_name,
            allow_plaintext_token=allow_plaintext_token,
            message_limit=message_limit,
        )
        #: The requests one by one, on wire messages; for what this class does not offer.
        self.transport = Transport(connection, retries=retries, breaker=breaker)
        #: What waits for a person like this caller: `list`, `approve`, `deny`.
        self.approvals = Approvals(self.transport)
        self._defaults: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Default] = weakref.WeakKeyDictionary()
        self._sync: SyncAltarClient | None = None

    def __repr__(self) -> str:
        return f"AltarClient({self.transport.connection.endpoint!r})"

    @property
    def sync(self) -> SyncAltarClient:
        """The same client with blocking methods, for scripts, notebooks and threads."""
        from altar_grid.client.sync import SyncAltarClient

        if self._sync is None:
            self._sync = SyncAltarClient(self)
        return self._sync

    async def __aenter__(self) -> AltarClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> SyncAltarClient:
        return self.sync

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sync.close()

    async def close(self) -> None:
        """Ends the session of `call`, calls in flight included, and closes the connection."""
        default = self._defaults.pop(asyncio.get_running_loop(), None)
        if default is not None and default.session is not None:
            # A session that cannot be closed now expires by itself.
            with contextlib.suppress(GridError):
                await default.session.close(force=True)
        await self.transport.close()

    def open_session(
        self,
        *,
        label: str = "",
        ttl: float | None = None,
        metadata: Mapping[str, str] | None = None,
        features: Sequence[str] = (),
    ) -> Opening:
        """Opens a session: `await` it, or use it in `async with`, which closes it at the end.

        Args:
            label: For logs; the host mints the id.
            ttl: Seconds that it lives; the host's default where nothing is given.
            metadata: Anything that operators should find with it.
            features: What the caller would like to use, such as `batch-authorization`.

        Raises:
            GridError: The host does not know or does not let in the caller; see `altar_grid.errors`.
        """
        return Opening(self.transport, creation(label, ttl, metadata, features))

    def session(self, session_id: str) -> Session:
        """A handle on a session that was opened elsewhere; the host checks that it belongs to the caller."""
        return Session(self.transport, session_id)

    async def list_tools(self) -> list[ToolListing]:
        """The tools that the caller may call."""
        return await self._in_session(lambda session: session.list_tools())

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
        """Calls a tool and gives what it answered; as `Session.call`."""
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
        """Calls a tool and gives all that the host says of it; as `Session.execute_tool`."""

        async def execute(session: Session) -> CallAnswer:
            return await session.execute_tool(
                name,
                args,
                timeout=timeout,
                approval=approval,
                call_id=call_id,
                correlation_id=correlation_id,
                retries=retries,
                metadata=metadata,
                receipt=receipt,
            )

        return await self._in_session(execute)

    async def cancel(self, call_id: str, reason: str = "the caller asked for it") -> bool:
        """Stops a call that is in flight; false where there was none."""
        session = self._default().session
        return False if session is None else await session.cancel(call_id, reason)

    def _default(self) -> _Default:
        loop = asyncio.get_running_loop()
        if loop not in self._defaults:
            self._defaults[loop] = _Default()
        return self._defaults[loop]

    async def _session(self, instead_of: Session | None = None) -> Session:
        default = self._default()
        async with default.lock:
            if default.session is None or default.session is instead_of:
                default.session = await self.open_session()
            return default.session

    async def _in_session(self, act: Callable[[Session], Awaitable[_Answer]]) -> _Answer:
        """Acts in the default session, and once more in a fresh one where the host has ended that."""
        session = await self._session()
        try:
            return await act(session)
        except (SessionExpired, InvalidSession) as fault:
            # After a lost answer the call may have run in the ended session, whose memory of it is gone.
            if fault.tries > 1 or not fault.refused:
                raise
        return await act(await self._session(instead_of=session))

"""The client's methods, blocking. They wait on a loop of their own thread, so that it does not matter whether the
caller has a running loop, as notebooks have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from altar_grid.adm import FunctionCall
from altar_grid.client.answer import CallAnswer, ToolListing
from altar_grid.client.approvals import SyncApprovals
from altar_grid.client.loop import LOOP
from altar_grid.client.retry import Retries
from altar_grid.client.session import Opening, Session
from altar_grid.client.stream import SyncCallStream
from altar_grid.errors import GridError, InvalidSession, SessionExpired

if TYPE_CHECKING:
    from altar_grid.client.client import AltarClient


class SyncSession:
    """`Session` with blocking methods. In a `with` it is closed at the end, calls in flight included.

    Attributes:
        id: The host's id of the session.
        expires_at: When it ends by itself, in seconds since 1970, UTC; 0 for one that was opened elsewhere.
        features: Those of the wished features that the session has.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.id = session.id
        self.expires_at = session.expires_at
        self.features = session.features

    def __repr__(self) -> str:
        return f"SyncSession({self.id!r})"

    def __enter__(self) -> SyncSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close(force=True)
        except (InvalidSession, SessionExpired):
            # It has ended already.
            return
        except GridError:
            if fault is None:
                raise

    def list_tools(self) -> list[ToolListing]:
        """As `Session.list_tools`."""
        return LOOP.run(self._session.list_tools())

    def call(
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
        """As `Session.call`."""
        return LOOP.run(
            self._session.call(
                name,
                args,
                timeout=timeout,
                approval=approval,
                call_id=call_id,
                correlation_id=correlation_id,
                retries=retries,
                metadata=metadata,
            )
        )

    def execute_tool(
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
        """As `Session.execute_tool`."""
        return LOOP.run(
            self._session.execute_tool(
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
        )

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
    ) -> SyncCallStream:
        """As `Session.stream`."""
        stream = self._session.stream(
            name,
            args,
            timeout=timeout,
            call_id=call_id,
            correlation_id=correlation_id,
            metadata=metadata,
            receipt=receipt,
        )
        return SyncCallStream(stream)

    def cancel(self, call_id: str, reason: str = "the caller asked for it") -> bool:
        """As `Session.cancel`; call it from another thread than the one that waits for the call."""
        return LOOP.run(self._session.cancel(call_id, reason))

    def close(self, *, force: bool = False) -> int:
        """As `Session.close`."""
        return LOOP.run(self._session.close(force=force))


class SyncAltarClient:
    """`AltarClient` with blocking methods; get it by `with AltarClient(...) as client` or from `AltarClient.sync`.
    Safe to use from several threads."""

    def __init__(self, client: AltarClient) -> None:
        self._client = client
        #: As `AltarClient.approvals`.
        self.approvals = SyncApprovals(client.approvals)

    def __repr__(self) -> str:
        return f"{self._client!r}.sync"

    def __enter__(self) -> SyncAltarClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open_session(
        self,
        *,
        label: str = "",
        ttl: float | None = None,
        metadata: Mapping[str, str] | None = None,
        features: Sequence[str] = (),
    ) -> SyncSession:
        """Opens a session, as `AltarClient.open_session`; use it in a `with`, or close it yourself."""

        async def opened(opening: Opening) -> Session:
            return await opening

        opening = self._client.open_session(label=label, ttl=ttl, metadata=metadata, features=features)
        return SyncSession(LOOP.run(opened(opening)))

    def session(self, session_id: str) -> SyncSession:
        """As `AltarClient.session`."""
        return SyncSession(self._client.session(session_id))

    def list_tools(self) -> list[ToolListing]:
        """As `AltarClient.list_tools`."""
        return LOOP.run(self._client.list_tools())

    def call(
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
        """As `AltarClient.call`."""
        return LOOP.run(
            self._client.call(
                name,
                args,
                timeout=timeout,
                approval=approval,
                call_id=call_id,
                correlation_id=correlation_id,
                retries=retries,
                metadata=metadata,
            )
        )

    def execute_tool(
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
        """As `AltarClient.execute_tool`."""
        return LOOP.run(
            self._client.execute_tool(
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
        )

    def cancel(self, call_id: str, reason: str = "the caller asked for it") -> bool:
        """As `AltarClient.cancel`; call it from another thread than the one that waits for the call."""
        return LOOP.run(self._client.cancel(call_id, reason))

    def close(self) -> None:
        """As `AltarClient.close`."""
        LOOP.run(self._client.close())

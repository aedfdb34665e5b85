"""The life of a runtime: reaches the host, serves, and comes back after every loss, until it is told to stop or a
refusal says that no further try can help."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from altar_grid.client.connect import Connection, Metadata
from altar_grid.client.retry import Backoff
from altar_grid.errors import (
    BadAnswer,
    GridError,
    InvalidCredentials,
    MessageTooLarge,
    PolicyViolation,
    ProtocolViolation,
    SettingError,
    TlsHandshakeFailed,
    TransportError,
)
from altar_grid.runtime.attachment import Attachment, Ended
from altar_grid.runtime.handshake import Agreed, Handshake, Offer
from altar_grid.runtime.lifecycle import Handler

log = logging.getLogger("altar_grid.runtime")

#: Seconds in which a host may still hold a lost attachment, so that this runtime's name is taken.
STILL_HELD = 120.0
#: Faults on the way that another try does not mend.
_FINAL = (TlsHandshakeFailed, ProtocolViolation, MessageTooLarge)


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


@dataclass(frozen=True)
class Setup:
    """What a life needs of its runtime.

    Attributes:
        connection: Where the host is and how to prove who is asking.
        concurrency: How many calls run at the same time.
        grace: Seconds that calls may go on once the program is told to stop.
        backoff: The pauses between tries.
        offer: What to offer, to a host that is shown this proof.
        tell: Takes each change of the status, by the names of its fields.
        handlers: What the tools do around a swap, by tool and phase.
    """

    connection: Connection
    concurrency: int
    grace: float
    backoff: Backoff
    offer: Callable[[Metadata], Offer]
    tell: Callable[..., None]
    handlers: Mapping[tuple[str, str], Handler]


class Life:
    """From the first try to reach the host to the last frame."""

    def __init__(self, setup: Setup, stop: asyncio.Event) -> None:
        self._setup = setup
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
            self._setup.tell(state=RuntimeState.WAITING)
            pause = self._setup.backoff.wait(self._tries, self._asked)
            self._asked = 0.0
            await self._unless_stopped(asyncio.sleep(pause))
            self._setup.tell(state=RuntimeState.CONNECTING)

    async def _attach(self) -> None:
        setup = self._setup
        self._metadata = setup.connection.metadata()
        async with setup.connection.channel() as channel:
            handshake = Handshake(channel, self._metadata, setup.offer(self._metadata))
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
                limit=setup.concurrency,
                message_limit=setup.connection.message_limit,
                features=agreed.features,
                handlers=setup.handlers,
            )
            log.info("serving %s", ", ".join(sorted(agreed.tools)))
            setup.tell(
                state=RuntimeState.SERVING,
                tools=tuple(agreed.tools),
                connection_id=agreed.connection_id,
                session_id=agreed.session_id,
                host_mode=agreed.host_mode,
            )
            ended = await attachment.serve(self._stop, setup.grace)
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
            return bool(self._setup.connection.metadata() != self._metadata)
        except SettingError:
            return False

"""A client, tools and an outcome log around a fake host."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from altar_grid import AltarClient
from altar_grid.client import Connection, Retries, Session
from altar_grid.later import Registry
from altar_grid.local import ExecutionMode, LocalDispatcher, LocalSettings, Modes
from altar_grid.outcomes import OutcomeLimits, OutcomeLog, ShippingSettings
from local.fake_host import FakeHost

GOVERNED = ExecutionMode.GOVERNED_LOCAL


class Tools:
    """Counts what was run."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.registry = Registry()

        def add(a: int, b: int) -> int:
            """Adds."""
            self.ran.append("add")
            return a + b

        self.registry.add(add)

    def replace(self, function: Callable[..., Any]) -> None:
        self.registry.add(function, replace=True)


@contextlib.asynccontextmanager
async def scene(
    folder: Path,
    host: FakeHost | None = None,
    *,
    limits: OutcomeLimits | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[FakeHost, Tools, LocalDispatcher, OutcomeLog]]:
    host = host or FakeHost()
    tools = Tools()
    settings.setdefault("modes", Modes(everywhere=GOVERNED))
    settings.setdefault("log_keys", (host.log.vkey,))
    settings.setdefault("settle", 5.0)
    settings.setdefault("flush", 0.1)
    settings.setdefault("epoch_timeout", 0.3)
    shipping = ShippingSettings(first_pause=0.02, longest_pause=0.1)
    async with host:
        client = AltarClient(host.endpoint, token=None, retries=Retries.none())
        session: Session = await client.open_session()
        log = OutcomeLog(folder / "log", key=bytes(32), shipping=shipping, limits=limits)
        try:
            own = LocalSettings(**settings)
            async with LocalDispatcher(session, tools.registry, outcomes=log, settings=own) as local:
                yield host, tools, local, log
        finally:
            await asyncio.to_thread(log.close)
            await client.close()


async def until(what: Callable[[], Any], timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not what():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.005)


__all__ = ["GOVERNED", "Connection", "Tools", "scene", "until"]

"""Serves the tools of `notes.py` beside its own work, and calls them through the host."""

import asyncio

from notes import runtime

from altar_grid import AltarClient, ToolFailed
from altar_grid.errors import InvalidToolArgs


async def main() -> None:
    async with AltarClient() as client, runtime:
        # The host opened a session for the tools; they can be called there and nowhere else.
        session = client.session(runtime.status.session_id)
        numbers = await asyncio.gather(
            session.call("write_note", {"note": {"text": "buy milk"}}),
            session.call("write_note", {"note": {"text": "call home", "tags": ["family"]}}),
        )
        print("written:", sorted(numbers))
        print("read:", await session.call("read_note", {"number": 1}))
        try:
            await session.call("read_note", {"number": 9})
        except ToolFailed as failure:
            print(failure.code, failure.message)
        try:
            await session.call("write_note", {"note": {"words": "buy milk"}})
        except InvalidToolArgs as refusal:
            print(refusal.code)


asyncio.run(main())

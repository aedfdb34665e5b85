"""Makes one call in four ways, in turns: the plain function, the round trip of an authorization, the governed local
call with its outcome in the outcome log, the governed remote call. Prints what each took in the middle, in
microseconds, as one line of JSON. `grid-bench-local run` starts it with a host that has the contract and a
runtime that serves it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import pathlib
import statistics
import time
from collections.abc import Awaitable
from typing import Any

from altar_grid import AltarClient, tool
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid.client import Session
from altar_grid.errors import GridError
from altar_grid.later import Registry
from altar_grid.local import ExecutionMode, LocalDispatcher, LocalSettings, Modes
from altar_grid.outcomes import OutcomeLog, from_file

WARM_UP = 3


def payload(text: str) -> str:
    """What the tool does."""
    return text


@tool
async def bench_payload(text: str) -> str:
    """Answers with its own argument.

    Args:
        text: What it answers.
    """
    return payload(text)


async def timed(work: Awaitable[Any]) -> tuple[float, Any]:
    """Microseconds, and what it gave."""
    begin = time.perf_counter()
    gave = await work
    return (time.perf_counter() - begin) * 1e6, gave


async def served(session: Session) -> None:
    """Waits until a runtime serves the tool."""
    end = time.monotonic() + 10
    while True:
        try:
            await session.call("bench_payload", {"text": "ready?"})
        except GridError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.1)
        else:
            return


async def authorize(session: Session, number: int, args: str) -> float:
    """Microseconds of the round trip; the grant is given back."""
    call = adm_pb2.FunctionCall(call_id=f"authorize-{number}", name="bench_payload", args=args)
    took, answer = await timed(session.transport.authorize(session.id, call))
    await session.transport.cancel_grant(
        session.id, answer.invocation_id, answer.grant.receipt.leaf_hash, reason="only its time was of interest"
    )
    return took


async def turn(session: Session, local: LocalDispatcher, number: int, text: str) -> tuple[float, ...]:
    """Microseconds of the function, the authorization, the local and the remote call."""
    args = {"text": text}
    begin = time.perf_counter()
    payload(text)
    plain = (time.perf_counter() - begin) * 1e6
    asked = await authorize(session, number, json.dumps(args))
    here, answer = await timed(local.execute_tool("bench_payload", args, mode=ExecutionMode.LOCAL_ONLY))
    if not answer.governed or answer.value != text:
        raise SystemExit("a local call was not governed, or gave another text")
    there, value = await timed(session.call("bench_payload", args))
    if value != text:
        raise SystemExit("a remote call gave another text")
    return plain, asked, here, there


async def measure(given: argparse.Namespace) -> dict[str, float]:
    """The middle of each."""
    text = "x" * given.size
    settings = LocalSettings(
        modes=Modes(everywhere=ExecutionMode.GOVERNED_LOCAL),
        log_keys=(given.log_key.read_text(),),
        principal="bench-caller",
        tenant="bench",
    )
    turns = []
    with OutcomeLog(given.outcomes, key=from_file(given.outcomes.with_suffix(".key"))) as outcomes:
        async with (
            AltarClient(f"http://{given.address}", token_file=given.token) as client,
            client.open_session() as session,
            LocalDispatcher(session, Registry([bench_payload]), outcomes=outcomes, settings=settings) as local,
        ):
            await served(session)
            for number in range(WARM_UP + given.times):
                turns.append(await turn(session, local, number, text))
            if not await asyncio.to_thread(outcomes.flush, 10.0) or outcomes.stats.rejected:
                raise SystemExit("the host has not taken every outcome within 10 s")
    turns = turns[WARM_UP:]
    plain, asked, here, there = (statistics.median(column) for column in zip(*turns, strict=True))
    return {
        "plain_us": plain,
        "authorize_us": asked,
        "local_us": here,
        "remote_us": there,
        "added_to_authorize": statistics.median((each[2] - each[0]) / each[1] for each in turns),
    }


def wait_for(file: pathlib.Path) -> None:
    """The log's key appears with its first tiles."""
    end = time.monotonic() + 10
    while not file.is_file():
        if time.monotonic() > end:
            raise SystemExit(f"there is no key in {file}")
        time.sleep(0.05)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", required=True, help="where the host is, such as 127.0.0.1:9090")
    for name, what in (("token", "of the caller"), ("log-key", "of the host"), ("outcomes", "a folder")):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True, help=what)
    parser.add_argument("--size", type=int, required=True, help="bytes of the argument, and of the result")
    parser.add_argument("--times", type=int, required=True, help="how often")
    given = parser.parse_args()
    wait_for(given.log_key)
    print(json.dumps(asyncio.run(measure(given))), flush=True)


if __name__ == "__main__":
    main()

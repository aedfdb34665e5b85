"""What a host's answer to a report comes to: only LOGGED to the very report is taken for it."""

from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.client.transport import Transport
from altar_grid.errors import ConnectionFailed
from altar_grid.outcomes import TransportSender
from outcomes.common import report

Logged = local_pb2.LogToolResultResponse


class Stub:
    """A transport that answers what it is told to."""

    def __init__(self, *answers: Any) -> None:
        self.answers = answers

    async def log_results(self, requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        for answer in self.answers:
            if isinstance(answer, Exception):
                raise answer
            yield answer


def answer(at: int, status: Any = Logged.LOGGED, code: str = "", again: bool = False) -> Logged:
    made = Logged(invocation_id=report(at).invocation_id)
    if status is not None:
        made.status = status
    if code:
        made.error.type, made.error.message, made.error.retry_allowed = code, "no", again
    return made


async def sent(count: int, *answers: Any) -> list[str]:
    sender = TransportSender(cast(Transport, Stub(*answers)), timeout=1.0)
    return [each.status for each in await sender.send([report(at) for at in range(count)])]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (answer(0), "logged"),
        (answer(1), "later"),
        (answer(0, None), "later"),
        (Logged(), "later"),
        (answer(0, Logged.REJECTED), "later"),
        (answer(0, Logged.REJECTED, "SECURITY_VIOLATION"), "rejected"),
        (answer(0, Logged.REJECTED, "TIMEOUT"), "rejected"),
        (answer(0, Logged.REJECTED, "PERMISSION_DENIED"), "rejected"),
        (answer(0, Logged.REJECTED, "MALFORMED_REQUEST"), "rejected"),
        (answer(0, Logged.REJECTED, "AUDIT_UNAVAILABLE"), "later"),
        (answer(0, Logged.REJECTED, "INVALID_CREDENTIALS"), "later"),
        (answer(0, Logged.REJECTED, "SOMETHING_NEW", again=True), "later"),
    ],
)
async def test_one_answer(given: Logged, status: str) -> None:
    assert await sent(1, given) == [status]


async def test_answers_that_do_not_come_are_asked_for_again() -> None:
    assert await sent(3, answer(0)) == ["logged", "later", "later"]
    assert await sent(3, answer(0), ConnectionFailed("gone")) == ["logged", "later", "later"]
    assert await sent(2, answer(0), answer(1), answer(2)) == ["logged", "logged"]
    assert await sent(2, answer(1), answer(0)) == ["later", "later"]

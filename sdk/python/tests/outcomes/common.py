"""Reports, and senders that stand for hosts."""

import asyncio
import threading
from collections.abc import Callable, Sequence

from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.outcomes import Answer

KEY = bytes(range(32))
SECRET = "hunter2-in-the-result"


def report(at: int, content: str = SECRET) -> local_pb2.LogToolResultRequest:
    request = local_pb2.LogToolResultRequest(
        session_id="s-1", invocation_id=f"i-{at:032x}", execution_time_ms=at, grant=b"g" * 32, args_digest=b"a" * 32
    )
    request.result.call_id, request.result.name = f"c-{at}", "tool"
    request.result.status = adm_pb2.TOOL_RESULT_STATUS_SUCCESS
    request.result.content = f'"{content}"'
    return request


class FakeHost:
    """Takes each report once; an identical repeat is taken again, another one is refused. `down` for an outage."""

    def __init__(self, *, down: bool = False) -> None:
        self.down = down
        self.taken: dict[str, bytes] = {}
        self.repeats = 0
        self.batches: list[int] = []
        self.refuse: Callable[[local_pb2.LogToolResultRequest], Answer | None] = lambda _: None
        self.called = threading.Event()

    async def send(self, reports: Sequence[local_pb2.LogToolResultRequest]) -> list[Answer]:
        self.called.set()
        await asyncio.sleep(0)
        if self.down:
            return [Answer("later", "CONNECTION_FAILED", "nobody listens")] * len(reports)
        self.batches.append(len(reports))
        return [self.answer(each) for each in reports]

    def may_follow(self, other: object) -> bool:
        return True

    def answer(self, request: local_pb2.LogToolResultRequest) -> Answer:
        refused = self.refuse(request)
        if refused is not None:
            return refused
        data = request.SerializeToString(deterministic=True)
        if request.invocation_id in self.taken:
            if self.taken[request.invocation_id] != data:
                return Answer("rejected", "SECURITY_VIOLATION", "reused")
            self.repeats += 1
            return Answer("logged")
        self.taken[request.invocation_id] = data
        return Answer("logged")

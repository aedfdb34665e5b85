"""The runtime as a process of its own, against a host that the test plays by hand.

Run it with `.venv/bin/python -m unittest` in this folder, after `setup.sh`.
"""

import asyncio
import os
import pathlib
import signal
import sys
import unittest
from collections.abc import AsyncIterator
from typing import Any

import grpc

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "build"))
from grid.adm.v1 import adm_pb2
from grid.v1 import runtime_pb2, runtime_pb2_grpc


class Host(runtime_pb2_grpc.RuntimeServiceServicer):
    def __init__(self) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.says: asyncio.Queue[Any] = asyncio.Queue()

    async def Attach(self, frames: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        says = self.says = asyncio.Queue()

        async def hear() -> None:
            async for frame in frames:
                if frame.WhichOneof("frame") == "heartbeat":
                    await self.say(heartbeat_ack={"sequence": frame.heartbeat.sequence})
                else:
                    await self.heard.put(frame)
            await says.put(None)

        hearing = asyncio.create_task(hear())
        while frame := await says.get():
            yield frame
        await hearing

    async def say(self, **frame: Any) -> None:
        await self.says.put(runtime_pb2.HostFrame(**frame))

    async def hear(self, kind: str) -> Any:
        frame = await asyncio.wait_for(self.heard.get(), timeout=20)
        assert frame.WhichOneof("frame") == kind, f"expected {kind}, heard {frame}"
        return getattr(frame, kind)

    async def call(self, name: str, args: str, **more: Any) -> Any:
        function = {"call_id": "call-1", "name": name, "args": args}
        await self.say(call={"invocation_id": "i1", "correlation_id": "client-1-0", "call": function, **more})
        answer = await self.hear("result")
        assert (answer.invocation_id, answer.correlation_id) == ("i1", "client-1-0")
        assert (answer.result.call_id, answer.result.name) == ("call-1", name)
        return answer.result


class RuntimeTest(unittest.IsolatedAsyncioTestCase):
    async def asyncSetUp(self) -> None:
        self.host = Host()
        self.server = grpc.aio.server()
        port = self.server.add_insecure_port("127.0.0.1:0")
        runtime_pb2_grpc.add_RuntimeServiceServicer_to_server(self.host, self.server)
        await self.server.start()
        environment = {**os.environ, "GRID_ENDPOINT": f"http://127.0.0.1:{port}", "GRID_TOKEN_FILE": ""}
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "runtime.py"), env=environment, stderr=asyncio.subprocess.DEVNULL)

    async def asyncTearDown(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        await self.server.stop(None)

    async def serve(self) -> None:
        announce = await self.host.hear("announce")
        self.assertEqual((announce.runtime_id, announce.protocol_version), ("quickstart-python", "1.0"))
        await self.host.say(announced={"connection_id": "c1", "heartbeat_interval_ms": 50})
        names = (await self.host.hear("fulfil")).tool_names
        await self.host.say(fulfilled={"status": 0, "fulfilled_tools": names})

    async def test_calls_are_answered_and_a_drain_ends_in_bye(self) -> None:
        await self.serve()
        result = await self.host.call("reverse_words", '{"text": "hello world"}')
        self.assertEqual(result.content, '"olleh dlrow"')
        self.assertEqual(result.status, adm_pb2.TOOL_RESULT_STATUS_SUCCESS)
        result = await self.host.call("word_statistics", '{"text": "a b A", "top": 1.0}')
        self.assertIn('{"word": "a", "count": 2}', result.content)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual((await self.host.hear("drain")).grace_ms, 30_000)
        await self.host.hear("bye")
        self.assertEqual(await asyncio.wait_for(self.process.wait(), timeout=20), 0)

    async def test_what_cannot_be_run_is_an_error_result(self) -> None:
        await self.serve()
        for name, args, kind in [
            ("launch_rockets", "{}", "UNSUPPORTED_TOOL"),
            ("reverse_words", "{}", "PARAMETER_VALIDATION_FAILED"),
            ("reverse_words", '{"text": 1}', "PARAMETER_VALIDATION_FAILED"),
            ("reverse_words", '{"text": "", "more": 1}', "PARAMETER_VALIDATION_FAILED"),
            ("reverse_words", "[", "PARAMETER_VALIDATION_FAILED"),
            ("word_statistics", '{"text": "", "top": true}', "PARAMETER_VALIDATION_FAILED"),
            ("word_statistics", '{"text": "", "top": 1000}', "BUSINESS_RULE_VIOLATION"),
        ]:
            result = await self.host.call(name, args)
            self.assertEqual((result.error.type, result.HasField("content")), (kind, False), args)
        late = await self.host.call("reverse_words", '{"text": ""}', deadline_unix_ms=1)
        self.assertEqual(late.error.type, "TIMEOUT")

    async def test_an_unknown_frame_is_answered_and_the_stream_lives(self) -> None:
        await self.serve()
        await self.host.say()
        self.assertEqual((await self.host.hear("error")).error.type, "PROTOCOL_VIOLATION")
        await self.host.call("reverse_words", '{"text": "ab"}')

    async def test_a_host_that_drains_gets_the_runtime_back(self) -> None:
        await self.serve()
        await self.host.say(drain={"reason": "restart", "grace_ms": 1000})
        await self.host.hear("bye")
        await self.serve()

    async def test_a_refusal_for_good_ends_the_program(self) -> None:
        await self.host.hear("announce")
        await self.host.say(announced={"error": {"type": "INVALID_CREDENTIALS", "message": "no"}})
        self.assertEqual(await asyncio.wait_for(self.process.wait(), timeout=20), 1)


if __name__ == "__main__":
    unittest.main()

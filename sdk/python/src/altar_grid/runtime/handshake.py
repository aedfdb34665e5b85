"""The first exchange on a stream: who this is, then which tools it serves. Gives the tools that the host accepted;
rejected ones are logged and left alone (R-062)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import grpc
import grpc.aio

from altar_grid import _clock
from altar_grid._version import VERSION
from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import (
    common_pb2,
    errors_pb2,
    fulfilment_pb2,
    handshake_pb2,
    runtime_pb2,
    runtime_pb2_grpc,
)
from altar_grid.client.connect import Metadata
from altar_grid.client.faults import from_status, late_kind
from altar_grid.errors import BadAnswer, ConnectionFailed, GridError, IncompatibleMode, InvalidSession, from_wire
from altar_grid.runtime.flow import Features
from altar_grid.tools import Tool

log = logging.getLogger("altar_grid.runtime")

Mode: TypeAlias = Literal["auto", "fulfil", "register"]

PROTOCOL_VERSION = "1.0"
#: Seconds for each answer; longer than the host waits for the announcement.
PATIENCE = 10.0
#: Frames that the host may send before it has answered the handshake.
MOST_EARLY = 1_024


@dataclass(frozen=True)
class Offer:
    """What a runtime wants to serve.

    Attributes:
        runtime_id: Who this is.
        tools: The tools by name.
        mode: `fulfil` contracts of the host's manifest, `register` the tools that come along (DEVELOPMENT hosts only),
            or `auto`: register on a DEVELOPMENT host what its manifest does not have, else fulfil.
        session_id: The session to serve; empty for every session, or for one of its own where tools are registered.
        remembered: The session that the last attachment registered in, to go on there.
        concurrency: How many calls run at the same time.
        development_only: Refuses a host that is not in DEVELOPMENT mode.
        digests: Of the contracts that the tools were built against, by name.
    """

    runtime_id: str
    tools: Mapping[str, Tool[..., Any]]
    mode: Mode
    session_id: str
    remembered: str
    concurrency: int
    development_only: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Agreed:
    """What the host agreed to.

    Attributes:
        stream: The open stream.
        tools: The accepted tools, by name.
        connection_id: The host's id of the attachment.
        session_id: The session that registered tools belong to; empty where there are none.
        host_mode: `strict` or `development`.
        beat: Seconds between heartbeats; 0 where the host did not say.
        early: What was heard and is still to be handled.
        features: What both sides can do beside the usual.
    """

    stream: Any
    tools: dict[str, Tool[..., Any]] = field(default_factory=dict)
    connection_id: str = ""
    session_id: str = ""
    host_mode: str = ""
    beat: float = 0.0
    early: list[runtime_pb2.HostFrame] = field(default_factory=list)
    features: Features = field(default_factory=Features)


class Handshake:
    """A stream whose handshake is under way."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata, offer: Offer) -> None:
        self._offer = offer
        self._correlation_id = _clock.correlation_id("runtime")
        stub = runtime_pb2_grpc.RuntimeServiceStub(channel)  # type: ignore[no-untyped-call]
        self._agreed = Agreed(stub.Attach(metadata=metadata))
        self._rejections: list[GridError] = []

    async def agree(self) -> Agreed:
        """Introduces the runtime and offers its tools.

        Raises:
            GridError: The host does not let it in, accepts none of its tools, or could not be reached.
        """
        try:
            announced = await self._announce()
            known = set(announced.available_contracts)
            names = list(self._offer.tools)
            development = announced.mode == "development"
            if self._offer.development_only and not development:
                raise IncompatibleMode(
                    "the host is in STRICT mode, where tools are not reloaded; use a host in DEVELOPMENT mode",
                    correlation_id=self._correlation_id,
                )
            registers = self._offer.mode == "register" or (self._offer.mode == "auto" and development)
            if self._offer.mode == "auto" and registers:
                fulfils, brought = [n for n in names if n in known], [n for n in names if n not in known]
            else:
                fulfils, brought = ([], names) if registers else (names, [])
            if fulfils:
                await self._fulfil(fulfils)
            if brought:
                await self._register(brought)
        except grpc.aio.AioRpcError as status:
            raise from_status(status, self._correlation_id) from None
        except (grpc.aio.UsageError, asyncio.InvalidStateError):
            raise self._broken() from None
        except BaseException:
            self.cancel()
            raise
        if not self._agreed.tools:
            self.cancel()
            if self._rejections:
                raise self._rejections[0]
            raise BadAnswer(
                "the host accepted none of the tools and gave no reason", correlation_id=self._correlation_id
            )
        return self._agreed

    def cancel(self) -> None:
        """Gives the stream up."""
        self._agreed.stream.cancel()

    async def _announce(self) -> handshake_pb2.AnnounceRuntimeResponse:
        announcement = handshake_pb2.AnnounceRuntime(
            runtime_id=self._offer.runtime_id,
            language="python",
            version=VERSION,
            capabilities=["basic-execution", "session-management", "level-2", "enhanced-errors"],
            metadata={"concurrency": str(self._offer.concurrency)},
            compliance_level=common_pb2.LEVEL_2_ENHANCED,
            optional_features=["lifecycle", "streaming", "progress"],
            protocol_version=PROTOCOL_VERSION,
            supported_versions=[PROTOCOL_VERSION],
            correlation_id=self._correlation_id,
        )
        frame = await self._ask(runtime_pb2.RuntimeFrame(announce=announcement), "announced")
        answer = frame.announced
        if answer.HasField("error"):
            raise from_wire(answer.error)
        if not answer.connection_id:
            raise BadAnswer("the announcement was neither accepted nor refused", correlation_id=self._correlation_id)
        self._agreed.connection_id = answer.connection_id
        self._agreed.host_mode = answer.mode
        self._agreed.beat = answer.heartbeat_interval_ms / 1000
        credit = answer.feature_config["streaming.credit"] if "streaming" in answer.enabled_features else ""
        self._agreed.features = Features(
            credit=int(credit) if credit.isdecimal() else 0, progress="progress" in answer.enabled_features
        )
        return answer

    async def _fulfil(self, names: list[str]) -> None:
        request = fulfilment_pb2.FulfillTools(
            session_id=self._offer.session_id,
            tool_names=names,
            runtime_id=self._offer.runtime_id,
            correlation_id=self._correlation_id,
            contract_digests={name: self._offer.digests[name] for name in names if name in self._offer.digests},
        )
        answer = (await self._ask(runtime_pb2.RuntimeFrame(fulfil=request), "fulfilled")).fulfilled
        failed = not answer.HasField("status") or answer.status == fulfilment_pb2.FulfillToolsResponse.FAILURE
        self._accept([] if failed else answer.fulfilled_tools, answer.rejected_tools, answer.errors)

    async def _register(self, names: list[str]) -> None:
        answer = await self._registered(names, self._offer.session_id or self._offer.remembered)
        gone = all(error.type == InvalidSession.code for error in answer.errors) and answer.errors
        if gone and not self._offer.session_id and self._offer.remembered:
            # The session of the last attachment has ended; the host opens another.
            answer = await self._registered(names, "")
        failed = not answer.HasField("status") or answer.status == fulfilment_pb2.RegisterToolsResponse.FAILURE
        self._agreed.session_id = "" if failed else answer.session_id
        self._accept([] if failed else answer.accepted_tools, answer.rejected_tools, answer.errors)

    async def _registered(self, names: list[str], session_id: str) -> fulfilment_pb2.RegisterToolsResponse:
        declarations = []
        for name in names:
            tool = self._offer.tools[name]
            parameters = json.dumps(tool.parameters, ensure_ascii=False)
            declarations.append(
                adm_pb2.FunctionDeclaration(name=name, description=tool.description, parameters=parameters)
            )
        request = fulfilment_pb2.RegisterToolsRequest(
            runtime_id=self._offer.runtime_id,
            tools=[adm_pb2.Tool(function_declarations=declarations)],
            session_id=session_id,
            correlation_id=self._correlation_id,
        )
        return (await self._ask(runtime_pb2.RuntimeFrame(register=request), "registered")).registered

    def _accept(self, accepted: Any, rejected: Any, refusals: Any) -> None:
        for at, name in enumerate(rejected):
            wire = refusals[at] if at < len(refusals) else errors_pb2.EnhancedError()
            self._rejections.append(from_wire(wire))
            log.warning("the host rejects %s, which is not served: %s: %s", name, wire.type, wire.message)
        for name in accepted:
            if name in self._offer.tools:
                self._agreed.tools[name] = self._offer.tools[name]

    async def _ask(self, frame: runtime_pb2.RuntimeFrame, kind: str) -> runtime_pb2.HostFrame:
        """The awaited frame; others wait for their turn."""
        await self._agreed.stream.write(frame)
        try:
            return await asyncio.wait_for(self._heard(kind), PATIENCE)
        except asyncio.TimeoutError:
            late, advice = late_kind()
            raise late(advice, correlation_id=self._correlation_id) from None

    async def _heard(self, kind: str) -> runtime_pb2.HostFrame:
        while True:
            frame = await self._agreed.stream.read()
            if frame is grpc.aio.EOF:
                raise self._broken()
            heard: runtime_pb2.HostFrame = frame
            which = heard.WhichOneof("frame")
            if which == kind:
                return heard
            if which == "bye":
                raise self._broken()
            if len(self._agreed.early) >= MOST_EARLY:
                raise BadAnswer(
                    "the host sends frames without answering the handshake", correlation_id=self._correlation_id
                )
            self._agreed.early.append(heard)

    def _broken(self) -> GridError:
        return ConnectionFailed("the connection to the host broke; try again", correlation_id=self._correlation_id)

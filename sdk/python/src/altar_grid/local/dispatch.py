"""Runs calls where their mode says: here, or at a runtime through the host."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from altar_grid import _clock
from altar_grid.adm import AdmError, FunctionCall, canonical, digest
from altar_grid.client.loop import LOOP
from altar_grid.client.session import Session
from altar_grid.client.sync import SyncSession
from altar_grid.errors import ArgumentsError, GridError, PermissionDenied, SettingError
from altar_grid.later import GLOBAL, Executor, Registry, SessionRegistry
from altar_grid.later.executor import RESULT_BYTES
from altar_grid.local.governed import Governed, as_fault, not_begun
from altar_grid.local.grant import now
from altar_grid.local.modes import Environment, ExecutionMode, environment, settled
from altar_grid.local.report import Fallback, LocalAnswer, local_answer, noted
from altar_grid.local.settings import Job, LocalSettings
from altar_grid.outcomes import OutcomeLog

_LOG: Final = logging.getLogger("altar_grid.local")


class LocalDispatcher:
    """Runs the calls of one session. Use it in `async with`, or `start` and `close` it.

        async with LocalDispatcher(session, tools=[add], outcomes=log) as local:
            answer = await local.execute_tool("add", {"a": 2, "b": 40}, mode=ExecutionMode.GOVERNED_LOCAL)

    Args:
        session: The session; `None` for no host at all, which only LOCAL_FIRST and LOCAL_ONLY outside production allow.
        tools: The tools that run here: a session's registry, or a registry of which the session may use everything.
        outcomes: The outcome log; needed with a session. It ships over the session's connection.
        settings: Modes, limits, keys.

    Raises:
        SettingError: A session without an outcome log, or settings that are none.
    """

    def __init__(
        self,
        session: Session | None,
        tools: SessionRegistry | Registry = GLOBAL,
        *,
        outcomes: OutcomeLog | None = None,
        settings: LocalSettings | None = None,
    ) -> None:
        if session is not None and outcomes is None:
            raise SettingError("local runs need an outcome log; make an `OutcomeLog` and pass it", unsent=True)
        self.settings = settings or LocalSettings()
        own = self.settings
        self._environment = (
            own.environment if isinstance(own.environment, Environment) else environment(own.environment)
        )
        self._session = session
        limit = RESULT_BYTES if session is None else session.transport.connection.message_limit - (64 << 10)
        self._executor = Executor(
            tools, time_limit=own.time_limit, threads=own.threads, result_bytes=max(limit, 1 << 10)
        )
        self._governed = (
            None
            if session is None or outcomes is None
            else Governed(session, tools, self._executor, outcomes, self.settings)
        )

    async def __aenter__(self) -> LocalDispatcher:
        self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(self) -> None:
        """Begins to follow invalidations and to ship outcomes; needs a running loop."""
        if self._governed is not None:
            self._governed.start()

    async def close(self) -> None:
        """Stops, once grants are given back and outcomes are taken, or `flush` is over. The log stays open."""
        if self._governed is not None:
            await self._governed.close()

    async def call(self, name: str, args: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Runs a call and gives what the tool answered, as Python's own types. Options are those of `execute_tool`.

        Raises:
            ToolFailed: The tool answered an error.
            GridError: See `execute_tool`.
        """
        return (await self.execute_tool(name, args, **options)).value

    async def execute_tool(
        self,
        name: str,
        args: Mapping[str, Any] | None = None,
        *,
        mode: ExecutionMode | str | None = None,
        timeout: float | None = None,
        approval: float | None = None,
        call_id: str | None = None,
        correlation_id: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> LocalAnswer:
        """Runs a call where its mode says.

        Args:
            name: Name of the function.
            args: Its arguments, a JSON object.
            mode: Counts before every other one.
            timeout: Seconds that all of it may take.
            approval: Seconds that a person may take to approve it, within `timeout`; as the settings say where nothing
                is given.
            call_id: The idempotency key within the session; a fresh one where nothing is given. After a fallback the
                runtime is called under another one, made of it.
            correlation_id: Joins this call with a wider workflow; freshly minted where nothing is given.
            metadata: Anything that operators should find with it.

        Raises:
            ArgumentsError: The arguments are no JSON object.
            InvalidToolArgs: They do not fit the tool.
            PermissionDenied: The host denied it, or nobody has approved it in time (`waits_for` then names the
                approval); nothing was run, nothing will be tried elsewhere.
            GrantRefused: The host's grant does not prove anything.
            GridError: Something else went wrong; `details` has `fallback_attempted` and `final_execution_mode`.
        """
        try:
            call = FunctionCall.from_value(
                {"call_id": call_id or _clock.call_id(), "name": name, "args": dict(args or {})}
            )
            size = len(canonical(call.args))
        except (AdmError, TypeError, ValueError) as fault:
            raise ArgumentsError(f"the call cannot be sent: {fault}", tool=name, unsent=True) from None
        wanted = self.settings.modes.of(name) if mode is None else ExecutionMode(mode)
        job = Job(
            call,
            settled(wanted, name, size, self._environment),
            correlation_id or _clock.correlation_id("client"),
            None if timeout is None else now() + timeout,
            dict(metadata or {}),
            self.settings.approval if approval is None else approval,
        )
        return await self._execute(job)

    async def _execute(self, job: Job) -> LocalAnswer:
        if job.mode is ExecutionMode.REMOTE:
            return await self._remote(job, None)
        if self._governed is None:
            return await self._ungoverned(job)
        came = await self._governed.run(job)
        if isinstance(came, LocalAnswer):
            return came
        kept_here = job.mode is ExecutionMode.LOCAL_ONLY or job.call.name in self.settings.args_digest_only
        may = self.settings.fallback and not kept_here
        if may:
            _LOG.info("`%s` (%s) goes to a runtime: %s", job.call.name, job.correlation_id, came.words)
            return await self._remote(job, came)
        if came.run is not None and came.run.started:
            return local_answer(job.call, came.run, job.mode, job.correlation_id, came.grant_id)
        raise noted(as_fault(job, came), None, job.mode)

    # At a runtime.

    async def _remote(self, job: Job, came: Fallback | None) -> LocalAnswer:
        if self._session is None:
            raise SettingError("there is no host, so nothing can run at a runtime; give a session", unsent=True)
        metadata = dict(job.metadata)
        call_id = job.call.call_id
        if came is not None:
            # The first id belongs to what was asked for here; the host takes it for one call only.
            call_id = f"{digest([call_id, 'remote']).hex()[:32]}-remote"
            metadata["local_fallback"] = came.code
            if came.grant_id:
                metadata["local_invocation_id"] = came.grant_id
        try:
            answer = await self._session.execute_tool(
                job.call.name,
                job.call.args,
                timeout=job.left(),
                approval=job.approval,
                call_id=call_id,
                correlation_id=job.correlation_id,
                metadata=metadata,
            )
        except GridError as fault:
            raise noted(fault, came, ExecutionMode.REMOTE) from None
        return LocalAnswer(
            answer,
            job.mode,
            ExecutionMode.REMOTE,
            fallback_attempted=came is not None,
            fallback_reason="" if came is None else came.words,
            grant_id="" if came is None else came.grant_id,
        )

    # Here, without a host.

    async def _ungoverned(self, job: Job) -> LocalAnswer:
        if job.mode is ExecutionMode.GOVERNED_LOCAL:
            raise SettingError("GOVERNED_LOCAL needs a host; give a session", unsent=True)
        if self._environment is Environment.PRODUCTION:
            raise PermissionDenied(
                "in production no tool runs without a host's decision; give a session, or say what ALTAR_ENV is",
                unsent=True,
                tool=job.call.name,
            )
        run = await self._executor.run(job.call, timeout=job.left())
        if not run.started:
            raise noted(as_fault(job, not_begun(run)), None, job.mode)
        return local_answer(job.call, run, job.mode, job.correlation_id, "")


class SyncLocalDispatcher:
    """The same for code without an event loop; everything waits on the package's own one.

    with SyncLocalDispatcher(session, tools, outcomes=log) as local:
        print(local.call("add", {"a": 2, "b": 40}))

    Args are those of `LocalDispatcher`; a `SyncSession` is taken too.
    """

    def __init__(
        self,
        session: Session | SyncSession | None,
        tools: SessionRegistry | Registry = GLOBAL,
        *,
        outcomes: OutcomeLog | None = None,
        settings: LocalSettings | None = None,
    ) -> None:
        own = session._session if isinstance(session, SyncSession) else session
        self._dispatcher = LocalDispatcher(own, tools, outcomes=outcomes, settings=settings)

    def __enter__(self) -> SyncLocalDispatcher:
        LOOP.run(self._dispatcher.__aenter__())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        LOOP.run(self._dispatcher.close())

    def call(self, name: str, args: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """See `LocalDispatcher.call`."""
        return LOOP.run(self._dispatcher.call(name, args, **options))

    def execute_tool(self, name: str, args: Mapping[str, Any] | None = None, **options: Any) -> LocalAnswer:
        """See `LocalDispatcher.execute_tool`."""
        return LOOP.run(self._dispatcher.execute_tool(name, args, **options))

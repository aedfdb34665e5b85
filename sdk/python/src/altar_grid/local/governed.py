"""Runs calls here under the host's grants.

The order: a place in the outcome log, the host's decision, the grant checked, the epoch known, the grant used up, the
tool run, the outcome handed to the log. Nothing is run where a step does not succeed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import logging
from collections.abc import Coroutine
from typing import Any, Final

from altar_grid._wire.grid.adm.v1 import adm_pb2
from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.adm import FunctionCall, ToolResult, canonical, digest, to_text
from altar_grid.client.answer import ToolListing
from altar_grid.client.session import Session
from altar_grid.errors import (
    GridError,
    InvalidToolArgs,
    LocalExecutionFailed,
    ResourceExhausted,
    Timeout,
    UnsupportedTool,
)
from altar_grid.later import Executor, Registry, Run, SessionRegistry
from altar_grid.local import fallback as matrix
from altar_grid.local.epochs import EpochWatch
from altar_grid.local.grant import Expected, Grant, GrantRefused, check_grant, now
from altar_grid.local.receipt import LogKey
from altar_grid.local.report import (
    Fallback,
    LocalAnswer,
    content_digest,
    error_of,
    local_answer,
    noted,
    outcome_request,
)
from altar_grid.local.settings import Job, LocalSettings
from altar_grid.outcomes import Begun, OutcomeLog, Place, TransportSender
from altar_grid.tools import CallInfo

#: Seconds until the host is asked again where it does not say.
_ASK_AGAIN: Final = 2.0
#: No host is asked more often, whatever it says. Seconds.
_SHORTEST_PAUSE: Final = 0.1
_LOG: Final = logging.getLogger("altar_grid.local")


class _Void(Exception):
    """The grant ended at the last moment; the tool was not begun."""


class Governed:
    """Runs calls of one session under grants."""

    def __init__(
        self,
        session: Session,
        tools: SessionRegistry | Registry,
        executor: Executor,
        outcomes: OutcomeLog,
        settings: LocalSettings,
    ) -> None:
        self._session, self._tools, self._executor = session, tools, executor
        self._outcomes, self._settings = outcomes, settings
        self._keys = tuple(LogKey.read(line) for line in settings.log_keys)
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._watch = EpochWatch(session.transport, session.id)
        self._listings: dict[str, ToolListing] | None = None
        self._background: set[asyncio.Task[Any]] = set()

    def start(self) -> None:
        """Begins to follow invalidations and to ship outcomes."""
        self._watch.start()
        self._outcomes.attach(TransportSender(self._session.transport))

    async def close(self) -> None:
        """Stops following, after grants that are being given back and outcomes that the host still takes."""
        if self._background:
            await asyncio.wait(self._background, timeout=self._settings.authorization_timeout)
        await asyncio.to_thread(self._outcomes.flush, self._settings.flush)
        await self._watch.close()

    async def run(self, job: Job) -> LocalAnswer | Fallback:
        """The answer, or why the call may go to a runtime. Faults after which it may not are raised."""
        unfit = await self._unfit(job)
        if unfit is not None:
            return unfit
        async with self._slots:
            try:
                place = self._outcomes.place()
            except ResourceExhausted as fault:
                return Fallback(fault.code, fault.message)
            try:
                return await self._with_place(job, place)
            finally:
                place.release()

    async def _unfit(self, job: Job) -> Fallback | None:
        """What can be known before the host is asked."""
        name = job.call.name
        if name not in self._tools:
            return Fallback("UNSUPPORTED_TOOL", "the tool is not registered here")
        entry = self._tools.get(name)
        problems = entry.checker.check(job.call.args)
        if problems:
            raise InvalidToolArgs("; ".join(map(str, problems[:5])), tool=name, unsent=True)
        try:
            listing = await self._listing(name)
        except GridError as fault:
            if matrix.after_authorization(fault):
                return Fallback(fault.code, fault.message)
            raise noted(fault, None, job.mode) from None
        if listing is None:
            # Not listed is not callable; the host says so in its own words, and records that it was asked.
            return None
        if not self._same_parameters(listing):
            # The next call lists anew: contracts change.
            self._listings = None
            return Fallback("VERSION_MISMATCH", "the tool here takes other parameters than the contract says")
        return None

    def _same_parameters(self, listing: ToolListing) -> bool:
        own = self._tools.get(listing.name).declaration.parameters
        return bool(_bare(listing.parameters) == _bare(own.to_value()))

    async def _listing(self, name: str) -> ToolListing | None:
        if self._listings is None or name not in self._listings:
            self._listings = {each.name: each for each in await self._session.list_tools()}
        return self._listings.get(name)

    async def _with_place(self, job: Job, place: Place) -> LocalAnswer | Fallback:
        if job.left() == 0:
            raise noted(as_fault(job, Fallback("TIMEOUT", "the time of the call has passed")), None, job.mode)
        try:
            grant = await self._authorized(job)
        except GridError as fault:
            if matrix.after_authorization(fault):
                return Fallback(fault.code, fault.message)
            raise noted(fault, None, job.mode) from None
        try:
            held_up = await self._held_up(grant)
        except asyncio.CancelledError:
            self._give_back_later(job, grant, "the caller went away")
            raise
        if held_up is not None:
            return await self._after_void_grant(job, place, grant, held_up)
        return await self._run(job, place, grant)

    async def _authorized(self, job: Job) -> Grant:
        """The grant. Where a person has to approve the call, the host is asked again under the same call id (R-102)."""
        until = now() + job.approval
        if job.deadline is not None:
            until = min(until, job.deadline)
        while True:
            try:
                return await self._asked(job)
            except GridError as fault:
                pause = max(fault.retry_after_ms / 1000 or _ASK_AGAIN, _SHORTEST_PAUSE)
                if fault.waits_for is None or now() + pause > until:
                    raise
            await asyncio.sleep(pause)

    async def _asked(self, job: Job) -> Grant:
        sent_at = now()
        asking = asyncio.get_running_loop().create_task(self._ask(job))
        try:
            answer = await asyncio.shield(asking)
        except asyncio.CancelledError:
            # What comes after the caller left is given back, so that it does not stand open until it expires.
            self._later(self._return_unseen(job, asking))
            raise
        try:
            return await self._checked(job, answer, sent_at)
        except (GridError, asyncio.CancelledError):
            self._later(self._return_unseen(job, asking))
            raise

    async def _checked(self, job: Job, answer: local_pb2.AuthorizeToolCallResponse, sent_at: float) -> Grant:
        """The grant, for the contract as it is listed. One that was changed since is looked at again."""
        known = (self._listings or {}).get(job.call.name)
        if known is not None:
            try:
                return check_grant(answer, self._expected(job, sent_at, known.digest))
            except GrantRefused:
                self._listings = None
                listing = await self._listing(job.call.name)
                if listing is None or listing.digest == known.digest:
                    raise
        else:
            self._listings = None
            listing = await self._listing(job.call.name)
        if listing is None or not self._same_parameters(listing):
            raise GrantRefused("the grant is for a contract that is not the one of the tool here", tool=job.call.name)
        return check_grant(answer, self._expected(job, sent_at, listing.digest))

    def _expected(self, job: Job, sent_at: float, contract: str) -> Expected:
        return Expected(
            session=self._session.id,
            call=job.call,
            sent_at=sent_at,
            contract=contract,
            principal=self._settings.principal,
            tenant=self._settings.tenant,
            correlation=job.correlation_id,
            keys=self._keys,
        )

    async def _ask(self, job: Job) -> local_pb2.AuthorizeToolCallResponse:
        limit, left = self._settings.authorization_timeout, job.left()
        call = adm_pb2.FunctionCall(call_id=job.call.call_id, name=job.call.name)
        unseen: local_pb2.ArgsDigest | None = None
        if job.call.name in self._settings.args_digest_only:
            data = canonical(job.call.args)
            unseen = local_pb2.ArgsDigest(sha256=hashlib.sha256(data).digest(), size=len(data))
        else:
            call.args = to_text(job.call.args)
        return await self._session.transport.authorize(
            self._session.id,
            call,
            unseen,
            correlation_id=job.correlation_id,
            metadata=job.metadata,
            timeout=limit if left is None else min(limit, left),
        )

    async def _return_unseen(self, job: Job, asking: asyncio.Task[local_pb2.AuthorizeToolCallResponse]) -> None:
        """Gives back a grant that was not looked at, or not trusted."""
        try:
            answer = await asking
            await self._cancel(job, answer.invocation_id, answer.grant.receipt.leaf_hash, "the grant was not used")
        except GridError as fault:
            _LOG.info("nothing was given back for %s: %s", job.correlation_id, fault.code)

    async def _held_up(self, grant: Grant) -> str | None:
        """Why the tool must not begin under a grant; `None` where it may."""
        watch = self._watch
        if not await watch.known(min(self._settings.epoch_timeout, grant.left())):
            return "the policy epoch is not known: the stream of invalidations is broken"
        if not watch.allows(grant.epoch):
            return "the rights behind the grant were made void"
        return None if grant.left() > 0 else "the time of the grant has passed"

    async def _after_void_grant(self, job: Job, place: Place, grant: Grant, why: str) -> LocalAnswer | Fallback:
        if not await self._give_back(job, grant, why):
            raise LocalExecutionFailed(
                f"`{job.call.name}` was not run: {why}, and the host has not confirmed that its grant is over",
                invocation_id=grant.invocation_id,
                correlation_id=job.correlation_id,
                tool=job.call.name,
            )
        if job.retried:
            return Fallback("TIMEOUT", why, grant.invocation_id)
        job.retried = True
        job.call = job.call.model_copy(update={"call_id": f"{digest([job.call.call_id, 'again']).hex()[:32]}-again"})
        return await self._with_place(job, place)

    async def _run(self, job: Job, place: Place, grant: Grant) -> LocalAnswer | Fallback:
        """Runs the tool. From `start` on the outcome is reported, whatever happens."""
        begun = False

        def start() -> None:
            nonlocal begun
            # Nothing is awaited between this and the tool, so that no invalidation can come between.
            if not self._watch.allows(grant.epoch) or not grant.take():
                raise _Void
            begun = True
            place.begin(Begun(grant.invocation_id, job.call.name, grant.expires_ms))

        call = job.call.model_copy(update={"args": grant.args})
        info = CallInfo(grant.invocation_id, job.correlation_id, call.call_id, self._session.id, None, job.metadata)
        began = now()
        try:
            run = await self._executor.run(call, timeout=_limit(job, grant), info=info, start=start)
        except _Void:
            return await self._after_void_grant(job, place, grant, "the grant ended before the tool began")
        except asyncio.CancelledError:
            if begun:
                self._report(job, place, grant, _interrupted(call, now() - began))
            else:
                self._give_back_later(job, grant, "the caller went away")
            raise
        if not run.started:
            return await self._never_begun(job, grant, run)
        of_content = await self._reported(job, place, grant, run)
        if matrix.after_run(run, self._effect(job)):
            return Fallback(error_of(run)[0], error_of(run)[1], grant.invocation_id, run)
        answer = local_answer(job.call, run, job.mode, job.correlation_id, grant.invocation_id)
        args_digest = f"sha256:{grant.args_digest.hex()}"
        return dataclasses.replace(answer, content_digest=of_content, args_digest=args_digest)

    async def _never_begun(self, job: Job, grant: Grant, run: Run) -> Fallback:
        came = not_begun(run, grant.invocation_id)
        if await self._give_back(job, grant, came.reason) and matrix.after_run(run, ""):
            return came
        raise noted(as_fault(job, came), None, job.mode)

    def _report(self, job: Job, place: Place, grant: Grant, run: Run) -> tuple[Any, str]:
        request = outcome_request(self._session.id, job.call, job.correlation_id, grant, run, grant.host_time_ms())
        return place.report(request), content_digest(request)

    async def _reported(self, job: Job, place: Place, grant: Grant, run: Run) -> str:
        ticket, of_content = self._report(job, place, grant, run)
        if not await ticket.until_written(self._settings.settle):
            _LOG.warning("the outcome of %s is not on the disk after %g s", grant.invocation_id, self._settings.settle)
        return of_content

    def _effect(self, job: Job) -> str:
        listing = (self._listings or {}).get(job.call.name)
        return "write" if listing is None else listing.effect

    async def _give_back(self, job: Job, grant: Grant, why: str) -> bool:
        """Whether the host says that the grant is over and was never reported; only then may its call run elsewhere."""
        # Whatever the host answers, this process must not use it any more.
        if not grant.void():
            return False
        try:
            return await self._cancel(job, grant.invocation_id, grant.leaf, why)
        except GridError as fault:
            _LOG.warning("the grant %s could not be given back: %s", grant.invocation_id, fault.code)
            return False

    async def _cancel(self, job: Job, invocation_id: str, leaf: bytes, why: str) -> bool:
        answer = await self._session.transport.cancel_grant(
            self._session.id,
            invocation_id,
            leaf,
            reason=why[:200],
            correlation_id=job.correlation_id,
            timeout=self._settings.authorization_timeout,
        )
        return answer.cancelled

    def _give_back_later(self, job: Job, grant: Grant, why: str) -> None:
        self._later(self._give_back(job, grant, why))

    def _later(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _limit(job: Job, grant: Grant) -> float:
    """Seconds that the tool may run, so that its outcome still comes in time: it is not taken after the grant."""
    granted = grant.left()
    granted -= min(1.0, granted / 10)
    left = job.left()
    return granted if left is None else min(granted, left)


def _interrupted(call: FunctionCall, seconds: float) -> Run:
    message = "the caller went away while the tool ran; it may have had its effect"
    return Run(ToolResult.failure(call, message, "CANCELLED"), "cancelled", None, seconds)


def _bare(schema: Any) -> Any:
    """A schema without what is only said: descriptions and unknown keywords, order of names."""
    if not isinstance(schema, dict):
        return schema
    bare = {key: schema[key] for key in ("type", "items", "properties") if key in schema}
    if "items" in bare:
        bare["items"] = _bare(bare["items"])
    if isinstance(bare.get("properties"), dict):
        bare["properties"] = {name: _bare(each) for name, each in bare["properties"].items()}
    for key in ("required", "enum"):
        if schema.get(key):
            bare[key] = sorted(schema[key])
    return bare


def not_begun(run: Run, invocation_id: str = "") -> Fallback:
    """Why a tool was not begun, as a reason to go elsewhere."""
    kind, message = error_of(run)
    return Fallback(kind, message, invocation_id, run)


def as_fault(job: Job, came: Fallback) -> GridError:
    """The exception for a call that may go nowhere else."""
    kind: type[GridError] = {
        "UNSUPPORTED_TOOL": UnsupportedTool,
        "PARAMETER_VALIDATION_FAILED": InvalidToolArgs,
        "RESOURCE_EXHAUSTED": ResourceExhausted,
        "TIMEOUT": Timeout,
    }.get(came.code, LocalExecutionFailed)
    return kind(
        f"`{job.call.name}` was not run here: {came.reason}",
        details={"cause": came.code},
        correlation_id=job.correlation_id,
        invocation_id=came.grant_id,
        tool=job.call.name,
    )

"""How calls are run here, and one call on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from altar_grid.adm import FunctionCall
from altar_grid.local.grant import now
from altar_grid.local.modes import Environment, ExecutionMode, Modes


@dataclass(frozen=True)
class LocalSettings:
    """How calls are run here.

    Attributes:
        modes: Which mode counts for what.
        environment: What kind of place this is; what ALTAR_ENV says where nothing is given, else production.
        fallback: Whether a call may go to a runtime where the matrix allows it; false fails instead.
        approval: Seconds that a call waits where a person has to approve it first: the host is asked again as often as
            it says, and nothing runs before the yes. The timeout of the call shortens it; with 0 it is refused at once.
        authorization_timeout: Seconds for the host's decision, and for giving a grant back.
        epoch_timeout: Seconds to wait for the policy epoch where its stream is broken.
        time_limit: Seconds that a tool may run; what is left of the grant and of the call shorten it.
        settle: Seconds at most that an answer waits until its outcome would survive the end of this process.
        flush: Seconds at most that closing waits for the host to take what is reported; the rest waits on the disk.
        log_keys: Lines of the host's `log.vkey`; with one, a grant is proved to be in the host's log.
        args_digest_only: Names of tools whose arguments the host gets as digest and size alone, where their contract
            permits it. Calls of these never go to a runtime: that would send the arguments.
        principal: Who this client is; a grant for somebody else is refused. Not compared where empty.
        tenant: Of which tenant; as `principal`.
        concurrency: Governed runs at once.
        threads: Threads for tools that block.
    """

    modes: Modes = field(default_factory=Modes)
    environment: Environment | str | None = None
    fallback: bool = True
    approval: float = 300.0
    authorization_timeout: float = 30.0
    epoch_timeout: float = 2.0
    time_limit: float = 300.0
    settle: float = 0.05
    flush: float = 5.0
    log_keys: tuple[str, ...] = ()
    args_digest_only: frozenset[str] = frozenset()
    principal: str = ""
    tenant: str = ""
    concurrency: int = 64
    threads: int = 32


@dataclass
class Job:
    """One call on its way."""

    call: FunctionCall
    mode: ExecutionMode
    correlation_id: str
    deadline: float | None
    metadata: Mapping[str, str]
    approval: float = 0.0
    retried: bool = field(default=False)

    def left(self) -> float | None:
        """Seconds that the caller still gives it."""
        return None if self.deadline is None else max(0.0, self.deadline - now())

"""A caller that runs its own tools under the host's grants.

Environment: GRID_ENDPOINT (http://127.0.0.1:9090), GRID_TOKEN_FILE; GRID_LOG_KEY, the host's `log.vkey`, with which
each grant is proved to be in the host's log; STATE_DIR (state), where outcomes wait for the host.
"""

import os
import pathlib

from altar_grid import AltarClient, ToolError, tool
from altar_grid.errors import PermissionDenied
from altar_grid.later import Registry
from altar_grid.local import ExecutionMode, LocalSettings, Modes, SyncLocalDispatcher
from altar_grid.outcomes import OutcomeLog, from_file


@tool
def count_words(text: str, least: int = 1) -> int:
    """Counts the words of a text.

    Args:
        text: The text.
        least: Letters that a word must have to be counted.
    """
    if least < 1:
        raise ToolError("BUSINESS_RULE_VIOLATION", f"a word has a letter at least; `least` is {least}")
    return sum(len(word) >= least for word in text.split())


@tool
def shred(text: str) -> str:
    """Shreds a text."""
    raise AssertionError("the host denies this to everybody in support, so it never runs")


state = pathlib.Path(os.environ.get("STATE_DIR", "state"))
key = os.environ.get("GRID_LOG_KEY")
settings = LocalSettings(
    modes=Modes(everywhere=ExecutionMode.GOVERNED_LOCAL),
    log_keys=(pathlib.Path(key).read_text(),) if key else (),
)

with (
    OutcomeLog(state / "outcomes", key=from_file(state / "outcomes.key")) as outcomes,
    AltarClient() as client,
    client.open_session() as session,
    SyncLocalDispatcher(session, Registry([count_words, shred]), outcomes=outcomes, settings=settings) as local,
):
    answer = local.execute_tool("count_words", {"text": "nothing of this leaves the machine", "least": 4})
    print("counted:", answer.value, "mode:", answer.final_mode.value, "governed:", answer.governed)
    print("record:", answer.answer.invocation_id)

    failed = local.execute_tool("count_words", {"text": "a b c", "least": 0}).answer.failure
    print("the tool says:", failed.code if failed else "nothing")

    try:
        local.call("shred", {"text": "a b c"})
    except PermissionDenied as refusal:
        print("the host says:", refusal.code, "and nothing was run")

    print("on record:", outcomes.flush(10.0), "rejected:", outcomes.stats.rejected)

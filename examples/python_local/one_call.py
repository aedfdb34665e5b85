"""Runs `reverse_words` of the quickstart in this process, under one grant of the host. `make demo` shows it.

    one_call.py TEXT           runs it and reports how it ended
    one_call.py --die TEXT     dies while it runs: the host has admitted the call and hears of it no more

Environment as for agent.py. Ends with 6 where the host denies the call.
"""

import os
import pathlib
import sys

from altar_grid import AltarClient, tool
from altar_grid.errors import PermissionDenied
from altar_grid.later import Registry
from altar_grid.local import ExecutionMode, LocalSettings, Modes, SyncLocalDispatcher
from altar_grid.outcomes import OutcomeLog, from_file

die = "--die" in sys.argv
text = sys.argv[-1]


@tool
def reverse_words(text: str) -> str:
    """Reverses the letters of each word.

    Args:
        text: The text.
    """
    print("running in process", os.getpid(), flush=True)
    if die:
        os._exit(9)
    return " ".join(word[::-1] for word in text.split(" "))


state = pathlib.Path(os.environ.get("STATE_DIR", "state"))
settings = LocalSettings(
    modes=Modes(everywhere=ExecutionMode.LOCAL_ONLY),
    log_keys=(pathlib.Path(os.environ["GRID_LOG_KEY"]).read_text(),),
)

with (
    OutcomeLog(state / "outcomes", key=from_file(state / "outcomes.key")) as outcomes,
    AltarClient() as client,
    client.open_session() as session,
    SyncLocalDispatcher(session, Registry([reverse_words]), outcomes=outcomes, settings=settings) as local,
):
    try:
        answer = local.execute_tool("reverse_words", {"text": text})
    except PermissionDenied as refusal:
        print(f"{refusal}; nothing was run")
        sys.exit(6)
    print(answer.value)
    print("invocation", answer.answer.invocation_id)
    if not outcomes.flush(10.0):
        sys.exit("the outcome waits in the log until the host takes it")

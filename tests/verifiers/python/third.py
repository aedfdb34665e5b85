"""The host's own verifier, `grid audit verify`, as the third one. It looks at more than the two here: a log's directory
is for it the host's own, where everything has its reason to be there. Where it therefore rejects what the others take,
`STRICTER` says which logs those are and for what reason; anything else is a disagreement."""

import json
import re
import subprocess

from honest import Case

BEYOND = r"the tile holds more than the log has|the tile is of entries that the log does not have|the tile is missing"
OLDER = r"rolled back|neither in `checkpoints.log` nor in the segments"

# Names of logs, and why ours takes none of them.
STRICTER = [
    # What is beyond the checkpoint is in the segments of a real log, and these have none.
    (r"growing|[1-9]\d* newer$|a wider partial tile$|larger tree$|no checkpoint covers yet$", BEYOND),
    (r"^an old signature taken out$|^a needless partial tile taken out$|^a witness's line changed$", BEYOND),
    (r": checkpoint of \d+$", f"{OLDER}|{BEYOND}"),
    # A host signs in order, each size once, and cuts what it has not finished when it starts.
    (r": signed again, and more$|and signed by both keys$", r"do not ascend"),
    (r": a line is being written$", r"its end is no line"),
    (r"^the last signature taken out$", OLDER),
    # The files of a directory are there.
    (r": no list of signatures$|^log\.vkeys? missing$", r"the file is missing"),
    (r"^log\.vkeys? changed$", r"no line of a list of keys|not the last one of the log"),
    (r"^files of the host$", r"header is not the one that was written"),
]
# What was kept is not a checkpoint: the others call the log not verified, ours says that the question cannot be put.
UNUSABLE = "nothing kept"
VERIFIED, UNVERIFIED, FAILED = 0, 7, 1


class Third:
    """`grid audit verify`, and how often each line of `STRICTER` was needed."""

    def __init__(self, grid: str) -> None:
        self.grid = grid
        self.stricter: dict[str, int] = {}

    def ask(self, arguments: list[str]) -> tuple[int, str]:
        done = subprocess.run([self.grid, *arguments], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout or done.stderr

    def disagrees(self, case: Case, arguments: list[str], first_bad: int | None) -> str | None:
        """What is wrong with its answer. `first_bad` is where the others say that the log begins to be unproved."""
        code, said = self.ask(["audit", "verify", *own_arguments(arguments)])
        try:
            failure = json.loads(said).get("failure", {})
        except ValueError:
            return f"grid: code {code}: {said.strip()}"
        if case.accept and code == UNVERIFIED:
            reason = failure["what"]
            for name, why in STRICTER:
                if re.search(name, case.name) and re.search(why, reason):
                    self.stricter[name] = self.stricter.get(name, 0) + 1
                    return None
        expected = VERIFIED if case.accept else UNVERIFIED
        if code != expected and not (code == FAILED and case.name.endswith(UNUSABLE)):
            return f"grid: code {code}, not {expected}: {said.strip()}"
        index = failure.get("index")
        if case.exact and None not in (index, first_bad) and index != first_bad:
            return f"grid: first bad index {index}, not {first_bad}: {said.strip()}"
        return None


def own_arguments(arguments: list[str]) -> list[str]:
    """`log DIR …` as `audit verify` takes it: one key, any that the log ever had."""
    taken, key = [], False
    rest = iter(arguments[1:])
    for argument in rest:
        if argument == "--key":
            value = next(rest)
            taken += [] if key else ["--key", value]
            key = True
        elif argument != "--quick":
            taken.append(argument)
    return taken

"""What is wrong with a document: places and rules, never an argument's value. Every check answers with these."""

from dataclasses import dataclass, field
from typing import Final, Literal

from altar_grid.adm import limits

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong."""

    pointer: str
    """JSON pointer into the document (RFC 6901); empty for the document itself."""
    rule: str
    """Stable id of the rule, such as `arguments.type`; the host uses the same ones."""
    message: str
    """What is wrong and what to do."""
    severity: Severity = "error"
    """A warning does not refuse the document."""

    @property
    def is_error(self) -> bool:
        """Whether it refuses the document."""
        return self.severity == "error"

    def __str__(self) -> str:
        return f"{self.pointer or 'document'}: {self.message} ({self.rule})"


class AdmError(ValueError):
    """A document, a schema or a set of arguments that breaks rules of the data model; `problems` has all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        shown = "; ".join(str(problem) for problem in problems[:5])
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        super().__init__(shown + more)


TRUNCATED: Final = "problems.truncated"


@dataclass
class Problems:
    """Problems as they are found, within bounds: a hostile document cannot make its own report large."""

    found: list[Problem] = field(default_factory=list)
    left_out: int = 0
    errors: int = 0

    def add(self, problem: Problem) -> None:
        """Keeps it, or counts it once there are 1,000."""
        self.errors += problem.is_error
        if len(self.found) < limits.PROBLEMS:
            self.found.append(problem)
        else:
            self.left_out += 1

    def finish(self) -> list[Problem]:
        """All of them, with one more that counts the rest."""
        if not self.left_out:
            return self.found
        message = f"{self.left_out} more problems are left out; mend these first"
        return [*self.found, Problem("", TRUNCATED, message, "error" if self.errors else "warning")]


def step(key: str | int) -> str:
    """One step of a JSON pointer."""
    return f"/{key}" if isinstance(key, int) else "/" + key.replace("~", "~0").replace("/", "~1")


def quoted(text: str) -> str:
    """Input of others in backticks: cut, and without characters that pretend to be something else on a terminal."""
    shown = "".join(
        character
        if (character.isascii() and character.isprintable() and character != "`") or character.isalnum()
        else f"\\u{{{ord(character):x}}}"
        for character in text[: limits.QUOTED_CHARS]
    )
    return f"`{shown}{'…' if len(text) > limits.QUOTED_CHARS else ''}`"

"""Tools that nobody has reviewed yet: a DEVELOPMENT host takes them along for one session.

altar-grid dev notes:runtime     # and edit this file while it runs
"""

from dataclasses import dataclass, field

from altar_grid import AltarRuntime, ToolError

runtime = AltarRuntime()


@dataclass
class Note:
    """A note.

    Attributes:
        text: What it says.
        tags: Words to find it by.
    """

    text: str
    tags: list[str] = field(default_factory=list)


NOTES: list[Note] = []


@runtime.tool
def write_note(note: Note) -> int:
    """Keeps a note and gives its number.

    Args:
        note: What to keep.
    """
    NOTES.append(note)
    return len(NOTES)


@runtime.tool
def read_note(number: int) -> Note:
    """Gives a note back.

    Args:
        number: What `write_note` answered.
    """
    if not 0 < number <= len(NOTES):
        raise ToolError("RESOURCE_NOT_FOUND", f"there is no note {number}; the last one is {len(NOTES)}")
    return NOTES[number - 1]


if __name__ == "__main__":
    runtime.run()

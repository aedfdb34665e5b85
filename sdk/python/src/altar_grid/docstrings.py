"""Reads descriptions from docstrings: the first paragraph, and what Google's, NumPy's or Sphinx's style says of each
parameter."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field

_GOOGLE_ARGS = re.compile(r"(?:Args|Arguments|Parameters|Params|Attributes):\s*$")
_GOOGLE_ITEM = re.compile(r"\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")
_NUMPY_ITEM = re.compile(r"\*{0,2}(\w+(?:\s*,\s*\w+)*)\s*(?::.*)?$")
_NUMPY_ARGS = ("parameters", "other parameters", "attributes")
_SPHINX_ITEM = re.compile(r":(?:param|parameter|arg|argument)\s+(?:[^:]*?\s)?\*{0,2}(\w+)\s*:\s*(.*)$")
_SPHINX_FIELD = re.compile(r":\w+[^:]*:")
_SECTION = re.compile(
    r"(?:Args|Arguments|Parameters|Params|Attributes|Returns?|Yields?|Raises|Examples?|Notes?|References|See Also|"
    r"Warnings?|Warns|Todo):\s*$"
)


@dataclass
class Docs:
    """What a docstring says.

    Attributes:
        summary: Its first paragraph, in one line; empty where there is none.
        parameters: What it says of each parameter, by name.
    """

    summary: str = ""
    parameters: dict[str, str] = field(default_factory=dict)


def parse(docstring: str | None) -> Docs:
    """Reads a docstring in whichever of the three styles it is written; styles may be mixed."""
    lines = inspect.cleandoc(docstring or "").splitlines()
    docs = Docs(summary=_summary(lines))
    for found in (_numpy(lines), _google(lines), _sphinx(lines)):
        for name, text in found.items():
            if text:
                docs.parameters.setdefault(name, text)
    return docs


def _summary(lines: list[str]) -> str:
    paragraph: list[str] = []
    for at, line in enumerate(lines):
        if not line.strip() or _SPHINX_FIELD.match(line) or _SECTION.match(line) or _underlined(lines, at):
            break
        paragraph.append(line.strip())
    return " ".join(paragraph)


def _underlined(lines: list[str], at: int) -> bool:
    under = lines[at + 1].strip() if at + 1 < len(lines) else ""
    return len(under) >= 3 and set(under) <= {"-", "="} and bool(lines[at].strip())


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _google(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    base: int | None = None
    items = -1
    name = ""
    for line in lines:
        if base is None:
            if _GOOGLE_ARGS.match(line.strip()):
                base, items, name = _indent(line), -1, ""
            continue
        if not line.strip():
            continue
        if _indent(line) <= base:
            base = _indent(line) if _GOOGLE_ARGS.match(line.strip()) else None
            items, name = -1, ""
            continue
        if items < 0:
            items = _indent(line)
        item = _GOOGLE_ITEM.match(line.strip()) if _indent(line) == items else None
        if item is not None:
            name = item[1]
            found[name] = item[2].strip()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _numpy(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    inside = False
    names: list[str] = []
    for at, line in enumerate(lines):
        if _underlined(lines, at):
            inside, names = line.strip().lower() in _NUMPY_ARGS, []
            continue
        if not inside or not line.strip() or (at and _underlined(lines, at - 1)):
            continue
        if _indent(line) == 0:
            item = _NUMPY_ITEM.match(line.strip())
            names = [name.strip() for name in item[1].split(",")] if item else []
            found.update(dict.fromkeys(names, ""))
        else:
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def _sphinx(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        item = _SPHINX_ITEM.match(line.strip())
        if item is not None:
            name = item[1]
            found[name] = item[2].strip()
        elif _SPHINX_FIELD.match(line.strip()) or not line.strip():
            name = ""
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found

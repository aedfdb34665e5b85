"""Writes `altar_grid/_codes.py`: one exception class for each code, from the pages in `docs/errors`.

Usage: codes.py FOLDER. The pages are held to the host's own table by the host's tests, so what comes out is what the
host says.
"""

import builtins
import json
import pathlib
import re
import sys

HEAD = '''"""One exception for each code of the closed set. Generated from `docs/errors` by `generate.sh`."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

from altar_grid._fault import (
    AuthorizationError,
    Category,
    ConfigurationError,
    GridError,
    Retry,
    Severity,
    ToolRuntimeError,
    TransportError,
    ValidationError,
)


class Code(str, Enum):
    """The closed set; `docs/errors` has a page for each."""

'''
BASES = {
    "AUTHORIZATION": "AuthorizationError",
    "VALIDATION": "ValidationError",
    "RUNTIME": "ToolRuntimeError",
    "TRANSPORT": "TransportError",
    "CONFIGURATION": "ConfigurationError",
}


def retry(text: str) -> str:
    """The argument list of `Retry` for what a page's table says."""
    after = re.search(r"after (\d+) ms, at most (\d+)", text)
    if text == "never":
        return 'Retry("never")'
    if after:
        rule = "if_repeatable" if text.startswith("if repeatable") else "after"
        return f'Retry("{rule}", after_ms={int(after[1]):_}, at_most={after[2]})'
    if found := re.fullmatch(r"after (a fix|renewal): (\w+)", text):
        return f'Retry("after_{found[1].removeprefix("a ")}", of="{found[2]}")'
    raise SystemExit(f"unknown retry rule: {text}")


def quote(text: str) -> str:
    """A Python literal in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def page(path: pathlib.Path) -> dict[str, str]:
    """The class for one page."""
    text = path.read_text()
    code = path.stem
    facts = re.search(r"\|---\|---\|---\|\n\| (\w+) \| (\w+) \| (.+) \|", text)
    example = re.search(r"```json\n(.*?)```", text, re.DOTALL)
    if facts is None or example is None:
        raise SystemExit(f"{path}: no table of facts or no example")
    name = "".join(part.capitalize() for part in code.split("_"))
    if hasattr(builtins, name):
        name = f"Grid{name}"
    meaning = text.split("\n")[2]
    steps = "".join(f"        {quote(step)},\n" for step in json.loads(example[1])["remediation_steps"])
    body = f'''class {name}({BASES[facts[1]]}):
    """{meaning}"""

    code = Code.{code}.value
    meaning = {quote(meaning)}
    severity = Severity.{facts[2]}
    retry = {retry(facts[3])}
    usual_remediation: ClassVar[tuple[str, ...]] = (
{steps}    )
'''
    return {"code": code, "name": name, "category": facts[1], "body": body}


def main() -> None:
    """Prints the module."""
    folder = pathlib.Path(sys.argv[1])
    pages = [page(path) for path in sorted(folder.glob("*.md")) if path.stem != "README"]
    order = list(BASES)
    pages.sort(key=lambda found: (order.index(found["category"]), found["code"]))
    print(HEAD + "".join(f'    {found["code"]} = "{found["code"]}"\n' for found in pages))
    for found in pages:
        print("\n" + found["body"])
    print("\nBY_CODE: dict[str, type[GridError]] = {")
    for found in pages:
        print(f'    "{found["code"]}": {found["name"]},')
    print("}\n\n__all__ = [")
    names = ["BY_CODE", "Category", "Code", *sorted(found["name"] for found in pages)]
    for name in sorted(names):
        print(f'    "{name}",')
    print("]")


if __name__ == "__main__":
    main()

"""The tools that the runtime serves: plain functions, the arguments that each takes, and the check of both."""

import asyncio
import collections
import json
import logging
import re
from collections.abc import Callable
from typing import Any


class ToolError(Exception):
    """A tool's own error: its type and a message that the caller may read."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def reverse_words(text: str) -> str:
    return re.sub(r"\S+", lambda word: word.group()[::-1], text)


def word_statistics(text: str, top: int = 3) -> dict[str, Any]:
    if not 0 <= top <= 100:
        raise ToolError("BUSINESS_RULE_VIOLATION", "`top` is not from 0 to 100; ask for fewer words")
    counts = collections.Counter(text.lower().split())
    frequent = [{"word": word, "count": count} for word, count in counts.most_common(top)]
    return {"words": counts.total(), "different": len(counts), "frequent": frequent}


# For each tool its function and its arguments: their type, and whether they are required.
TOOLS: dict[str, tuple[Callable[..., Any], dict[str, tuple[type, bool]]]] = {
    "reverse_words": (reverse_words, {"text": (str, True)}),
    "word_statistics": (word_statistics, {"text": (str, True), "top": (int, False)}),
}


def checked_run(name: str, args_text: str) -> Any:
    """Checks the arguments again, although the host has, and runs the tool."""
    function, declared = TOOLS[name]
    try:
        args = json.loads(args_text)
    except ValueError:
        args = None
    if not isinstance(args, dict):
        raise ToolError("PARAMETER_VALIDATION_FAILED", "the arguments are not a JSON object; send one")
    wrong = [f"`/{key}` is not declared" for key in args if key not in declared]
    wrong += [f"`/{key}` is missing" for key, (_, required) in declared.items() if required and key not in args]
    for key, (kind, _) in declared.items():
        if kind is int and type(args.get(key)) is float and args[key].is_integer():
            args[key] = int(args[key])
        if key in args and type(args[key]) is not kind:
            wrong.append(f"`/{key}` must be {'a STRING' if kind is str else 'an INTEGER'}")
    if wrong:
        raise ToolError("PARAMETER_VALIDATION_FAILED", ", ".join(wrong[:8]) + "; correct the arguments")
    return function(**args)


async def run_tool(name: str, args: str, left: float | None) -> str | ToolError:
    """The content as JSON text, or the error that the caller is told; never anything else."""
    try:
        # On a thread, so that a slow tool does not hold up the heartbeats.
        content = await asyncio.wait_for(asyncio.to_thread(checked_run, name, args), left)
        return json.dumps(content, ensure_ascii=False, allow_nan=False)
    except TimeoutError:
        return ToolError("TIMEOUT", "the tool did not finish in time; ask for less")
    except ToolError as error:
        return error
    except Exception:
        # What went wrong stays here; the caller learns that it did.
        logging.exception("the tool %s failed", name)
        return ToolError("TOOL_EXECUTION_FAILED", "the tool failed unexpectedly; report the correlation id")

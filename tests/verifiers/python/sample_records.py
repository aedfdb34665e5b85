"""Records as the host writes them, made up: calls that are admitted and concluded, and what else happens between."""

import json
import random
from typing import Any

from naive import Signer, b64

TOOLS = ["files.read", "files.write", "ledger.post", "météo.lire", "search"]
DETAILS = ['the disk was full\n"again"', "naïve ✓ 😀", "tab\there", "</script>", ""]


def line(record: dict[str, Any]) -> bytes:
    """RFC 8785 for what occurs here: ASCII names, text, whole numbers, lists."""
    return json.dumps(record, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def series(seed: int, count: int) -> list[bytes]:
    """The first `count` records of an honest log. A shorter series of a seed is the beginning of a longer one."""
    chance = random.Random(seed)
    at_ms = 1_700_000_000_000
    open_calls: list[dict[str, Any]] = []
    entries = [line({"at_ms": at_ms, "correlation": "host-1-00", "detail": "mode STRICT", "kind": "host_started"})]
    while len(entries) < count:
        at_ms += chance.randrange(50)
        turn = chance.random()
        if turn < 0.45:
            call = admission(chance, at_ms)
            open_calls.append(call)
            entries.append(line(call))
        elif turn < 0.85 and open_calls:
            call = open_calls.pop(chance.randrange(len(open_calls)))
            entries.append(line(conclusion(chance, call, at_ms)))
        else:
            entries.append(line(refusal(chance, at_ms)))
    return entries[:count]


def admission(chance: random.Random, at_ms: int) -> dict[str, Any]:
    return {
        "args_digest": f"sha256:{chance.randbytes(32).hex()}",
        "args_shape": "{path:string(12)}",
        "at_ms": at_ms,
        "call_id": f"call-{chance.randrange(1 << 30)}",
        "correlation": f"c-{chance.randrange(1 << 30)}",
        "deadline_ms": at_ms + 30_000,
        "effect": "read",
        "epoch": 1 + at_ms % 3,
        "invocation": f"i-{chance.randbytes(16).hex()}",
        "kind": "admitted",
        "principal": "ann",
        "proof": "token",
        "rule": "role:reader",
        "runtime": "files/1",
        "session": f"s-{chance.randbytes(16).hex()}",
        "tenant": "acme",
        "tool": chance.choice(TOOLS),
    }


def conclusion(chance: random.Random, call: dict[str, Any], at_ms: int) -> dict[str, Any]:
    kept = {
        name: call[name] for name in ("call_id", "correlation", "effect", "invocation", "principal", "tenant", "tool")
    }
    return {
        **kept,
        "at_ms": at_ms,
        "duration_us": chance.randrange(1 << 20),
        "kind": "concluded",
        "outcome": "success",
        "result_bytes": 10,
        "result_digest": f"sha256:{chance.randbytes(32).hex()}",
    }


def local_admission(**changed: Any) -> dict[str, Any]:
    """A call that its caller may run."""
    call = admission(random.Random(16), 1_700_000_000_000)
    return {**call, "local": True, "expires_ms": call["at_ms"] + 60_000, **changed}


def local_conclusion(outcome: str, **changed: Any) -> bytes:
    """Its end."""
    call = local_admission()
    kept = {name: call[name] for name in ("call_id", "correlation", "invocation", "principal", "tenant", "tool")}
    record = {**kept, "at_ms": call["at_ms"] + 5, "kind": "concluded", "local": True, "outcome": outcome, **changed}
    return line({name: value for name, value in record.items() if value is not None})


def unclaimed() -> list[bytes]:
    """A local run of whose success the host cannot know."""
    return [line(local_admission()), local_conclusion("success")]


def refusal(chance: random.Random, at_ms: int) -> dict[str, Any]:
    return {
        "at_ms": at_ms,
        "code": "PERMISSION_DENIED",
        "correlation": "c",
        "detail": chance.choice(DETAILS),
        "kind": "refused",
        "principal": "bob",
        "proof": "token",
        "stage": "authorize",
        "tenant": "acme",
    }


def key_rotated(old: Signer, new: Signer, **changed: Any) -> bytes:
    message = f"grid/key-rotation/v1\n{old.vkey}\n{new.vkey}\n".encode()
    return line(
        {
            "at_ms": 1,
            "kind": "key_rotated",
            "new_key": new.vkey,
            "old_key": old.vkey,
            "proof": b64(new.sign(message)),
            **changed,
        }
    )


def gap(lost: Any) -> bytes:
    return line({"at_ms": 1, "kind": "gap", "lost": lost})

"""Grants: what fits is accepted once; of 10,000 that were changed, none is."""

import random
import threading
import time
from typing import Any

import pytest

from altar_grid._wire.grid.v1 import local_pb2
from altar_grid.adm import FunctionCall, canonical, parse
from altar_grid.local import Expected, Grant, GrantRefused, LogKey, check_grant
from altar_grid.local import grant as grant_module
from altar_grid.local.grant import now
from altar_grid.local.receipt import leaf_hash
from local.fake_host import SESSION, FakeHost, Response

CALL = FunctionCall(call_id="c-1", name="add", args={"a": 2, "b": 40})


def expected(host: FakeHost, **changed: Any) -> Expected:
    given: dict[str, Any] = {
        "session": SESSION,
        "call": CALL,
        "sent_at": now(),
        "contract": host.contract("add"),
        "principal": "alice",
        "tenant": "demo",
        "correlation": "client-1",
        "keys": (LogKey.read(host.log.vkey),),
    }
    return Expected(**{**given, **changed})


async def approved(host: FakeHost, **changed: Any) -> Response:
    for at in range(7):
        host.log.append(b"entry %d" % at)
    host.call_ids.clear()
    request = local_pb2.AuthorizeToolCallRequest(session_id=SESSION, correlation_id="client-1")
    request.call.call_id, request.call.name, request.call.args = "c-1", "add", '{"a":2,"b":40}'
    answer = await host.AuthorizeToolCall(request, None)
    if changed:
        record = {**parse(answer.grant.record), **changed}
        data = canonical({key: value for key, value in record.items() if value is not None})
        index = host.log.append(data)
        answer.grant.record = data
        answer.grant.receipt.CopyFrom(host.log.receipt(index))
    return answer


async def test_a_grant_that_fits_is_accepted_and_used_once() -> None:
    host = FakeHost()
    answer = await approved(host)
    grant = check_grant(answer, expected(host))
    assert grant.invocation_id == answer.invocation_id
    assert 55 < grant.left() <= 60
    again = check_grant(answer, expected(host))
    assert grant.take()
    assert not grant.take()
    with pytest.raises(GrantRefused, match="twice"):
        again.take()


async def test_of_many_threads_one_uses_it() -> None:
    host = FakeHost()
    grant = check_grant(await approved(host), expected(host))
    taken: list[bool] = []
    gate = threading.Barrier(16)

    def take() -> None:
        gate.wait()
        taken.append(grant.take())

    threads = [threading.Thread(target=take) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 15 + [True]


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "concluded"},
        {"local": None},
        {"local": False},
        {"local": 1},
        {"local": "true"},
        {"session": "s-" + "6" * 32},
        {"principal": "bob"},
        {"tenant": "other"},
        {"tool": "sub"},
        {"call_id": "c-2"},
        {"contract": "sha256:" + "0" * 64},
        {"args_digest": "sha256:" + "0" * 64},
        {"args_digest": None},
        {"invocation": "i-" + "0" * 32},
        {"invocation": "x"},
        {"correlation": "client-2"},
        {"epoch": "5"},
        {"epoch": None},
        {"epoch": True},
        {"epoch": -1},
        {"expires_ms": 5},
        {"expires_ms": None},
        {"expires_ms": 1.5},
        {"at_ms": None},
        {"outcome": "success"},
        {"code": "CANCELLED"},
        {"claimed": True},
    ],
)
async def test_a_record_that_says_something_else_is_refused_though_it_is_in_the_log(changed: dict[str, Any]) -> None:
    host = FakeHost()
    answer = await approved(host, **changed)
    with pytest.raises(GrantRefused):
        check_grant(answer, expected(host))


async def test_records_must_be_canonical() -> None:
    host = FakeHost()
    answer = await approved(host)
    for data in (answer.grant.record.replace(b",", b", ", 1), b"[]", b"{}", b"", answer.grant.record + b" "):
        index = host.log.append(data)
        other = Response()
        other.CopyFrom(answer)
        other.grant.record = data
        other.grant.receipt.CopyFrom(host.log.receipt(index))
        with pytest.raises(GrantRefused):
            check_grant(other, expected(host))


async def test_another_log_or_no_log_is_refused() -> None:
    host = FakeHost()
    answer = await approved(host)
    other = FakeHost()
    other.log = type(host.log)(seed=b"\x09" * 32)
    with pytest.raises(GrantRefused):
        check_grant(answer, expected(host, keys=(LogKey.read(other.log.vkey),)))
    check_grant(answer, expected(host, keys=(LogKey.read(other.log.vkey), LogKey.read(host.log.vkey))))
    answer.grant.receipt.ClearField("checkpoint")
    with pytest.raises(GrantRefused):
        check_grant(answer, expected(host))
    with pytest.raises(GrantRefused):
        check_grant(answer, expected(host, keys=()))


async def test_time_is_bounded_by_both_and_by_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    host = FakeHost()
    for ttl_ms, answered_ms, most in ((60_000, 5_000, 5), (5_000, 60_000, 5), (900_000, 900_000, 300)):
        host.ttl_ms = ttl_ms
        answer = await approved(host)
        answer.authorization_ttl_ms = answered_ms
        grant = check_grant(answer, expected(host))
        assert most - 3 < grant.left() <= most
    answer.authorization_ttl_ms = 0
    with pytest.raises(GrantRefused):
        check_grant(answer, expected(host))
    # The wall clock is set back: the grant ends all the same.
    host.ttl_ms = 60_000
    grant = check_grant(await approved(host), expected(host))
    monkeypatch.setattr(time, "time", lambda: 0.0)
    present = now() + 61
    monkeypatch.setattr(grant_module, "now", lambda: present)
    assert grant.left() == 0
    assert not grant.take()
    late = check_grant(await approved(host), expected(host, sent_at=present - 61))
    assert not late.take()


def mutated(answer: Response, other: Response, chance: random.Random) -> Response:
    """An approval that differs in its grant, or in what names it."""
    changed = Response()
    changed.CopyFrom(answer)
    grant, receipt = changed.grant, changed.grant.receipt
    choice = chance.randrange(12)
    if choice < 4:
        grant.record = flipped(grant.record, chance)
    elif choice == 4:
        receipt.index = chance.choice([0, receipt.index + 1, receipt.index ^ 1, 2**63, chance.randrange(2**64)])
    elif choice == 5:
        receipt.leaf_hash = flipped(receipt.leaf_hash, chance)
    elif choice == 6:
        at = chance.randrange(len(receipt.inclusion))
        receipt.inclusion[at] = flipped(receipt.inclusion[at], chance)
    elif choice == 7:
        hashes = list(receipt.inclusion)
        hashes = chance.choice([hashes[1:], hashes[::-1], hashes[:-1], [*hashes, bytes(32)]])
        del receipt.inclusion[:]
        receipt.inclusion.extend(hashes)
    elif choice == 8:
        receipt.checkpoint = flipped(receipt.checkpoint.encode(), chance).decode("utf-8", "replace")
    elif choice == 9:
        field = chance.choice(["record", "receipt"])
        if field == "record":
            grant.record = other.grant.record
        else:
            receipt.CopyFrom(other.grant.receipt)
    elif choice == 10:
        changed.invocation_id = chance.choice([other.invocation_id, "", changed.invocation_id.upper(), "i-0"])
    else:
        record = parse(grant.record)
        key = chance.choice(sorted(record))
        record[key] = chance.choice([None, True, 0, "x", record[key] + 1 if type(record[key]) is int else "y"])
        grant.record = canonical(record)
        receipt.leaf_hash = leaf_hash(grant.record)
    return changed


def flipped(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return chance.choice(
        [
            data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :],
            data[:at],
            data[:at] + data[at + 1 :],
            data[:at] + bytes([chance.randrange(256)]) + data[at:],
            data + data[at:],
        ]
    )


async def test_of_10_000_changed_grants_none_is_accepted() -> None:
    host = FakeHost()
    answer, other = await approved(host), await approved(host)
    wanted = expected(host)
    check_grant(answer, wanted)
    chance = random.Random(11)
    tried = 0
    while tried < 10_000:
        changed = mutated(answer, other, chance)
        if changed == answer:
            continue
        tried += 1
        with pytest.raises(GrantRefused):
            check_grant(changed, wanted)


async def test_refusals_hold_nothing_of_the_record() -> None:
    host = FakeHost()
    answer = await approved(host, principal="hunter2")
    with pytest.raises(GrantRefused) as refused:
        check_grant(answer, expected(host))
    assert "hunter2" not in str(refused.value)


def test_only_check_grant_makes_one() -> None:
    with pytest.raises(TypeError):
        Grant()  # type: ignore[call-arg]

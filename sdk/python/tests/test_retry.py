"""Requests are sent again only where the host allows it or a repeat cannot do harm."""

import time

import pytest

from altar_grid import Retries, errors
from altar_grid.client.retry import Attempt, Backoff
from altar_grid.errors import GridError


def attempt(*, idempotent: bool = True, most: int = 3, deadline: float | None = None) -> Attempt:
    return Attempt("client-1", Retries(most=most), idempotent=idempotent, deadline=deadline)


def refusal(**more: object) -> GridError:
    return errors.ServiceUnavailable("full", refused=True, **more)  # type: ignore[arg-type]


def test_a_refusal_is_repeated_where_the_host_allows_it_after_what_it_asked_for() -> None:
    pause = attempt().pause(refusal(retry_allowed=True, retry_after_ms=5000))
    assert pause == 5.0
    assert attempt().pause(refusal(retry_allowed=False, retry_after_ms=5000)) is None


def test_the_hosts_bound_and_the_callers_bound_both_hold() -> None:
    one = attempt()
    allowed = refusal(retry_allowed=True, max_retries=1)
    assert one.pause(allowed) is not None
    assert one.pause(allowed) is None
    assert attempt(most=0).pause(refusal(retry_allowed=True)) is None


def test_a_recorded_outcome_is_not_asked_for_again() -> None:
    assert attempt().pause(refusal(retry_allowed=True, repeated=True)) is None


def test_a_longer_pause_than_wanted_or_possible_is_not_made() -> None:
    assert attempt().pause(refusal(retry_allowed=True, retry_after_ms=31_000)) is None
    soon = attempt(deadline=time.time() + 1)
    assert soon.pause(refusal(retry_allowed=True, retry_after_ms=2_000)) is None
    assert soon.pause(refusal(retry_allowed=True)) is not None


@pytest.mark.parametrize(
    ("fault", "idempotent", "again"),
    [
        (errors.ConnectionFailed("broke"), True, True),
        (errors.ConnectionFailed("broke"), False, False),
        (errors.ConnectionFailed("refused", unsent=True), False, True),
        (errors.NetworkTimeout("late"), True, True),
        (errors.NetworkTimeout("late"), False, False),
        (errors.TlsHandshakeFailed("tls", unsent=True), True, False),
        (errors.MessageTooLarge("big"), True, False),
        (errors.HostUnavailable("open", retry_allowed=True, unsent=True), True, False),
        (errors.BadAnswer("nonsense"), True, False),
        (errors.PermissionDenied("no"), True, False),
    ],
)
def test_a_fault_on_the_way_is_repeated_where_that_is_harmless(fault: GridError, idempotent: bool, again: bool) -> None:
    assert (attempt(idempotent=idempotent).pause(fault) is not None) is again


def test_a_request_that_may_have_been_sent_once_is_not_called_unsent_later() -> None:
    one = attempt()
    lost = errors.ConnectionFailed("broke")
    blocked = errors.HostUnavailable("open", unsent=True)
    assert one.pause(lost) is not None
    assert one.pause(blocked) is None
    assert (blocked.unsent, blocked.tries, blocked.caused_by) == (False, 2, (lost,))
    careful = attempt(idempotent=False)
    assert careful.pause(errors.ConnectionFailed("refused", unsent=True)) is not None
    assert careful.pause(lost) is None


def test_pauses_double_up_to_the_longest_and_stay_within_a_tenth() -> None:
    backoff = Backoff(first=0.1, longest=2.0)
    for tries, plain in [(1, 0.1), (2, 0.2), (3, 0.4), (9, 2.0), (10_000, 2.0)]:
        assert plain * 0.899 <= backoff.wait(tries) <= plain * 1.101
    assert backoff.wait(1, asked=7.0) == 7.0


def test_an_answer_is_awaited_a_little_longer_than_the_deadline() -> None:
    assert attempt().patience() == 330.0
    assert 2.5 < attempt(deadline=time.time() + 1).patience() <= 3.0
    assert attempt(deadline=time.time() - 9).patience() == 2.0


def test_a_refused_credential_is_worth_one_look_for_a_newer_token() -> None:
    one = attempt()
    fault = errors.InvalidCredentials("old", refused=True)
    assert one.may_refresh(fault)
    assert not one.may_refresh(fault)
    assert not attempt().may_refresh(refusal())

"""The breaker towards the host: opens on faults of the way, lets a few requests try, closes on answers."""

import pytest

from altar_grid import errors
from altar_grid.client.breaker import BreakerSettings, BreakerState, CircuitBreaker


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


LOST = errors.ConnectionFailed("broke")
DENIED = errors.PermissionDenied("no", refused=True)


def breaker() -> tuple[CircuitBreaker, Clock]:
    clock = Clock()
    return CircuitBreaker(BreakerSettings(), clock), clock


def state(one: CircuitBreaker) -> BreakerState:
    return one.state


def end(one: CircuitBreaker, fault: BaseException | None) -> None:
    one.leave(one.enter(), fault)


def opened() -> tuple[CircuitBreaker, Clock]:
    one, clock = breaker()
    for _ in range(5):
        end(one, LOST)
    assert state(one) is BreakerState.OPEN
    return one, clock


def test_the_defaults_are_those_of_the_protocol() -> None:
    assert BreakerSettings() == BreakerSettings(5, 60.0, 30.0, 3)


def test_five_faults_within_the_window_open_it_and_say_when_to_come_back() -> None:
    one, clock = opened()
    clock.now += 10
    with pytest.raises(errors.HostUnavailable) as caught:
        one.enter("client-1")
    assert (caught.value.retry_after_ms, caught.value.retry_allowed, caught.value.unsent) == (20_000, True, True)
    assert caught.value.correlation_id == "client-1"


def test_faults_outside_the_window_do_not_add_up() -> None:
    one, clock = breaker()
    for _ in range(20):
        end(one, LOST)
        clock.now += 16
    assert state(one) is BreakerState.CLOSED


def test_what_the_host_says_is_no_fault_of_the_way() -> None:
    one, _ = breaker()
    host_said = errors.ConnectionFailed("a runtime was lost", refused=True)
    for fault in [DENIED, host_said, errors.InvalidToolArgs("no"), errors.MessageTooLarge("big"), KeyboardInterrupt()]:
        for _ in range(10):
            end(one, fault)
    assert state(one) is BreakerState.CLOSED


def test_after_the_rest_three_requests_pass_and_three_answers_close_it() -> None:
    one, clock = opened()
    clock.now += 30
    assert state(one) is BreakerState.HALF_OPEN
    probes = [one.enter() for _ in range(3)]
    with pytest.raises(errors.HostUnavailable):
        one.enter()
    one.leave(probes[0], None)
    one.leave(probes[1], DENIED)
    assert state(one) is BreakerState.HALF_OPEN
    one.leave(probes[2], None)
    assert state(one) is BreakerState.CLOSED


def test_one_fault_of_a_probe_opens_it_again_and_late_probes_do_not_count() -> None:
    one, clock = opened()
    clock.now += 30
    first, second, third = one.enter(), one.enter(), one.enter()
    one.leave(first, LOST)
    assert state(one) is BreakerState.OPEN
    one.leave(second, None)
    clock.now += 30
    fresh = [one.enter() for _ in range(3)]
    one.leave(third, LOST)
    assert state(one) is BreakerState.HALF_OPEN
    for probe in fresh:
        one.leave(probe, None)
    assert state(one) is BreakerState.CLOSED


def test_a_probe_that_was_given_up_makes_room_for_another() -> None:
    one, clock = opened()
    clock.now += 30
    for _ in range(9):
        end(one, KeyboardInterrupt())
    assert state(one) is BreakerState.HALF_OPEN


def test_it_can_be_switched_off() -> None:
    one = CircuitBreaker(BreakerSettings(failure_threshold=0))
    for _ in range(100):
        end(one, LOST)
    assert state(one) is BreakerState.CLOSED

"""A refusal on the wire becomes the exception of its code, with everything that it says."""

import pytest

from altar_grid import errors
from altar_grid._wire.grid.v1 import errors_pb2


def refusal(**more: object) -> errors_pb2.EnhancedError:
    return errors_pb2.EnhancedError(**more)  # type: ignore[arg-type]


def test_a_refusal_becomes_the_exception_of_its_code() -> None:
    fault = errors.from_wire(
        refusal(
            type="RATE_LIMIT_EXCEEDED",
            message="too many requests; wait 1000 ms",
            retry_allowed=True,
            retry_after_ms=1000,
            max_retries=5,
            remediation_steps=["wait"],
            correlation_id="client-1",
            component="host",
            tool_name="add",
            caused_by=[refusal(type="SERVICE_UNAVAILABLE", message="full")],
        ),
        invocation_id="i-1",
    )
    assert isinstance(fault, errors.RateLimitExceeded)
    assert isinstance(fault, errors.AuthorizationError)
    assert (fault.retry_allowed, fault.retry_after_ms, fault.max_retries) == (True, 1000, 5)
    assert (fault.remediation, fault.correlation_id, fault.invocation_id) == (["wait"], "client-1", "i-1")
    assert (fault.component, fault.tool, fault.unsent) == ("host", "add", False)
    assert isinstance(fault.caused_by[0], errors.ServiceUnavailable)
    assert str(fault) == "RATE_LIMIT_EXCEEDED: too many requests; wait 1000 ms (client-1)"


def test_a_refusal_without_remediation_gets_that_of_its_code() -> None:
    fault = errors.from_wire(refusal(type="PERMISSION_DENIED", message="no"))
    assert fault.remediation == list(errors.PermissionDenied.usual_remediation)
    assert fault.remediation[0] in str(fault)


def test_a_code_of_a_later_host_is_kept() -> None:
    fault = errors.from_wire(refusal(type="NEVER_HEARD_OF", message="new"))
    assert isinstance(fault, errors.UnknownCode)
    assert fault.code == "NEVER_HEARD_OF"
    with pytest.raises(errors.GridError, match="NEVER_HEARD_OF: new"):
        raise fault


def test_what_was_set_wrongly_is_a_value_error_too() -> None:
    fault = errors.SettingError("give a scheme")
    assert isinstance(fault, ValueError)
    assert str(fault) == "INVALID_CONFIG: give a scheme"


def test_retry_rules_are_those_of_the_pages() -> None:
    assert errors.ServiceUnavailable.retry.allowed(repeatable=False)
    assert not errors.Timeout.retry.allowed(repeatable=False)
    assert errors.Timeout.retry.allowed(repeatable=True)
    assert errors.Timeout.retry.at_most == 2
    assert not errors.PermissionDenied.retry.allowed(repeatable=True)

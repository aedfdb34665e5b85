"""Modes that depend on something, and the matrix of fallbacks."""

from typing import get_args

import pytest

from altar_grid import errors
from altar_grid.adm import FunctionCall, ToolResult
from altar_grid.errors import SettingError
from altar_grid.later import Run
from altar_grid.later.executor import Ending
from altar_grid.local import Environment, ExecutionMode, environment, settled
from altar_grid.local.fallback import after_authorization, after_run

AUTO, AWARE = ExecutionMode.AUTO, ExecutionMode.ENVIRONMENT_AWARE
LOCAL, REMOTE = ExecutionMode.GOVERNED_LOCAL, ExecutionMode.REMOTE


@pytest.mark.parametrize(
    ("tool", "size", "mode"),
    [
        ("calculate_tax", 10, LOCAL),
        ("transform_x", 10, LOCAL),
        ("other", 10, REMOTE),
        ("other", 1 << 20, LOCAL),
        ("other", (1 << 20) - 1, REMOTE),
        ("send_mail", 2 << 20, REMOTE),
        ("fetch_page", 2 << 20, REMOTE),
    ],
)
def test_auto(tool: str, size: int, mode: ExecutionMode) -> None:
    assert settled(AUTO, tool, size, Environment.PRODUCTION) is mode


def test_environment_aware() -> None:
    assert settled(AWARE, "t", 0, Environment.DEVELOPMENT) is ExecutionMode.LOCAL_FIRST
    assert settled(AWARE, "t", 0, Environment.TEST) is ExecutionMode.LOCAL_ONLY
    assert settled(AWARE, "t", 0, Environment.PRODUCTION) is REMOTE
    assert settled(ExecutionMode.LOCAL_ONLY, "t", 0, Environment.PRODUCTION) is ExecutionMode.LOCAL_ONLY


def test_the_environment_is_production_where_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALTAR_ENV", raising=False)
    assert environment() is Environment.PRODUCTION
    monkeypatch.setenv("ALTAR_ENV", " Dev ")
    assert environment() is Environment.DEVELOPMENT
    assert environment("test") is Environment.TEST
    monkeypatch.setenv("ALTAR_ENV", "")
    with pytest.raises(SettingError):
        environment()


def test_no_refusal_of_the_host_allows_a_fallback_but_three() -> None:
    allowed = {
        code for code, kind in errors.BY_CODE.items() if after_authorization(kind("no", component="host", refused=True))
    }
    assert allowed == {"FEATURE_UNAVAILABLE", "RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED"}
    unanswered = {code for code, kind in errors.BY_CODE.items() if after_authorization(kind("no"))}
    assert unanswered == {"CONNECTION_FAILED", "HOST_UNAVAILABLE", "NETWORK_TIMEOUT", "FEATURE_UNAVAILABLE"}


def test_runs_that_allow_a_fallback() -> None:
    result = ToolResult.failure(FunctionCall(call_id="1", name="t", args={}), "m", "T")
    allowed = {
        (ending, effect)
        for ending in get_args(Ending)
        for effect in ("pure", "read", "write", "", "PURE")
        if after_run(Run(result, ending), effect)
    }
    started = {(ending, effect) for ending in ("crashed", "timeout") for effect in ("pure", "read")}
    before = {(ending, effect) for ending in ("not_found", "busy") for effect in ("pure", "read", "write", "", "PURE")}
    assert allowed == started | before

"""Lets a test be an `async def`, each in a loop of its own."""

import asyncio
import inspect

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test):
        return None
    wanted = inspect.signature(test).parameters
    asyncio.run(asyncio.wait_for(test(**{name: pyfuncitem.funcargs[name] for name in wanted}), timeout=60))
    return True

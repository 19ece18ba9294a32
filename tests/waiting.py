"""Waiting in real time for what another process or task does: patiently, for machines are slow, but never for ever."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")


def until(found: Callable[[], _T | None], seconds: float = 60) -> _T:
    """Return what `found` returns as soon as it is something."""
    end = time.monotonic() + seconds  # noqa: TID251 - a test waits in real time
    while not (value := found()):
        assert time.monotonic() < end, f"it did not come about within {seconds:g} s"  # noqa: TID251
        time.sleep(0.005)
    return value


async def until_async(found: Callable[[], _T | None], seconds: float = 60) -> _T:
    """Return what `found` returns as soon as it is something, and let other tasks work meanwhile."""
    end = time.monotonic() + seconds  # noqa: TID251 - a test waits in real time
    while not (value := found()):
        assert time.monotonic() < end, f"it did not come about within {seconds:g} s"  # noqa: TID251
        await asyncio.sleep(0.005)
    return value

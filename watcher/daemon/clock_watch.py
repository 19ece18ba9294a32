"""Clock watch: sees the clock jump, which the scheduler does not: set back by an hour, it would stop for an hour."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import structlog

from watcher.jobs.ports import Clock

EVERY = timedelta(minutes=1)
"""Between two looks at the clock."""
_JUMP = timedelta(seconds=5)

log = structlog.get_logger()


async def watch_clock(clock: Clock, jumped: Callable[[], None]) -> None:
    """Call `jumped` whenever the clock was set, or the machine slept, within a minute of it; until it is cancelled.

    The event loop's own time only moves forward, and stands while the machine is suspended.
    """
    while True:
        before = clock.now()
        await asyncio.sleep(EVERY.total_seconds())
        ahead = clock.now() - before - EVERY
        if abs(ahead) > _JUMP:
            log.warning("clock jumped", seconds=round(ahead.total_seconds()))
            jumped()

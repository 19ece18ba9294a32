"""The only reader of the clock; everything else is given the time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall-clock time, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place

    def uptime(self) -> float:
        """Seconds since the machine started, suspend included: the same for every process, and less after a reboot."""
        # where there is no such clock, the monotonic one is that of all processes, too; it only misses suspend
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def monotonic(self) -> float:
        """Seconds that only move forward, from an arbitrary start."""
        return time.monotonic()  # noqa: TID251 - this is the one place

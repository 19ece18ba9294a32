"""The only reader of the clock; everything else is given the time."""

import time
from datetime import UTC, datetime


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """Wall-clock time, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place

    def monotonic(self) -> float:
        """Seconds that only move forward, from an arbitrary start."""
        return time.monotonic()  # noqa: TID251 - this is the one place

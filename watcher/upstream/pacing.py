"""How often upstream may be asked: a window that is never exceeded, whenever each request arrives there."""

import asyncio
import math
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import NamedTuple, Self

_RATE = re.compile(r"([0-9]{1,6})/([0-9]{0,6}(?:\.[0-9]{1,3})?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Rate:
    """So many requests in any period of so many seconds."""

    limit: int
    period: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rate written in `text`: requests, a slash, and a time in s, m or h; `30/30s`, `5/1m`, `100/h`.

        Raises:
            ValueError: not written so, or nothing could ever be asked at it; says which.
        """
        found = _RATE.fullmatch(text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a rate: it is written 30/30s or 5/1m, requests per time in s, m or h")
        limit, period = int(found[1]), float(found[2] or 1) * _SECONDS[found[3]]
        if limit < 1:
            raise ValueError(f"{text!r} allows no request at all: the first number is 1 at least")
        if period <= 0:
            raise ValueError(f"{text!r} has no time: the second number is more than 0")
        return cls(limit, period)

    def __str__(self) -> str:
        return f"{self.limit}/{self.period:g}s"


class Usage(NamedTuple):
    """What of a rate is used at a moment."""

    taken: tuple[float, ...] = ()
    """Seconds until each taken slot is free, ascending."""
    held: float = 0.0
    """Seconds for which upstream asked to be left alone."""


class Pacing:
    """N slots; `async with pacing:` around one request takes one, first come, first served.

    A slot is free again a full period after the request in it *completed*. When upstream counted the request, at
    its start or at its end, we cannot know: this way no window of that length holds more than N, however it counts.
    A bucket of N that refills would let almost twice as many through.
    """

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        """Start with every slot free; `monotonic` gives seconds that pass as asyncio's do."""
        self.rate = rate
        self._now = monotonic
        now = self._now()
        self._free_at = deque([now] * rate.limit)
        """When each slot that holds no request is free, ascending: completions come in order of time."""
        self._held_until = now
        self._slowed = (0, now)
        """Slots that were left empty on purpose, and since when."""
        self._completed = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held by whoever is next; asyncio's lock is fair."""
        self._running = 0

    @property
    def usage(self) -> Usage:
        """What is used now; a request still running takes its slot for a period."""
        now = self._now()
        running = (self.rate.period,) * self._running
        taken = tuple(free_at - now for free_at in self._free_at if free_at > now)
        return Usage(taken + running, max(self._held_until - now, 0.0))

    @property
    def wait(self) -> float:
        """Seconds until another request may start; 0 if one may now, infinite while every slot holds a request."""
        return max(self._wait(), 0.0)

    @property
    def available(self) -> int:
        """Requests that may start now."""
        now = self._now()
        free = sum(free_at <= now for free_at in self._free_at)
        return 0 if self._held_until > now else max(free - self._empty, 0)

    def resume(self, usage: Usage) -> None:
        """Begin, before the first request, with what an earlier process used: it still counts upstream."""
        now, period, limit = self._now(), self.rate.period, self.rate.limit
        taken = sorted(min(wait, period) for wait in usage.taken if wait > 0)[-limit:]
        self._free_at = deque([now] * (limit - len(taken)) + [now + wait for wait in taken])
        self.hold(usage.held)

    def hold(self, seconds: float) -> None:
        """Let nobody start within so many seconds, those who wait already included; a shorter hold changes nothing."""
        if 0 < seconds < math.inf:
            self._held_until = max(self._held_until, self._now() + seconds)

    def slow_down(self) -> None:
        """Leave half of the slots in use empty, for upstream finds the rate too high; one comes back every period.

        Several refusals within a period are of the same burst, and count once.
        """
        empty, since = self._slowed
        now = self._now()
        if not empty or now - since >= self.rate.period:
            empty = self._empty
            self._slowed = (empty + (self.rate.limit - empty) // 2, now)

    @property
    def _empty(self) -> int:
        empty, since = self._slowed
        return max(0, empty - int((self._now() - since) / self.rate.period))

    async def __aenter__(self) -> None:
        # a slot is looked at while waiting, and taken with no await in between: a waiter that is cancelled takes none
        async with self._turn:
            while (wait := self._wait()) > 0:
                if wait < math.inf:
                    await asyncio.sleep(wait)
                    continue
                self._completed.clear()
                await self._completed.wait()
            self._free_at.popleft()
            self._running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running -= 1
        self._free_at.append(self._now() + self.rate.period)
        self._completed.set()

    def _wait(self) -> float:
        """Seconds until the next may start; infinite while every slot holds a request."""
        empty = self._empty
        if len(self._free_at) <= empty:
            return math.inf
        return max(self._free_at[empty], self._held_until) - self._now()

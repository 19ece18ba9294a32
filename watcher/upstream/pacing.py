"""How often upstream may be asked: a window that is never exceeded, whenever each request arrives there."""

import asyncio
import math
import re
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

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


class Pacing:
    """N slots; `async with pacing:` around one request takes one, first come, first served.

    A slot is free again a full period after the request in it *completed*. When upstream counted the request, at
    its start or at its end, we cannot know: this way no window of that length holds more than N, however it counts.
    A bucket of N that refills would let almost twice as many through.
    """

    def __init__(self, rate: Rate, monotonic: Callable[[], float], taken: Iterable[float] = ()) -> None:
        """Start with the slots that are `taken` already, given as the seconds until each of them is free.

        What an earlier process asked still counts upstream: it is that process's `taken`, less the time since, or,
        if that was not kept, every slot for a whole period. `monotonic` gives seconds that pass as asyncio's do.
        """
        self._rate = rate
        self._now = monotonic
        now = self._now()
        busy = sorted(min(wait, rate.period) for wait in taken if wait > 0)[-rate.limit :]
        self._free_at = deque([now] * (rate.limit - len(busy)) + [now + wait for wait in busy])
        """When each slot that holds no request is free, ascending: completions come in order of time."""
        self._held_until = now
        self._completed = asyncio.Event()
        self._turn = asyncio.Lock()
        """Held by whoever is next; asyncio's lock is fair."""
        self._running = 0

    @property
    def taken(self) -> tuple[float, ...]:
        """Seconds until each taken slot is free, ascending; a request still running takes its slot for a period."""
        now = self._now()
        running = (self._rate.period,) * self._running
        return tuple(free_at - now for free_at in self._free_at if free_at > now) + running

    def hold(self, seconds: float) -> None:
        """Let nobody start within so many seconds, those who wait already included; a shorter hold changes nothing."""
        if 0 < seconds < math.inf:
            self._held_until = max(self._held_until, self._now() + seconds)

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
        self._free_at.append(self._now() + self._rate.period)
        self._completed.set()

    def _wait(self) -> float:
        """Seconds until the next may start; infinite while every slot holds a request."""
        if not self._free_at:
            return math.inf
        return max(self._free_at[0], self._held_until) - self._now()

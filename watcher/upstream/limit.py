"""How often the served endpoint lets itself be asked: a window, as the vendor's gateway has one."""

from collections import deque
from collections.abc import Callable

from watcher.upstream.pacing import Rate


class Limit:
    """A sliding window over the requests that were answered; one that is refused does not count."""

    def __init__(self, rate: Rate, monotonic: Callable[[], float]) -> None:
        """Begin with none; `monotonic` gives seconds that only move forward."""
        self._rate = rate
        self._now = monotonic
        self._answered: deque[float] = deque()

    def wait(self) -> float:
        """Return the seconds until a request may be answered; 0 lets this one through, and counts it."""
        now = self._now()
        while self._answered and now - self._answered[0] >= self._rate.period:
            self._answered.popleft()
        if len(self._answered) >= self._rate.limit:
            return self._answered[0] + self._rate.period - now
        self._answered.append(now)
        return 0.0

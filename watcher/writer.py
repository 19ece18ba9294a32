"""The writer: the one thread that touches the store."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from watcher.clock import SystemClock

_T = TypeVar("_T")


class WriterThread:
    """The one thread that touches the store, so that the event loop never waits for the disk."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._monotonic = SystemClock().monotonic
        self._began: float | None = None

    async def __call__(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns; once begun, it is done, even if who waits for it is cancelled."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._done, work)

    @property
    def work_age(self) -> timedelta:
        """For how long the work at hand has been going on; zero if there is none."""
        began = self._began
        return timedelta() if began is None else timedelta(seconds=self._monotonic() - began)

    def _done(self, work: Callable[[], _T]) -> _T:
        self._began = self._monotonic()
        try:
            return work()
        finally:
            self._began = None

    def close(self) -> None:
        """Finish what was begun."""
        self._thread.shutdown(wait=True, cancel_futures=True)

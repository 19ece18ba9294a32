"""Delivering: drain whatever is due, each channel in a task of its own."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from watcher.core.outbox import Sent
from watcher.errors import StateDamaged, StoreError
from watcher.jobs.deliver import Attempt, drain
from watcher.store.store import Mark
from watcher.wiring import Live

_LOOK_AGAIN = 3.0
"""Seconds until the outbox is looked at again, though nothing is known to have changed.

Each look costs a millisecond, and most of what a daemon costs that has nothing to do.
"""
_REST = 10.0
"""Seconds of rest after an error, so that one that stays fills no log."""

log = structlog.get_logger()


class Delivering:
    """Wakes for what is new, and looks every few seconds: what other processes do with the outbox is seen then."""

    def __init__(self, live: Live, gathered: Callable[[datetime], datetime]) -> None:
        """Deliver what was due at `gathered(now)`, while a cycle goes on."""
        self._live = live
        self._gathered = gathered
        self._draining: dict[str, asyncio.Task[None]] = {}
        self._looked_at = live.clock.monotonic()
        self._looked_upon: Mark | None = None
        self._idle_at: Mark | None = None
        """The store's mark, if two looks in a row found it and nothing that waits: until it changes, nothing does."""
        self.changed = asyncio.Event()
        """Set by whoever may have put something into the outbox."""

    @property
    def look_age(self) -> timedelta:
        """How long ago the outbox was looked at, whatever came of it."""
        return timedelta(seconds=self._live.clock.monotonic() - self._looked_at)

    async def run(self) -> None:
        """Deliver until it is cancelled.

        Raises:
            StateDamaged: nothing can be delivered any more.
        """
        live = self._live

        def look(mark: Mark | None) -> list[str]:
            with live.store.read() as tx:
                idle = tx.outbox.is_idle()
                self._idle_at = mark if idle and mark == self._looked_upon else None
                self._looked_upon = mark
                now = live.clock.now()
                return [] if idle else list(tx.outbox.due_channels(self._gathered(now), now))

        while True:
            self.changed.clear()
            try:
                mark = live.store.mark()
                due = [] if mark and mark == self._idle_at else await live.writer(partial(look, mark))
            except StateDamaged:
                raise
            except StoreError as error:
                log.error("outbox not read", reason=str(error))  # noqa: TRY400 - the reason says it all
                self._looked_at = live.clock.monotonic()
                await asyncio.sleep(_REST)
                continue
            self._looked_at = live.clock.monotonic()
            for name in due:
                if name not in self._draining:
                    task = asyncio.create_task(self._drain(name))
                    self._draining[name] = task
                    task.add_done_callback(lambda _, name=name: self._draining.pop(name))  # type: ignore[misc]  # a lambda with a default
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):  # `wait_for` can swallow the cancellation of the exit
                    await self.changed.wait()

    async def finish(self, grace: float) -> None:
        """Give messages on their way `grace` seconds, then leave them to the next start."""
        sending = list(self._draining.values())
        if sending:
            await asyncio.wait(sending, timeout=grace)
        for draining in sending:
            draining.cancel()
        await asyncio.gather(*sending, return_exceptions=True)

    async def _drain(self, name: str) -> None:
        """Send all that is due for a channel."""
        live = self._live
        channel = live.channels.get(name)
        attempts = drain(
            name, live.store, channel, live.current_book, live.writer, live.clock, random.random, patient=True
        )
        try:
            async for attempt in attempts:
                live.tally.attempted(name, attempt.outcome)
                _log_attempt(attempt)
                self.changed.set()  # a fallback may have been told to step in
        except Exception:
            log.exception("delivery failed", channel=name)
            await asyncio.sleep(_REST)  # it is still at work to those who look, and not tried every second


def _log_attempt(attempt: Attempt) -> None:
    statuses = Counter(delivery.status.value for delivery in attempt.deliveries)
    facts = {"channel": attempt.claim.message.channel, "message": attempt.claim.message.id, **statuses}
    if isinstance(attempt.outcome, Sent):
        log.info("delivered", **facts)
    else:
        log.warning("not delivered", **facts, reason=attempt.outcome.reason)

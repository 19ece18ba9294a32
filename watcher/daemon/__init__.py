"""The event loop: scheduler, signals, systemd; nothing else runs long."""

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack
from datetime import timedelta

import structlog

from watcher import systemd
from watcher.daemon.clock_watch import watch_clock
from watcher.daemon.delivering import Delivering
from watcher.daemon.page import page
from watcher.daemon.pulse import Pulse
from watcher.daemon.turns import Turns
from watcher.jobs.recovered import tell_recovered
from watcher.reloading import Reloading
from watcher.rulebook import Contents
from watcher.wiring import Live, heartbeat

EXIT_GRACE = 3.0
"""Seconds that messages on their way may take after SIGTERM; then their claims are left to the next start."""

log = structlog.get_logger()


class Daemon:
    """Polls and delivers until it is told to stop."""

    def __init__(self, live: Live, reloading: Reloading, every: timedelta | None = None) -> None:
        """Work on `live`, by the rules that `reloading` keeps in force.

        What is due is asked for, by the calendar; with `every`, everything is, so often, whatever the calendar says.

        Raises:
            ConfigurationError: the heartbeat's URL cannot be used.
        """
        self._live = live
        self._reloading = reloading
        self._every = every
        self._heartbeat = heartbeat(live.settings)
        self._turns = Turns(live, every, self._cycled)
        self._delivering = Delivering(live, self._turns.gathered)
        self._pulse = Pulse(live, self._turns, self._delivering)
        self._stop = asyncio.Event()
        self._reloads: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP reads the rules again."""
        live = self._live
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self._begin_reload)

        async with AsyncExitStack() as serving:
            await live.writer(lambda: tell_recovered(live.store, live.book, live.clock.now()))
            await self._reloading.begin()
            await serving.enter_async_context(page(live, self._turns, self._pulse))
            delivering = loop.create_task(self._delivering.run())
            parts = [loop.create_task(part) for part in self._parts()]
            self._turns.start()
            systemd.notify("READY=1", f"STATUS=watching {len(live.book.by_symbol)} symbols")
            log.info(
                "started",
                symbols=len(live.book.by_symbol),
                rules=len(live.book.rules),
                every=str(self._every or "calendar"),
            )
            try:
                stopping = loop.create_task(self._stop.wait())
                await asyncio.wait({stopping, delivering}, return_when=asyncio.FIRST_COMPLETED)
                if delivering.done():
                    await delivering  # it ends by an error only, which is not to pass unseen
            finally:
                systemd.notify("STOPPING=1")
                self._turns.pause()
                await asyncio.gather(serving.aclose(), self._finish(delivering, *parts, *self._reloads))
                self._turns.stop()
                log.info("stopped")

    def stop(self) -> None:
        """Ask it to end; asking twice is asking once."""
        self._stop.set()

    def _parts(self) -> Iterator[Coroutine[object, object, None]]:
        """Yield what runs beside cycles and delivery for as long as the daemon."""
        live, pulse = self._live, self._pulse
        yield pulse.watched("pulse", pulse.run())
        yield pulse.watched("clock watch", watch_clock(live.clock, self._turns.plan_anew))
        yield pulse.watched("rules watch", self._watch_rules())
        if (silence := systemd.watchdog()) is not None:
            yield pulse.watched("watchdog", pulse.feed_watchdog(silence))
        if self._heartbeat is not None:
            yield pulse.watched("heartbeat", pulse.beat(self._heartbeat, live.settings.heartbeat.every))

    def _cycled(self) -> None:
        self._delivering.changed.set()
        self._pulse.cycled()

    def _begin_reload(self) -> None:
        reload = asyncio.get_running_loop().create_task(self._reload())
        self._reloads.add(reload)
        reload.add_done_callback(self._reloads.discard)

    async def _reload(self, found: Contents | None = None) -> None:
        """Take up the rules that were found, or are there now; new symbols are asked for at once."""
        taken_up = await self._reloading.reload(found)
        self._live.tally.reloads["taken_up" if taken_up else "refused"] += 1
        if taken_up and self._turns.by_calendar:
            self._turns.plan()
        self._delivering.changed.set()  # an edit may be told, and so may what is wrong with it

    async def _watch_rules(self) -> None:
        async for found in self._reloading.edits():
            await self._reload(found)

    async def _finish(self, *tasks: "asyncio.Task[None]") -> None:
        """Stop looking for work, give messages on their way a moment, then leave them to the next start."""
        for task in tasks:
            task.cancel()
        await self._delivering.finish(EXIT_GRACE)
        await asyncio.gather(*tasks, return_exceptions=True)

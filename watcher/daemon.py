"""The event loop: scheduler, signals, systemd; nothing else runs long."""

import asyncio
import contextlib
import random
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from watcher import systemd
from watcher.core.book import RuleBook
from watcher.jobs.deliver import Attempt, drain
from watcher.jobs.poll import poll
from watcher.jobs.take_up import take_up
from watcher.rulebook import load
from watcher.rulebook.problem import printed
from watcher.wiring import Live, channels

EXIT_GRACE = 3.0
"""Seconds that messages on their way may take after SIGTERM; then their claims are left to the next start."""
_LOOK_AGAIN = timedelta(seconds=60)

log = structlog.get_logger()


class Daemon:
    """Polls and delivers until it is told to stop."""

    def __init__(self, live: Live, rules: Path, every: timedelta) -> None:
        """Work on `live`, polling `every` so often; `rules` is where a reload reads."""
        self._live = live
        self._rules = rules
        self._every = every
        self._stop = asyncio.Event()
        self._outbox_changed = asyncio.Event()
        self._polling = asyncio.Lock()
        self._draining: dict[str, asyncio.Task[list[Attempt]]] = {}

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP reads the rules again."""
        live = self._live
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        reloading: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGHUP, lambda: reloading.add(loop.create_task(self.reload())))

        await live.writer(lambda: take_up(live.store, live.book, live.clock.now()))
        scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        scheduler.add_listener(_log_trouble, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        scheduler.add_job(self.poll, "interval", seconds=self._every.total_seconds(), next_run_time=live.clock.now())
        delivering = loop.create_task(self._deliver())
        scheduler.start()
        systemd.notify("READY=1", f"STATUS=watching {len(live.book.by_symbol)} symbols")
        log.info("started", symbols=len(live.book.by_symbol), rules=len(live.book.rules), every=str(self._every))
        try:
            stopping = loop.create_task(self._stop.wait())
            await asyncio.wait({stopping, delivering}, return_when=asyncio.FIRST_COMPLETED)
            if delivering.done():
                await delivering  # it ends by an error only, which is not to pass unseen
        finally:
            systemd.notify("STOPPING=1")
            scheduler.pause()
            await self._finish(delivering, *reloading)
            scheduler.shutdown(wait=False)
            log.info("stopped")

    def stop(self) -> None:
        """Ask it to end; asking twice is asking once."""
        self._stop.set()

    async def poll(self) -> None:
        """Run one cycle over all symbols."""
        live = self._live
        async with self._polling:
            cycle = await poll(
                list(live.book.by_symbol), live.current_book, live.upstream, live.store, live.writer, live.clock
            )
        self._outbox_changed.set()
        await live.writer(
            lambda: live.store.note_cycle(cycle.started, cycle.ended, len(cycle.states), len(cycle.troubled))
        )
        log.info(
            "polled",
            symbols=len(cycle.states),
            troubled=len(cycle.troubled),
            notifications=len(cycle.notifications),
            seconds=round((cycle.ended - cycle.started).total_seconds(), 2),
        )
        systemd.notify(f"STATUS=last cycle {cycle.ended:%Y-%m-%d %H:%M:%S} UTC, {len(cycle.states)} symbols")

    async def reload(self) -> None:
        """Read the rules again; a bad edit changes nothing, and is said."""
        live = self._live
        systemd.reloading()
        try:
            loaded = await asyncio.to_thread(load, self._rules)
            for problem in loaded.problems:
                log.warning("rules", problem=printed(problem).splitlines()[0])
            if loaded.book is None:
                log.error("rules kept", reason="the new ones have errors; the last good ones stay in force")
                return
            book = loaded.book
            live.channels = await asyncio.to_thread(channels, book, live.settings, live.console)
            notifications = await live.writer(lambda: self._swap(book))
            log.info("rules loaded", rules=len(book.rules), symbols=len(book.by_symbol), told=notifications)
            self._outbox_changed.set()
        except Exception:
            log.exception("rules kept", reason="the new ones could not be taken up")
        finally:
            systemd.notify("READY=1")

    def _swap(self, book: RuleBook) -> int:
        """Take up a book, in the writer's thread: between two batches, never within one."""
        taken = take_up(self._live.store, book, self._live.clock.now())
        self._live.book = book
        return len(taken)

    async def _deliver(self) -> None:
        """Drain whatever is due, each channel in a task of its own; wake for what is new, and for what is due."""
        live = self._live

        def look() -> tuple[list[str], datetime | None]:
            with live.store.read() as tx:
                return tx.outbox.due_channels(live.clock.now()), tx.outbox.next_due()

        while True:
            self._outbox_changed.clear()
            due, next_due = await live.writer(look)
            for name in due:
                if name not in self._draining:
                    channel = live.channels.get(name)
                    task = asyncio.create_task(drain(name, live.store, channel, live.writer, live.clock, random.random))
                    self._draining[name] = task
                    task.add_done_callback(lambda done, name=name: self._drained(name, done))  # type: ignore[misc]  # a lambda with a default
            wait = min(max(next_due - live.clock.now(), timedelta(seconds=1)), _LOOK_AGAIN) if next_due else _LOOK_AGAIN
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._outbox_changed.wait(), wait.total_seconds())

    def _drained(self, name: str, task: "asyncio.Task[list[Attempt]]") -> None:
        del self._draining[name]
        if task.cancelled():
            return
        if error := task.exception():
            log.error("delivery failed", channel=name, exc_info=error)
            return
        for attempt in task.result():
            delivery = attempt.delivery
            log.info(
                "delivered" if delivery.reason is None else "not delivered",
                channel=name,
                status=delivery.status.value,
                notifications=len(attempt.claim.message.notifications),
                reason=delivery.reason,
            )

    async def _finish(self, *tasks: "asyncio.Task[None]") -> None:
        """Stop looking for work, give messages on their way a moment, then leave them to the next start."""
        for task in tasks:
            task.cancel()
        sending = list(self._draining.values())
        if sending:
            await asyncio.wait(sending, timeout=EXIT_GRACE)
        for draining in sending:
            draining.cancel()
        await asyncio.gather(*tasks, *sending, return_exceptions=True)


def _log_trouble(event: JobExecutionEvent) -> None:
    if event.code == EVENT_JOB_ERROR:
        log.error("cycle failed", exc_info=event.exception)
    elif event.code == EVENT_JOB_MISSED:
        log.warning("cycle missed", scheduled=str(event.scheduled_run_time))
    else:
        log.debug("cycle still running")

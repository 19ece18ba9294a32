"""The event loop: scheduler, signals, systemd; nothing else runs long."""

import asyncio
import contextlib
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from watcher import systemd
from watcher.clock import SystemClock
from watcher.core.outbox import Sent
from watcher.errors import StateDamaged, StoreError, told_in
from watcher.jobs.cycle import cycle
from watcher.jobs.deliver import Attempt, drain
from watcher.jobs.poll import Cycle, poll
from watcher.jobs.recovered import tell_recovered
from watcher.reloading import Reloading
from watcher.rulebook import Contents
from watcher.wiring import Live, schedule

EXIT_GRACE = 3.0
"""Seconds that messages on their way may take after SIGTERM; then their claims are left to the next start."""
_LOOK_AGAIN = 1.0
"""Seconds until the outbox is looked at again, though nothing is known to have changed."""
_REST = 10.0
"""Seconds of rest after an error, so that one that stays fills no log."""
_GATHER = timedelta(minutes=5)
"""What a cycle finds waits so long for its end, at most."""
_LOOK_ANYWAY = timedelta(minutes=1)
"""Between two looks at what is due, though the first said that nothing will be: the store may be another by then."""
_SAY_AGAIN = timedelta(minutes=1)
"""Between two lines about the same trouble."""
_FIRST_UPKEEP, _UPKEEP = timedelta(minutes=1), timedelta(hours=1)
"""When backups and retention are looked at: each is done once a day."""
_JUMP = timedelta(seconds=5)
_TURN = "turn"

log = structlog.get_logger()


class Daemon:
    """Polls and delivers until it is told to stop."""

    def __init__(self, live: Live, reloading: Reloading, every: timedelta | None = None) -> None:
        """Work on `live`, by the rules that `reloading` keeps in force.

        What is due is asked for, by the calendar; with `every`, everything is, so often, whatever the calendar says.
        """
        self._live = live
        self._reloading = reloading
        self._every = every
        self._schedule = schedule(live.settings)
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._stop = asyncio.Event()
        self._outbox_changed = asyncio.Event()
        self._polling = asyncio.Lock()
        self._draining: dict[str, asyncio.Task[None]] = {}
        self._cycle_began: datetime | None = None
        self._looked = False
        self._trouble, self._troubled_at = "", live.clock.now()

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; SIGHUP reads the rules again."""
        live = self._live
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        reloading: set[asyncio.Task[None]] = set()
        loop.add_signal_handler(signal.SIGHUP, lambda: reloading.add(loop.create_task(self._reload())))

        await live.writer(lambda: tell_recovered(live.store, live.book, live.clock.now()))
        await self._reloading.begin()
        scheduler = self._scheduler
        scheduler.add_listener(self._log_trouble, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self._plan(live.clock.now())
        first_upkeep = live.clock.now() + _FIRST_UPKEEP
        scheduler.add_job(live.upkeep, "interval", seconds=_UPKEEP.total_seconds(), next_run_time=first_upkeep)
        delivering = loop.create_task(self._deliver())
        watching = [loop.create_task(self._watch_clock()), loop.create_task(self._watch_rules())]
        scheduler.start()
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
            scheduler.pause()
            await self._finish(delivering, *watching, *reloading)
            scheduler.shutdown(wait=False)
            log.info("stopped")

    def stop(self) -> None:
        """Ask it to end; asking twice is asking once."""
        self._stop.set()

    async def turn(self) -> None:
        """Run a cycle, and plan the next one whatever becomes of this one."""
        clock = self._live.clock
        following = clock.now() + (self._every or _LOOK_ANYWAY)
        try:
            if self._every:
                await self.poll()
            elif (wake := await self.look()) is not None:
                following = min(wake, clock.now() + _LOOK_ANYWAY)
        finally:
            if not self._stop.is_set():
                self._plan(max(following, clock.now()))

    async def poll(self) -> None:
        """Run one cycle over all symbols."""
        live = self._live
        async with self._cycle():
            away = await live.writer(self._away)
            symbols = list(live.book.by_symbol)
            cycle = await poll(
                symbols, live.current_book, live.upstream, live.store, live.writer, live.clock, away=away
            )
        await self._note(cycle, len(cycle.states), len(cycle.troubled))

    async def look(self) -> datetime | None:
        """Ask for what is due, which mostly is nothing; safe at any time, and twice. Return when something will be."""
        live = self._live
        async with self._cycle():
            away = await live.writer(self._away)
            done = await cycle(
                live.current_book, live.upstream, live.store, live.writer, live.clock, self._schedule, away=away
            )
        if done.cycle.states or not self._looked:
            await self._note(done.cycle, done.watched, done.troubled, done.waiting)
        self._looked = True
        if done.waiting:
            log.warning("upstream is left alone", waiting=done.waiting, until=str(done.wake))
        return done.wake

    @contextlib.asynccontextmanager
    async def _cycle(self) -> AsyncIterator[None]:
        async with self._polling:
            self._cycle_began = self._live.clock.now()
            try:
                yield
            finally:
                self._cycle_began = None
                self._outbox_changed.set()

    def _away(self) -> bool:
        """Whether sessions came and went since the last cycle, because nobody asked."""
        return self._schedule.missed(self._live.store.last_cycle_ended(), self._live.clock.now())

    async def _note(self, cycle: Cycle, watched: int, troubled: int, waiting: int = 0) -> None:
        live = self._live
        await live.writer(lambda: live.store.note_cycle(cycle.started, cycle.ended, watched, troubled, waiting))
        log.info(
            "polled",
            symbols=len(cycle.states),
            troubled=len(cycle.troubled),
            notifications=len(cycle.notifications),
            seconds=round((cycle.ended - cycle.started).total_seconds(), 2),
        )
        systemd.notify(f"STATUS=last cycle {cycle.ended:%Y-%m-%d %H:%M:%S} UTC, {len(cycle.states)} symbols")

    async def _watch_clock(self) -> None:
        """Take a turn at once when the clock jumps: set back by an hour, it would stop the scheduler for an hour.

        The event loop's own time only moves forward, and stands while the machine is suspended.
        """
        while True:
            before = self._live.clock.now()
            await asyncio.sleep(_LOOK_ANYWAY.total_seconds())
            jumped = self._live.clock.now() - before - _LOOK_ANYWAY
            if abs(jumped) > _JUMP:
                log.warning("clock jumped", seconds=round(jumped.total_seconds()))
                self._plan(self._live.clock.now())

    def _plan(self, at: datetime) -> None:
        """Have the next cycle begin then.

        One date and no interval: of one, the scheduler would count every turn that a clock set to another year skips.
        """
        # the scheduler has a clock of its own, the machine's: what counts is how long to wait
        at = SystemClock().now() + max(at - self._live.clock.now(), timedelta())
        # the next may begin while this one ends: refused for that, it would never be planned again
        self._scheduler.add_job(self.turn, "date", run_date=at, id=_TURN, replace_existing=True, max_instances=2)

    async def _reload(self, found: Contents | None = None) -> None:
        """Take up the rules that were found, or are there now; new symbols are asked for at once."""
        if await self._reloading.reload(found) and not self._every:
            self._plan(self._live.clock.now())
        self._outbox_changed.set()  # an edit may be told, and so may what is wrong with it

    async def _watch_rules(self) -> None:
        async for found in self._reloading.edits():
            await self._reload(found)

    async def _deliver(self) -> None:
        """Drain whatever is due, each channel in a task of its own; wake for what is new, and look every second.

        What other processes do with the outbox and with silences is seen at the next look.
        """
        live = self._live

        def look() -> list[str]:
            with live.store.read() as tx:
                return tx.outbox.due_channels(self._gathered(live.clock.now()))

        while True:
            self._outbox_changed.clear()
            try:
                due = await live.writer(look)
            except StateDamaged:
                raise
            except StoreError:
                log.exception("outbox not read")
                await asyncio.sleep(_REST)
                continue
            for name in due:
                if name not in self._draining:
                    task = asyncio.create_task(self._drain(name))
                    self._draining[name] = task
                    task.add_done_callback(lambda _, name=name: self._draining.pop(name))  # type: ignore[misc]  # a lambda with a default
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AGAIN):  # `wait_for` can swallow the cancellation of the exit
                    await self._outbox_changed.wait()

    def _gathered(self, now: datetime) -> datetime:
        """Return up to when something must have been due to go out: what a cycle enqueues waits for its end.

        So that a cycle is one message and not one for each batch, however slowly upstream may be asked.
        """
        began = self._cycle_began
        return now if began is None or now - began > _GATHER else min(now, began)

    async def _drain(self, name: str) -> None:
        """Send all that is due for a channel."""
        live = self._live
        channel = live.channels.get(name)
        attempts = drain(
            name, live.store, channel, live.current_book, live.writer, live.clock, random.random, patient=True
        )
        try:
            async for attempt in attempts:
                _log_attempt(attempt)
                self._outbox_changed.set()  # a fallback may have been told to step in
        except Exception:
            log.exception("delivery failed", channel=name)
            await asyncio.sleep(_REST)  # it is still at work to those who look, and not tried every second

    def _log_trouble(self, event: JobExecutionEvent) -> None:
        if event.code == EVENT_JOB_MISSED:
            log.warning("cycle missed", scheduled=str(event.scheduled_run_time))
            return
        if event.code == EVENT_JOB_MAX_INSTANCES:
            log.debug("cycle still running")
            return
        told, now = told_in(event.exception), self._live.clock.now()
        trouble = str(told) if told else repr(event.exception)
        if trouble == self._trouble and timedelta() <= now - self._troubled_at < _SAY_AGAIN:
            return  # it is tried again and again, and said once a minute
        self._trouble, self._troubled_at = trouble, now
        if told is None:
            log.error("cycle failed", exc_info=event.exception)
        else:
            log.error("cycle failed", reason=trouble)

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


def _log_attempt(attempt: Attempt) -> None:
    statuses = Counter(delivery.status.value for delivery in attempt.deliveries)
    facts = {"channel": attempt.claim.message.channel, "message": attempt.claim.message.id, **statuses}
    if isinstance(attempt.outcome, Sent):
        log.info("delivered", **facts)
    else:
        log.warning("not delivered", **facts, reason=attempt.outcome.reason)

"""Turns: the scheduler, and what it does at each turn: a cycle, and the plan of the next."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from watcher.clock import SystemClock
from watcher.errors import told_in
from watcher.jobs.cycle import cycle
from watcher.jobs.poll import Cycle, poll
from watcher.wiring import Live, schedule

LOOK_ANYWAY = timedelta(minutes=1)
"""Between two looks at what is due, though the first said that nothing will be: the store may be another by then."""
_GATHER = timedelta(minutes=5)
"""What a cycle finds waits so long for its end, at most."""
_SAY_AGAIN = timedelta(minutes=1)
"""Between two lines about the same trouble."""
_FIRST_UPKEEP, _UPKEEP = timedelta(minutes=1), timedelta(hours=1)
"""When backups and retention are looked at: each is done once a day."""
_TURN, _OF_UPKEEP = "turn", "upkeep"

log = structlog.get_logger()


class Turns:
    """Takes a turn whenever something may be due, one after the other, and plans the next one at the end of each.

    Every job is of one date, and no interval: of one, the scheduler would list every turn that a clock set to another
    year skips.
    """

    def __init__(self, live: Live, every: timedelta | None, ended: Callable[[], None]) -> None:
        """Ask for what is due by the calendar; with `every`, for everything, so often. `ended` hears of each cycle."""
        self._live = live
        self._every = every
        self._ended = ended
        self._schedule = schedule(live.settings)
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._stopped = False
        self._one_at_a_time = asyncio.Lock()
        self._planned_at: float | None = None
        self._began: datetime | None = None
        self._answers, self._moved_at = 0, live.clock.monotonic()
        self._looked = False
        self._trouble, self._troubled_at = "", live.clock.now()
        self.complete: datetime | None = None
        """When the last cycle ended after which nothing that was due was left unasked."""
        self.completed_at = live.clock.monotonic()
        """The same by the clock that nobody sets; at first, the start."""
        self.last: tuple[datetime, int] | None = None
        """When the last cycle ended that asked for anything, and for how many symbols."""
        self.following: datetime | None = None
        """When there will be something to do next."""

    @property
    def by_calendar(self) -> bool:
        """True unless everything is asked for at an interval."""
        return self._every is None

    @property
    def overdue(self) -> timedelta:
        """For how long the next turn should have begun."""
        if self._planned_at is None:
            return timedelta()
        return max(timedelta(seconds=self._live.clock.monotonic() - self._planned_at), timedelta())

    @property
    def cycle_time(self) -> timedelta:
        """What two cycles over all symbols take at the rate: it may be halved, and a session come while one runs."""
        rate = self._live.pacing.rate
        asking = timedelta(seconds=2 * len(self._live.book.by_symbol) * rate.period / rate.limit)
        return asking + (self._every or timedelta())

    def asking_age(self) -> timedelta:
        """Return for how long the cycle under way has had no answer though nothing kept it; to be asked now and then.

        What keeps it is the rate, or upstream's wish to be left alone.
        """
        now, answers = self._live.clock.monotonic(), self._live.tally.requests.total()
        if self._began is None or answers != self._answers or 0 < self._live.pacing.wait < math.inf:
            self._answers, self._moved_at = answers, now
        return timedelta(seconds=now - self._moved_at)

    def start(self) -> None:
        """Begin, with a turn at once."""
        self._scheduler.add_listener(self._heard, EVENT_JOB_ERROR | EVENT_JOB_MISSED | EVENT_JOB_MAX_INSTANCES)
        self.plan()
        self._plan_upkeep(_FIRST_UPKEEP)
        self._scheduler.start()

    def pause(self) -> None:
        """Begin nothing any more."""
        self._stopped = True
        self._planned_at = None
        self._scheduler.pause()

    def stop(self) -> None:
        """End whatever is under way."""
        self._scheduler.shutdown(wait=False)

    def plan(self, at: datetime | None = None) -> None:
        """Have the next turn begin then, or now."""
        clock = self._live.clock
        wait = max(at - clock.now(), timedelta()) if at else timedelta()
        self._planned_at = clock.monotonic() + wait.total_seconds()
        # the next may begin while this one ends: refused for that, it would never be planned again
        self._scheduler.add_job(
            self.turn, "date", run_date=_on_the_machine(wait), id=_TURN, replace_existing=True, max_instances=2
        )

    def plan_anew(self) -> None:
        """Plan everything anew, after the clock was set: what is planned is planned by the old one."""
        self.plan()
        self._plan_upkeep(_FIRST_UPKEEP)

    async def turn(self) -> None:
        """Run a cycle, and plan the next one whatever becomes of this one."""
        clock = self._live.clock
        self._planned_at = None
        following = clock.now() + (self._every or LOOK_ANYWAY)
        outcome = "failed"
        try:
            if self._every:
                outcome = await self.poll()
                self.following = following
            else:
                outcome, self.following = await self.look()
                following = min(self.following or following, clock.now() + LOOK_ANYWAY)
        finally:
            self._live.tally.cycles[outcome] += 1
            if not self._stopped:
                self.plan(max(following, clock.now()))
            self._ended()

    async def poll(self) -> str:
        """Run one cycle over all symbols; return what came of it."""
        live = self._live
        async with self._cycle():
            away = await live.writer(self._away)
            symbols = list(live.book.by_symbol)
            polled = await poll(
                symbols, live.current_book, live.upstream, live.store, live.writer, live.clock, away=away
            )
        return await self._note(polled, len(polled.states), len(polled.troubled))

    async def look(self) -> tuple[str, datetime | None]:
        """Ask for what is due, which mostly is nothing; safe at any time, and twice.

        Return what came of it, and when something will be due.
        """
        live = self._live
        async with self._cycle():
            away = await live.writer(self._away)
            done = await cycle(
                live.current_book, live.upstream, live.store, live.writer, live.clock, self._schedule, away=away
            )
        if done.waiting:
            log.warning("upstream is left alone", waiting=done.waiting, until=str(done.wake))
        asked = bool(done.cycle.states) or not self._looked
        self._looked = True
        return await self._note(done.cycle, done.watched, done.troubled, done.waiting, asked=asked), done.wake

    def gathered(self, now: datetime) -> datetime:
        """Return up to when something must have been due to go out: what a cycle enqueues waits for its end.

        So that a cycle is one message and not one for each batch, however slowly upstream may be asked.
        """
        began = self._began
        return now if began is None or now - began > _GATHER else min(now, began)

    @contextlib.asynccontextmanager
    async def _cycle(self) -> AsyncIterator[None]:
        async with self._one_at_a_time:
            self._began, self._moved_at = self._live.clock.now(), self._live.clock.monotonic()
            try:
                yield
            finally:
                self._began = None
                self._ended()

    def _away(self) -> bool:
        """Whether sessions came and went since the last cycle, because nobody asked."""
        return self._schedule.missed(self._live.store.last_cycle_ended(), self._live.clock.now())

    async def _note(self, done: Cycle, watched: int, troubled: int, waiting: int = 0, *, asked: bool = True) -> str:
        live = self._live
        if asked:
            await live.writer(lambda: live.store.note_cycle(done.started, done.ended, watched, troubled, waiting))
            self.last = done.ended, len(done.states)
            log.info(
                "polled",
                symbols=len(done.states),
                troubled=len(done.troubled),
                notifications=len(done.notifications),
                seconds=round((done.ended - done.started).total_seconds(), 2),
            )
        if waiting:
            return "incomplete"
        self.complete, self.completed_at = done.ended, live.clock.monotonic()
        return "complete"

    def _plan_upkeep(self, wait: timedelta) -> None:
        at = _on_the_machine(wait)
        self._scheduler.add_job(
            self._upkeep, "date", run_date=at, id=_OF_UPKEEP, replace_existing=True, max_instances=2
        )

    async def _upkeep(self) -> None:
        try:
            await self._live.upkeep()
        finally:
            if not self._stopped:
                self._plan_upkeep(_UPKEEP)

    def _heard(self, event: JobExecutionEvent) -> None:
        if event.code == EVENT_JOB_MISSED:
            log.warning("cycle missed", scheduled=str(event.scheduled_run_time))
            return
        if event.code == EVENT_JOB_MAX_INSTANCES:
            log.debug("cycle still running")
            self._planned_at = None  # those at work plan the next
            return
        if self._stopped and isinstance(event.exception, asyncio.CancelledError):
            return  # the end of the daemon is no failure of the cycle that it cut short
        told, now = told_in(event.exception), self._live.clock.now()
        trouble = str(told) if told else repr(event.exception)
        if trouble == self._trouble and timedelta() <= now - self._troubled_at < _SAY_AGAIN:
            return  # it is tried again and again, and said once a minute
        self._trouble, self._troubled_at = trouble, now
        what = "upkeep failed" if event.job_id == _OF_UPKEEP else "cycle failed"
        if told is None:
            log.error(what, exc_info=event.exception)
        else:
            log.error(what, reason=trouble)


def _on_the_machine(wait: timedelta) -> datetime:
    """Return the moment after `wait` by the scheduler's clock: the machine's, which need not be ours."""
    return SystemClock().now() + wait

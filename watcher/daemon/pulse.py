"""Pulse: looks at the daemon itself: is all well, and does it still move; and tells whoever is to know."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from datetime import timedelta

import structlog

from watcher import systemd
from watcher.core.circuit import Circuit
from watcher.core.health import Backlog, Reason, Signs, reasons
from watcher.core.outbox import Sent
from watcher.core.progress import Progress, stuck
from watcher.daemon.delivering import Delivering
from watcher.daemon.turns import Turns
from watcher.delivery.heartbeat import Heartbeat
from watcher.errors import StoreError
from watcher.jobs.asked import circuit
from watcher.store.noted import Noted, last_note, note
from watcher.wiring import Live

EVERY = timedelta(seconds=20)
"""Between two looks at the store, and two notes for those who look from outside."""
_PATIENCE = 10.0
"""Seconds that the store's thread may be busy with something else: twice what it waits for a lock."""
_ASK_AGAIN = timedelta(seconds=5)
"""Until it is asked again whether all is well by now, so that a heartbeat may go out."""

log = structlog.get_logger()


class Pulse:
    """What is known of the daemon's health, for /readyz, `watcher status`, the heartbeat and the service manager."""

    def __init__(self, live: Live, turns: Turns, delivering: Delivering) -> None:
        """Look at these parts; nothing is known yet, but for what the last daemon left."""
        self._live = live
        self._turns = turns
        self._delivering = delivering
        self._state = live.settings.state_directory
        self._backlog = Backlog()
        self._circuit = Circuit()
        self._store_at = live.clock.monotonic()
        self._store_fault: str | None = None
        self._looking: asyncio.Task[tuple[Circuit, Backlog]] | None = None
        self._news = asyncio.Event()
        self._noted_reasons: Sequence[Reason] = ()
        self._said = ""
        self._ended: list[str] = []
        self.page: str | None = None
        """Where the page is served."""
        self.page_fault: str | None = None
        """Why it is not served where it should be."""
        before = last_note(self._state)
        turns.complete = before.complete if before else None

    def signs(self) -> Signs:
        """Return what the daemon knows of itself now."""
        live, turns, now = self._live, self._turns, self._live.clock.now()
        # by both clocks: one may be set back, the other stands while the machine sleeps
        complete_age = timedelta(seconds=live.clock.monotonic() - turns.completed_at)
        if turns.complete is not None:
            complete_age = max(complete_age, now - turns.complete)
        unheard = self._backlog.unheard
        return Signs(
            complete=turns.complete,
            complete_age=complete_age,
            cycle_time=turns.cycle_time,
            circuit=self._circuit,
            turn_overdue=turns.overdue,
            look_age=self._delivering.look_age,
            owed={channel: now - since for channel, since in self._backlog.owed.items()},
            unheard=timedelta() if unheard is None else now - unheard,
            store_age=timedelta(seconds=live.clock.monotonic() - self._store_at),
            store_fault=self._store_fault,
            ended=tuple(self._ended),
        )

    def reasons(self) -> tuple[Reason, ...]:
        """Return why not all is well; nothing where all is."""
        return reasons(self.signs())

    def stuck(self) -> tuple[str, ...]:
        """Return the parts that a restart would mend."""
        progress = Progress(
            turn_overdue=self._turns.overdue,
            look_age=self._delivering.look_age,
            work_age=self._live.writer.work_age,
            asking_age=self._turns.asking_age(),
            timeout=self._live.settings.upstream.timeout,
        )
        return stuck(progress)

    def noted(self) -> Noted:
        """Return what those outside are to know."""
        turns = self._turns
        return Noted(
            self._live.clock.now(), turns.complete, turns.following, self.reasons(), self.page, self.page_fault
        )

    async def run(self) -> None:
        """Look at the store, and leave a note, again and again until it is cancelled."""
        while True:
            self._news.clear()
            await self.look()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY.total_seconds()):
                    await self._news.wait()

    def cycled(self) -> None:
        """Take note that a cycle has ended; where that changes how all stands, those outside know at once."""
        self.say()
        if self.reasons() != self._noted_reasons:
            self._news.set()

    async def look(self) -> None:
        """See whether the store can be read and written, what waits there, and leave a note of how all stands."""
        fault = await self._looked()
        # the note is no work for the store's thread: that it hangs is to be told, too
        noted = self.noted()
        self._noted_reasons = noted.reasons
        try:
            await asyncio.to_thread(note, self._state, noted)
        except StoreError as error:
            fault = fault or str(error)
        self._store_fault = fault
        if fault is None:
            self._store_at = self._live.clock.monotonic()
        self.say()

    def say(self) -> None:
        """Tell the service manager the last and the next cycle, and what is not well, if that is news."""
        turns, parts = self._turns, []
        if turns.last is not None:
            parts.append(f"last cycle {turns.last[0]:%Y-%m-%d %H:%M:%S} UTC, {turns.last[1]} symbols")
        if turns.following is not None:
            parts.append(f"next {turns.following:%Y-%m-%d %H:%M:%S} UTC")
        found = self.reasons() if turns.last is not None else ()
        parts += [f"NOT WELL: {reason}" for reason in found[:1]]
        status = "; ".join(parts) or f"watching {len(self._live.book.by_symbol)} symbols"
        if status != self._said:
            self._said = status
            systemd.notify(f"STATUS={status}")

    async def feed_watchdog(self, silence: float) -> None:
        """Tell the service manager twice in `silence` seconds that it goes on, for as long as it does."""
        said: tuple[str, ...] = ()
        while True:
            standing = self.stuck()
            if standing and standing != said:
                log.error("no progress", parts=", ".join(standing), watchdog="is not fed")
            said = standing
            if not standing:
                systemd.notify("WATCHDOG=1")
            await asyncio.sleep(silence / 2)

    async def beat(self, heartbeat: Heartbeat, every: timedelta) -> None:
        """Send the heartbeat at its interval, while all is well; what becomes of it has no effect on anything."""
        failing: str | None = None
        clock, tally = self._live.clock, self._live.tally
        try:
            while True:
                began = clock.monotonic()
                rest = min(every, _ASK_AGAIN)
                if not self.reasons():
                    outcome = await heartbeat.beat()
                    rest = every
                    if isinstance(outcome, Sent):
                        tally.heartbeats["sent"] += 1
                        if failing is not None:
                            log.info("heartbeat is heard again")
                        failing = None
                    else:
                        tally.heartbeats["failed"] += 1
                        if failing is None:
                            log.warning("heartbeat not heard", reason=outcome.reason)
                        failing = outcome.reason
                await asyncio.sleep(max(rest.total_seconds() - (clock.monotonic() - began), 0.1))
        finally:
            await heartbeat.aclose()

    async def watched(self, name: str, part: Coroutine[object, object, None]) -> None:
        """Run a part that is to run for as long as the daemon; that it ended is said, and is a reason."""
        try:
            await part
        except Exception:
            log.exception("a part of the daemon ended", part=name)
            self._ended.append(name)

    async def _looked(self) -> str | None:
        """Look at the store; return why that could not be done, if so."""
        self._looking = self._looking or asyncio.create_task(self._live.writer(self._outlook))
        await asyncio.wait({self._looking}, timeout=_PATIENCE)
        if not self._looking.done():
            return f"its thread has been at the same work for {self._live.writer.work_age.total_seconds():.0f} s"
        looking, self._looking = self._looking, None
        try:
            self._circuit, self._backlog = looking.result()
        except StoreError as error:
            return str(error)
        return None

    def _outlook(self) -> tuple[Circuit, Backlog]:
        # nothing is written: that it could be is what is to be known
        with self._live.store.write() as tx:
            return circuit(tx), tx.outbox.backlog(self._live.clock.now())

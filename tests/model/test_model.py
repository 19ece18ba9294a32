"""Whatever happens, in whatever order: what was told is what an oracle of one page says, each of it once."""

import asyncio
import contextlib
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import event

from tests.builders import book, us_row
from tests.builders import rule as rule_of
from tests.model.oracle import Oracle
from watcher.core.answer import Answered, DataState, Refused
from watcher.core.market import Symbol
from watcher.core.notification import Message
from watcher.core.outbox import Failed, Outcome, Sent, Unknown
from watcher.jobs.deliver import deliver
from watcher.jobs.record import record
from watcher.jobs.take_up import take_up
from watcher.store.store import Store

US = Symbol("US.XRT")
DAY_0 = date(2026, 1, 5)
VALUES = st.sampled_from([None, 10.0, 40.0, 60.0, 90.0])
T = TypeVar("T")


class Standing:
    """A clock that stands."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now


class Killed(BaseException):
    """The process dies here."""


class Receiver:
    """Where messages arrive; up or down, and now and then the watcher dies just after one was taken."""

    name = "desk"

    def __init__(self) -> None:
        self.up: Outcome = Sent()
        self.kills = False
        self.arrived: list[tuple[str, int, str]] = []
        self.ids: list[str] = []

    async def send(self, message: Message) -> Outcome:
        if isinstance(self.up, Failed):
            return self.up
        for each in message.notifications:
            self.arrived.append((each.kind.value, (each.episode - DAY_0).days, each.id))
        if self.kills:
            self.kills = False
            raise Killed
        return self.up


class Watching(RuleBasedStateMachine):
    """One symbol, one rule, one channel, and everything that may happen to them."""

    @initialize(limit=st.sampled_from([30.0, 50.0]), sessions=st.integers(1, 2))
    def start(self, limit: float, sessions: int) -> None:
        self.directory = tempfile.TemporaryDirectory()
        self.now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
        self.published: dict[int, float | None] = {}
        self.hidden: set[int] = set()
        self.oracle = Oracle(limit, sessions)
        self.receiver = Receiver()
        self.unknowns = self.deaths = self.edition = 0
        self.open()
        self.edit_to(limit, sessions)

    def open(self) -> None:
        self.store = Store.open_for_writing(Path(self.directory.name), "the model", self.now)

    def edit_to(self, limit: float, sessions: int) -> None:
        self.edition += 1
        text = rule_of(when=f"short_percent > {limit}", for_=sessions, symbols=[US], notify=["desk"])
        self.book = book(text, channels=["desk"], digest=f"{self.edition}")
        take_up(self.store, self.book, self.now)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.settle()
            self.compare()
            self.store.close()
            self.directory.cleanup()

    # what upstream does

    @rule(value=VALUES, skip=st.booleans())
    def publish(self, value: float | None, skip: bool) -> None:
        """A session's row comes; or it is late, and the next comes first."""
        day = max(self.published, default=-1) + 1
        self.published[day] = value
        if skip:
            self.hidden.add(day)

    @precondition(lambda self: self.hidden)
    @rule()
    def publish_late(self) -> None:
        self.hidden.clear()

    @precondition(lambda self: self.published)
    @rule(pick=st.integers(0, 10**6), value=VALUES)
    def revise(self, pick: int, value: float | None) -> None:
        self.published[sorted(self.published)[pick % len(self.published)]] = value

    # what the watcher does

    def answer(self) -> dict[int, float | None]:
        return {day: value for day, value in self.published.items() if day not in self.hidden}

    def record(self) -> None:
        rows = tuple(
            us_row(DAY_0 + timedelta(days=day), volume=1, short_percent=v) for day, v in sorted(self.answer().items())
        )
        record(self.store, self.book, [Answered(US, rows)], self.now)

    @rule()
    def poll(self) -> None:
        self.record()
        if self.answer():
            self.oracle.see(self.answer())

    @rule(state=st.sampled_from([DataState.NO_DATA, DataState.ERROR, DataState.DENIED]))
    def poll_in_vain(self, state: DataState) -> None:
        record(self.store, self.book, [Refused(US, state, "US.XRT: trouble")], self.now)

    @rule(statements=st.integers(0, 12))
    def die_while_recording(self, statements: int) -> None:
        """The process dies at some statement; what it had written of the batch is gone."""
        died = self.dying(statements, self.record)
        if not died and self.answer():
            self.oracle.see(self.answer())

    @rule(limit=st.sampled_from([30.0, 50.0, 80.0]), sessions=st.integers(1, 2))
    def edit(self, limit: float, sessions: int) -> None:
        changed = (limit, sessions) != (self.oracle.limit, self.oracle.sessions)
        self.edit_to(limit, sessions)
        if changed:
            self.oracle.edit(limit, sessions)

    @rule()
    def deliver(self) -> None:
        with contextlib.suppress(Killed):
            self.drain()
            return
        self.reopen()

    def drain(self) -> None:
        async def at_once(work: Callable[[], T]) -> T:
            return work()

        async def run() -> None:
            await deliver(
                self.store, {"desk": self.receiver}, lambda: self.book, at_once, Standing(self.now), random.random
            )

        try:
            asyncio.run(run())
        except BaseExceptionGroup as group:
            raise Killed from group

    @rule()
    def die_after_the_receiver_took_it(self) -> None:
        self.receiver.kills = True
        before = len(self.receiver.arrived)
        self.deliver()
        self.receiver.kills = False
        self.deaths += len(self.receiver.arrived) > before

    @rule()
    def restart(self) -> None:
        self.reopen()

    @rule(up=st.sampled_from([Sent(), Sent(), Failed("refused"), Unknown("no answer")]))
    def receiver_changes(self, up: Outcome) -> None:
        self.receiver.up = up

    @rule(minutes=st.sampled_from([-60 * 24, -60, 1, 15, 60, 60 * 24]))
    def pass_time(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    # how it is done

    def reopen(self) -> None:
        self.store.close()
        self.open()
        take_up(self.store, self.book, self.now)

    def dying(self, statements: int, work: Callable[[], None]) -> bool:
        left = [statements]

        def count(*_: Any) -> None:  # Any: what SQLAlchemy passes is of no interest
            left[0] -= 1
            if left[0] < 0:
                raise Killed

        engine = self.store._reader
        event.listen(engine, "before_cursor_execute", count)
        try:
            work()
        except Killed:
            self.store.close()
            self.open()
            return True
        finally:
            event.remove(engine, "before_cursor_execute", count)
        return False

    def settle(self) -> None:
        """In the end the receiver works, and time passes."""
        self.receiver.up, self.receiver.kills = Sent(), False
        self.now = max(self.now, datetime(2027, 1, 1, tzinfo=UTC)) + timedelta(days=2)
        self.poll()
        self.drain()

    def compare(self) -> None:
        first = list(dict.fromkeys(self.receiver.arrived))
        assert Counter((kind, day) for kind, day, _ in first) == Counter(self.oracle.told)

    @invariant()
    def never_told_what_is_not_so(self) -> None:
        """What has arrived so far is a part of what the oracle says, and nothing came twice without a reason."""
        if hasattr(self, "oracle"):
            first = Counter((kind, day) for kind, day, _ in dict.fromkeys(self.receiver.arrived))
            assert first <= Counter(self.oracle.told)


TestWatching = Watching.TestCase
TestWatching.settings = settings(
    max_examples=200, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)

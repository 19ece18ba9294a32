"""The watcher as a process that can die at any step, on a store that outlives it, and the receivers it talks to."""

import asyncio
import atexit
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event

from watcher.core.book import RuleBook
from watcher.core.notification import Message
from watcher.core.outbox import Outcome, Sent
from watcher.jobs.deliver import deliver
from watcher.jobs.take_up import take_up
from watcher.store.store import Store

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MEMORY = Path("/dev/shm")  # noqa: S108 - where it is there, a disk that costs nothing
T = TypeVar("T")
_COMPILED: dict[str, Any] = {}  # Any: the insides of SQLAlchemy


class KilledError(BaseException):
    """The process dies here."""


class Receiver:
    """Where the messages of a channel arrive."""

    def __init__(self, name: str, world: "World") -> None:
        self.name = name
        self.outcome: Outcome = Sent()
        self.under_way: Message | None = None
        """Its outcome may not be stored yet."""
        self.answered = False
        """True once it returned the outcome, which is stored before anything else is done."""
        self._world = world

    async def send(self, message: Message) -> Outcome:
        world = self._world
        try:
            for other in world.receivers.values():
                if other.answered:
                    world.on_settled(other)
            self.under_way, self.answered = message, False
            world.step()
            world.on_arrival(message)
            await asyncio.sleep(0)  # others are at work meanwhile
            world.step()
            if (meanwhile := world.meanwhile) is not None:
                world.meanwhile = None
                meanwhile()
        except Exception as fault:  # of the test: what asks does not let it pass
            world.faults.append(fault)
            raise
        self.answered = True
        return self.outcome


class World:
    """The process, its store, its clock and its surroundings."""

    def __init__(self, channels: tuple[str, ...]) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        shutil.copytree(_new_store(), self.directory, dirs_exist_ok=True)
        self.clock = START
        self.book = RuleBook()
        self.receivers = {name: Receiver(name, self) for name in channels}
        self.on_arrival: Callable[[Message], None] = lambda _: None
        self.on_settled: Callable[[Receiver], None] = lambda _: None
        """The outcome of the message that was under way is stored."""
        self.faults: list[Exception] = []
        self.sending = False
        self.meanwhile: Callable[[], None] | None = None
        """What happens while the next message is under way."""
        self.steps: int | None = None
        """Until the process dies."""
        self.dead = False
        self._runner = asyncio.Runner()
        event.listen(Engine, "engine_connect", _compile_once)
        self.start()
        self.state = Store.open_beside(self.directory)
        """To look at it without being a step of the process."""

    def now(self) -> datetime:
        return self.clock

    def monotonic(self) -> float:
        return self.clock.timestamp()

    def start(self) -> None:
        """Start as the daemon does."""
        self.dead, self.steps = False, None
        self.store = Store.open_for_writing(self.directory, "the model", self.clock)
        for name in ("before_cursor_execute", "commit"):
            event.listen(self.store._reader, name, self.step)
        take_up(self.store, self.book, self.clock)

    def stop(self) -> None:
        self.store.close()

    def die(self) -> None:
        """Leave everything as it is: what kill -9 leaves."""
        self.store._reader.dispose()
        assert self.store._lock is not None
        self.store._lock.release()

    def end(self) -> None:
        event.remove(Engine, "engine_connect", _compile_once)
        self._runner.close()
        self.state.close()
        self.stop()
        shutil.rmtree(self.directory)

    def step(self, *_: Any) -> None:  # Any: what SQLAlchemy passes is of no interest
        """Every statement, every commit, every message: the process may die at any of them, and then does no more."""
        if self.steps is not None:
            self.steps -= 1
            self.dead |= self.steps < 0
        if self.dead:
            raise KilledError

    def deliver(self) -> bool:
        """Deliver what is due; return whether the process lived."""

        async def at_once(work: Callable[[], T]) -> T:
            return work()

        self.sending = True
        try:
            self._runner.run(deliver(self.store, self.receivers, lambda: self.book, at_once, self, random.random))
        except (KilledError, BaseExceptionGroup):
            if not self.dead:
                raise
        finally:
            self.sending = False
            for fault in self.faults:
                raise fault
        return not self.dead

    @contextmanager
    def beside(self) -> Iterator[Store]:
        """What another process does with the store."""
        other = Store.open_beside(self.directory, writes=True)
        try:
            yield other
        finally:
            other.close()


def _compile_once(connection: Connection) -> None:
    """Let all stores share what SQLAlchemy makes of the statements: to make it takes a third of the time."""
    engine = connection.engine
    connection.dialect = engine.dialect = _COMPILED.setdefault("dialect", engine.dialect)
    engine._compiled_cache = _COMPILED.setdefault("cache", engine._compiled_cache)


@cache
def _new_store() -> Path:
    """A store as it is at first: to make one takes longer than an example."""
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    Store.open_for_writing(directory, "the model", START).close()
    return directory

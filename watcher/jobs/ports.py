"""What the jobs need of the outside, each as small as its use."""

from datetime import datetime
from typing import Protocol

from watcher.core.answer import Answer
from watcher.core.market import Symbol
from watcher.core.notification import Message
from watcher.core.outbox import Outcome


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Wall-clock time, in UTC."""
        ...


class Upstream(Protocol):
    """The endpoint, asked for one symbol at a time; keeps within its rate by itself."""

    async def ask(self, symbol: Symbol, count: int) -> Answer:
        """Return what upstream says of the newest `count` (1 to 90) rows; never raises for what upstream does."""
        ...


class Channel(Protocol):
    """Carries messages to one place."""

    @property
    def name(self) -> str:
        """Its name in rules.toml."""
        ...

    async def send(self, message: Message) -> Outcome:
        """Deliver the message and say truthfully what became of it; never raises for what a receiver does."""
        ...

"""What the jobs need of the outside, each as small as its use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol, TypeVar

from watcher.core.alert import Alert, Watch
from watcher.core.answer import Answer, SymbolState
from watcher.core.judgement import News
from watcher.core.market import Position, Row, Symbol
from watcher.core.notification import Claim, Message, Notification, Report
from watcher.core.outbox import Delivery, Outcome

_T = TypeVar("_T")


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


class Rows(Protocol):
    """What upstream published, in a transaction."""

    def newest(self, wanted: Sequence[Symbol], count: int | None = None) -> Mapping[Symbol, tuple[Row, ...]]: ...  # noqa: D102

    def positions(self, wanted: Sequence[Symbol]) -> Mapping[Symbol, tuple[Position, ...]]: ...  # noqa: D102

    def states(self, wanted: Sequence[Symbol] | None = None) -> Mapping[Symbol, SymbolState]: ...  # noqa: D102

    def put_states(self, states: Iterable[SymbolState]) -> None: ...  # noqa: D102

    def put_news(self, changes: Iterable[tuple[Symbol, News]], now: datetime) -> None: ...  # noqa: D102


class Alerts(Protocol):
    """What the rules make of the rows, in a transaction."""

    def of(self, wanted: Sequence[Symbol] | None = None) -> Mapping[Symbol, Mapping[str, Alert]]: ...  # noqa: D102

    def put(self, changed: Iterable[Alert]) -> None: ...  # noqa: D102

    def watches(self, wanted: Sequence[Symbol] | None = None) -> Mapping[tuple[Symbol, str], Watch]: ...  # noqa: D102

    def ended(self, episodes: Iterable[tuple[Symbol, str, date]]) -> set[tuple[Symbol, str, date]]: ...  # noqa: D102

    def put_watches(self, taken_up: Iterable[Watch]) -> None: ...  # noqa: D102

    def drop_watch(self, symbol: Symbol, rule: str) -> None: ...  # noqa: D102

    def last_numbers(self, pairs: Iterable[tuple[Symbol, str]]) -> Mapping[tuple[Symbol, str], int]: ...  # noqa: D102

    def add_transitions(self, reports: Iterable[Report], now: datetime) -> None: ...  # noqa: D102


class Outbox(Protocol):
    """What is to be told, in a transaction."""

    def enqueue(self, notifications: Iterable[Notification], now: datetime) -> None: ...  # noqa: D102

    def told(self, episodes: Iterable[tuple[Symbol, str, date]]) -> Mapping[tuple[Symbol, str, date], set[str]]: ...  # noqa: D102

    def due_channels(self, now: datetime) -> Sequence[str]: ...  # noqa: D102

    def claim(self, channel: str, now: datetime, holder: str) -> Claim | None: ...  # noqa: D102

    def settle(self, message: Message, delivery: Delivery) -> None: ...  # noqa: D102

    def deliveries(self, since: datetime) -> Mapping[str, Delivery]: ...  # noqa: D102


class Transaction(Protocol):
    """One consistent view; in a writing one, all of it is committed or nothing."""

    @property
    def rows(self) -> Rows: ...  # noqa: D102

    @property
    def alerts(self) -> Alerts: ...  # noqa: D102

    @property
    def outbox(self) -> Outbox: ...  # noqa: D102

    def note(self, key: str) -> str | None: ...  # noqa: D102

    def keep(self, key: str, value: str) -> None: ...  # noqa: D102


class Store(Protocol):
    """State on disk; for one thread at a time."""

    @property
    def holder(self) -> str:
        """Names the process that has the lock."""
        ...

    def read(self) -> AbstractContextManager[Transaction]: ...  # noqa: D102

    def write(self) -> AbstractContextManager[Transaction]: ...  # noqa: D102


class Writer(Protocol):
    """Runs what touches the store in the one thread that may."""

    async def __call__(self, work: Callable[[], _T]) -> _T:
        """Return what `work` returns."""
        ...

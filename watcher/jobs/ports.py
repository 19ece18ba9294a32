"""What the jobs need of the outside, each as small as its use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from typing import Protocol, TypeVar

from watcher.core.alert import Alert, Watch
from watcher.core.answer import Answer, SymbolState
from watcher.core.health import Backlog
from watcher.core.history import Recorded
from watcher.core.judgement import News
from watcher.core.market import Market, Position, Row, Symbol
from watcher.core.notification import Claim, Entry, Message, Notification, Report
from watcher.core.outbox import Delivery, Outcome
from watcher.core.quarantine import Quarantined
from watcher.core.silence import Ack, Silence
from watcher.core.watched import Ask

_T = TypeVar("_T")


class Clock(Protocol):
    """Where the time comes from."""

    def now(self) -> datetime:
        """Wall-clock time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only move forward, from an arbitrary start."""
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

    def watched(self) -> Sequence[Symbol]: ...  # noqa: D102

    def watches(self, wanted: Sequence[Symbol] | None = None) -> Mapping[tuple[Symbol, str], Watch]: ...  # noqa: D102

    def ended(self, episodes: Iterable[tuple[Symbol, str, date]]) -> set[tuple[Symbol, str, date]]: ...  # noqa: D102

    def put_watches(self, taken_up: Iterable[Watch]) -> None: ...  # noqa: D102

    def drop_watches(self, gone: Iterable[tuple[Symbol, str]]) -> None: ...  # noqa: D102

    def last_numbers(self, pairs: Iterable[tuple[Symbol, str]]) -> Mapping[tuple[Symbol, str], int]: ...  # noqa: D102

    def add_transitions(self, reports: Iterable[Report], now: datetime) -> None: ...  # noqa: D102


class Outbox(Protocol):
    """What is to be told, in a transaction."""

    def enqueue(self, notifications: Iterable[Notification], now: datetime) -> None: ...  # noqa: D102

    def told(self, episodes: Iterable[tuple[Symbol, str, date]]) -> Mapping[tuple[Symbol, str, date], set[str]]: ...  # noqa: D102

    def pass_on(self, notifications: Iterable[Notification], now: datetime) -> None: ...  # noqa: D102

    def later(self, notification: Notification) -> Sequence[Entry]: ...  # noqa: D102

    def due_channels(self, now: datetime) -> Sequence[str]: ...  # noqa: D102

    def is_idle(self) -> bool: ...  # noqa: D102

    def begun(self, channel: str, now: datetime) -> Iterable[Sequence[Entry]]: ...  # noqa: D102

    def waiting(self, channel: str) -> Sequence[Entry]: ...  # noqa: D102

    def claim(self, claim: Claim, holder: str) -> None: ...  # noqa: D102

    def put(self, entries: Iterable[Entry]) -> None: ...  # noqa: D102

    def settle(self, claim: Claim, outcome: Outcome, deliveries: Sequence[Delivery], now: datetime) -> None: ...  # noqa: D102

    def look_again(self, now: datetime) -> None: ...  # noqa: D102

    def entries(self) -> Sequence[Entry]: ...  # noqa: D102

    def depths(self) -> Mapping[tuple[str, str], int]: ...  # noqa: D102

    def backlog(self, now: datetime) -> Backlog: ...  # noqa: D102


class Silences(Protocol):
    """What people do not want to be told, in a transaction."""

    def add(self, silence: Silence) -> None: ...  # noqa: D102

    def all(self, ending_after: datetime | None = None) -> Sequence[Silence]: ...  # noqa: D102

    def end(self, silence: Silence, now: datetime) -> None: ...  # noqa: D102

    def acknowledge(self, ack: Ack) -> None: ...  # noqa: D102

    def forget_acks(self, episodes: Iterable[tuple[Symbol, str, date]]) -> None: ...  # noqa: D102

    def acks(self) -> Sequence[Ack]: ...  # noqa: D102


class History(Protocol):
    """What was recorded and told, in a transaction."""

    def last(self, symbol: Symbol, rule: str) -> Report | None: ...  # noqa: D102

    def recorded(self, symbols: Sequence[str] | None, rules: Sequence[str] | None) -> Sequence[Recorded]: ...  # noqa: D102


class Quarantine(Protocol):
    """Contents that are refused as implausible, in a transaction."""

    def contents(self, wanted: Sequence[Symbol]) -> Mapping[Symbol, Mapping[str, bool]]: ...  # noqa: D102

    def put(self, refused: Iterable[tuple[Symbol, Quarantined]], now: datetime) -> None: ...  # noqa: D102


class Asking(Protocol):
    """Requests that did not bring the row that was due, in a transaction."""

    def all(self) -> Mapping[Symbol, Ask]: ...  # noqa: D102

    def of(self, wanted: Iterable[Symbol]) -> Mapping[Symbol, Ask]: ...  # noqa: D102

    def put(self, missed: Iterable[Ask]) -> None: ...  # noqa: D102

    def forget(self, gone: Iterable[Symbol]) -> None: ...  # noqa: D102

    def was_held(self, market: Market, trade_date: date) -> bool: ...  # noqa: D102


class Retention(Protocol):
    """What is old, in a transaction."""

    def of_old_rows(self, before: date, keep: int) -> Sequence[Symbol]: ...  # noqa: D102

    def forget_rows(self, symbols: Sequence[Symbol], before: date, keep: int, seen_before: datetime) -> int: ...  # noqa: D102

    def old_transitions(self, before: datetime, count: int) -> Sequence[tuple[str, str, int]]: ...  # noqa: D102

    def forget_transitions(self, keys: Sequence[tuple[str, str, int]]) -> None: ...  # noqa: D102

    def forget_wishes(self, before: datetime) -> None: ...  # noqa: D102


class Transaction(Protocol):
    """One consistent view; in a writing one, all of it is committed or nothing."""

    @property
    def rows(self) -> Rows: ...  # noqa: D102

    @property
    def alerts(self) -> Alerts: ...  # noqa: D102

    @property
    def asking(self) -> Asking: ...  # noqa: D102

    @property
    def outbox(self) -> Outbox: ...  # noqa: D102

    @property
    def silences(self) -> Silences: ...  # noqa: D102

    @property
    def history(self) -> History: ...  # noqa: D102

    @property
    def quarantine(self) -> Quarantine: ...  # noqa: D102

    @property
    def retention(self) -> Retention: ...  # noqa: D102

    @property
    def recovered(self) -> str | None:
        """Why what is told now may have been told before; None unless the state before was lost."""
        ...

    def note(self, key: str) -> str | None: ...  # noqa: D102

    def keep(self, key: str, value: str) -> None: ...  # noqa: D102


class Unclaimed(Protocol):
    """What is sent without a claim, for the next process to know."""

    def add(self, message: str, notifications: Sequence[str]) -> None: ...  # noqa: D102

    def remove(self, message: str) -> None: ...  # noqa: D102


class Store(Protocol):
    """State on disk; for one thread at a time."""

    @property
    def unclaimed(self) -> Unclaimed:
        """What is sent although no claim can be stored."""
        ...

    @property
    def recovered(self) -> str | None:
        """What was wrong with the state before, and what was done when it was opened; None if nothing was."""
        ...

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

"""What is told: one transition, for one channel, with all that a message says of it."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Self

from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.outbox import Delivery
from watcher.core.rule import Severity


def short_id(*key: str) -> str:
    """Return eight base32 characters of the hash of a natural key."""
    return base64.b32encode(hashlib.sha256("\x1f".join(key).encode()).digest()[:5]).decode().lower()


@dataclass(frozen=True, slots=True)
class Facts:
    """What the row said when the alert changed; kept with the transition, so that a message never needs the rule."""

    metric: str
    """Left side of the rule's first comparison, as written: `daily_trade_avg_ratio`."""
    operator: str
    """`>`, `<=` …, or `crosses above`, `crosses below`."""
    unit: str
    """`%`, `×`, `shares` …; empty if it has none."""
    value: float | None
    limit: float | None
    previous: float | None
    """The value one row earlier."""
    trend: tuple[float | None, ...] = ()
    """The value over the last 30 rows, oldest first, this one included."""
    text: str | None = None
    """The rule's own words, filled in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A transition with all that can be told of it."""

    rule: str
    symbol: Symbol
    number: int
    """Counts the transitions of this rule on this symbol, from 1; 0 until it is given."""
    kind: Kind
    severity: Severity
    episode: date
    """First trade date of the episode, its name."""
    trade_date: date
    """Of the row that made the change."""
    note: str | None = None
    """What is special about it: `true since 2026-05-01`, `rule changed`, `while the watcher was away` …"""
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification(Report):
    """One transition for one channel."""

    channel: str
    instead_of: str | None = None
    """The channel that could not be told, or may not have heard, where this one is its fallback."""
    over: date | None = None
    """Trade date of the end of its episode, if that had come when this was read from the store."""

    @property
    def id(self) -> str:
        """Eight base32 characters of the hash of the natural key; a repeat carries the same."""
        return short_id(self.rule, self.symbol, str(self.number), self.channel)


@dataclass(frozen=True, slots=True)
class Enqueued:
    """Which notification was put into the outbox; what it tells is there, and not held in memory besides."""

    id: str
    kind: Kind
    rule: str
    symbol: Symbol
    episode: date
    trade_date: date
    channel: str

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """Return which one it is."""
        each = notification
        return cls(each.id, each.kind, each.rule, each.symbol, each.episode, each.trade_date, each.channel)


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel is sent in one go: all that was due for it."""

    id: str
    channel: str
    notifications: tuple[Notification, ...]
    repeat: bool = False
    """True if an earlier attempt may have arrived: it is marked "possibly a repeat"."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A notification in the outbox, and how its delivery stands."""

    notification: Notification
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this process, and no other, may send, and how the delivery of each notification in it stands."""

    message: Message
    deliveries: tuple[Delivery, ...]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Self:
        """Return the claim of what is to go out as one message, named after the oldest notification in it."""
        notifications = tuple(entry.notification for entry in entries)
        repeat = any(entry.delivery.unknowns for entry in entries)
        message = Message(notifications[0].id, notifications[0].channel, notifications, repeat)
        return cls(message, tuple(entry.delivery for entry in entries))

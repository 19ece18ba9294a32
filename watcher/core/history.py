"""What happened: the transitions of an episode, who was told of each, and every attempt to tell it."""

from dataclasses import dataclass
from datetime import date, datetime

from watcher.core.market import Symbol
from watcher.core.notification import Notification, Report
from watcher.core.outbox import Delivery


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to send the message that a notification was in."""

    number: int
    """From 1."""
    at: datetime
    """When its outcome was known."""
    outcome: str
    """`sent`, `failed` or `unknown`."""
    reason: str | None
    message: str
    """Id of the message."""


@dataclass(frozen=True, slots=True)
class Telling:
    """A notification, how its delivery stands, and the attempts so far."""

    notification: Notification
    delivery: Delivery
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A transition as it was stored, told to somebody or not."""

    report: Report
    at: datetime
    """When it was stored."""
    tellings: tuple[Telling, ...]


@dataclass(frozen=True, slots=True)
class PastEpisode:
    """An episode, going on or over, with all that was recorded of it, oldest first."""

    rule: str
    symbol: Symbol
    episode: date
    transitions: tuple[Recorded, ...]

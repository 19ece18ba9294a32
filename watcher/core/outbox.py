"""What becomes of a notification after an attempt to deliver it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

GIVE_UP_AFTER = timedelta(hours=48)
"""From the first attempt; then the notification is dead."""

_UNKNOWN_GAPS = tuple(timedelta(minutes=m) for m in (1, 10, 60, 360, 1440))


class Status(StrEnum):
    """Where a notification stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver did not take it, for certain."""

    reason: str
    permanent: bool = False
    """True if no further attempt can succeed, for example because the channel's URL is wrong."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have arrived: no answer in time, or the connection was cut after the request went out."""

    reason: str


Outcome: TypeAlias = Sent | Failed | Unknown


@dataclass(frozen=True, slots=True)
class Delivery:
    """The delivery of one notification so far."""

    status: Status = Status.PENDING
    due: datetime | None = None
    """When it is to be attempted next; None when it never will be."""
    attempts: int = 0
    first_attempt: datetime | None = None
    unknowns: int = 0
    """Attempts whose outcome is unknown: from the first on, every later attempt is marked "possibly a repeat"."""
    reason: str | None = None
    """Why it is not sent."""


def after(before: Delivery, outcome: Outcome, now: datetime, jitter: float) -> Delivery:
    """Return the delivery after one more attempt; `jitter` in [0, 1) spreads the retries of many.

    Failures back off 1, 2, 4 … 60 minutes, plus up to a tenth; unknown outcomes are repeated after
    1 min, 10 min, 1 h, 6 h and then every 24 h, until there is an answer.
    """
    attempts = before.attempts + 1
    first_attempt = before.first_attempt or now
    match outcome:
        case Sent():
            return Delivery(Status.SENT, None, attempts, first_attempt)
        case Unknown(reason):
            gap = _UNKNOWN_GAPS[min(before.unknowns, len(_UNKNOWN_GAPS) - 1)]
            return Delivery(Status.PENDING, now + gap, attempts, first_attempt, before.unknowns + 1, reason)
    gap = timedelta(minutes=min(2 ** min(before.attempts, 6), 60)) * (1 + jitter / 10)
    dead = outcome.permanent or now + gap > first_attempt + GIVE_UP_AFTER
    status, due = (Status.DEAD, None) if dead else (Status.PENDING, now + gap)
    # what was unknown stays marked: the answer to a later attempt does not say what became of an earlier one
    return Delivery(status, due, attempts, first_attempt, before.unknowns, outcome.reason)

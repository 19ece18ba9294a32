"""What becomes of notifications after an attempt to deliver the message they are in."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

GIVE_UP_AFTER = timedelta(hours=48)
"""From the first attempt; then the notification is dead."""
_LEAST = 12
"""Attempts before anything is given up, in seven hours: since the first it may have been silenced, or nobody there."""
IN_DOUBT_AFTER = 2
"""Unknown outcomes; from then on others know that the channel may not have heard."""

LONGEST_WAIT = timedelta(hours=25)
"""No attempt waits longer, nor do quiet hours last: what is due later, was put off before the clock was set back."""

_UNKNOWN_GAPS = tuple(timedelta(minutes=m) for m in (1, 10, 60, 360, 1440))


class Status(StrEnum):
    """Where a notification stands."""

    PENDING = "pending"
    CLAIMED = "claimed"
    SENT = "sent"
    DEAD = "dead"
    """It could not be told, and is not attempted any more."""
    DROPPED = "dropped"
    """It is not to be told: over before its silence was, or taken out by a person."""


class Hold(StrEnum):
    """Why a notification that could be sent is not told now."""

    QUIET_HOURS = "quiet hours"
    SILENCE = "silence"
    ACK = "ack"
    RESTING = "resting"
    """Its rule is not enabled."""

    @property
    def hushes(self) -> bool:
        """True if a person wants to hear nothing of it, and not only nothing at this hour."""
        return self is not Hold.QUIET_HOURS


@dataclass(frozen=True, slots=True)
class Sent:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The receiver did not take it, for certain."""

    reason: str
    permanent: bool = False
    """True if no further attempt can succeed, for example because the channel's URL is wrong."""
    begun: bool = False
    """True if the receiver took the first parts of it: what is left must go out as it is."""


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
    """When it is to be attempted, or looked at, next; None when nothing but news of its alert can move it."""
    attempts: int = 0
    first_attempt: datetime | None = None
    unknowns: int = 0
    """Attempts whose outcome is unknown: from the first on, every later attempt is marked "possibly a repeat"."""
    reason: str | None = None
    """Why it is not sent."""
    begun: bool = False
    """True once the receiver may have any of its message, which is then repeated as it is, neither more nor less."""
    held: Hold | None = None
    claimed_by: str | None = None
    """Names the process that sends it."""

    @property
    def word(self) -> str:
        """The status as people are shown it: what is kept back, for whatever reason, is `held`."""
        return "held" if self.held else self.status.value

    def is_due(self, now: datetime) -> bool:
        """Return whether it is to be attempted, or looked at; `Outbox` says the same in SQL.

        A clock that is set back holds up nothing new, and nothing for longer than it would have waited anyhow.
        """
        if self.due is None or self.due <= now:
            return self.due is not None
        if self.held is None and not self.attempts:
            return True
        return self.held in (None, Hold.QUIET_HOURS) and self.due > now + LONGEST_WAIT

    @property
    def in_doubt(self) -> bool:
        """True if nobody can say whether it arrived, and that more than once."""
        return self.unknowns >= IN_DOUBT_AFTER


def after(message: Sequence[Delivery], outcome: Outcome, now: datetime, jitter: float) -> tuple[Delivery, ...]:
    """Return the deliveries of a message's notifications after one more attempt, in the same order.

    Failures back off 1, 2, 4 … 60 minutes, plus up to a tenth: `jitter` in [0, 1) spreads the retries of many. Each
    notification is dead 48 hours after its own first attempt, and a dozen attempts; those of a message that has begun
    all together with the youngest. Unknown outcomes are repeated after 1 min, 10 min, 1 h, 6 h and then every 24 h,
    until there is an answer.
    """
    tried = [
        replace(each, attempts=each.attempts + 1, first_attempt=each.first_attempt or now, held=None, reason=None)
        for each in message
    ]
    match outcome:
        case Sent():
            return tuple(replace(each, status=Status.SENT, due=None) for each in tried)
        case Unknown(reason):
            gap = _UNKNOWN_GAPS[min(max(each.unknowns for each in message), len(_UNKNOWN_GAPS) - 1)]
            pending = (replace(each, status=Status.PENDING, due=now + gap, reason=reason) for each in tried)
            return tuple(replace(each, unknowns=each.unknowns + 1, begun=True) for each in pending)
    doublings = min(max(each.attempts for each in message), 6)
    again = now + timedelta(minutes=min(2**doublings, 60)) * (1 + jitter / 10)
    youngest, most = max(each.first_attempt or now for each in tried), max(each.attempts for each in tried)

    def failed(each: Delivery) -> Delivery:
        # what was unknown stays marked: the answer to a later attempt does not say what became of an earlier one
        begun = each.begun or outcome.begun
        since, attempts = (youngest, most) if begun else (each.first_attempt or now, each.attempts)
        if outcome.permanent or (again > since + GIVE_UP_AFTER and attempts >= _LEAST):
            return replace(each, status=Status.DEAD, due=None, reason=outcome.reason, begun=begun)
        return replace(each, status=Status.PENDING, due=again, reason=outcome.reason, begun=begun)

    return tuple(failed(each) for each in tried)


def unopened(before: Delivery) -> Delivery:
    """Return the delivery of what follows an opening that could not be told."""
    return replace(before, status=Status.DEAD, due=None, held=None, reason="its opening could not be told")


def retried(before: Delivery, now: datetime) -> Delivery | None:
    """Return the delivery as a person wants it, due at once with another 48 hours; None if it is sent, or under way."""
    if before.status in (Status.SENT, Status.CLAIMED):
        return None
    return replace(before, status=Status.PENDING, due=now, first_attempt=None, held=None)


def dropped(before: Delivery) -> Delivery | None:
    """Return the delivery as a person does not want it; None if it is sent, under way, or dropped already."""
    if before.status not in (Status.PENDING, Status.DEAD):
        return None
    return replace(before, status=Status.DROPPED, due=None, held=None, reason="dropped by hand")

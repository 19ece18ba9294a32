"""What of all that waits for a channel goes into its next message, by the rules, silences and acks of that moment."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import groupby
from typing import TypeAlias

from watcher.core.alert import Kind
from watcher.core.book import ChannelPolicy, RuleBook
from watcher.core.market import Symbol
from watcher.core.notice import WATCHER
from watcher.core.notification import Entry, Notification
from watcher.core.outbox import Hold, Status
from watcher.core.rule import Severity
from watcher.core.silence import Ack, Silence

Held: TypeAlias = tuple[Hold, datetime | None]
"""Why, and when to look again; None: when its alert changes."""

_WHILE_FIRING = (Kind.OPENED, Kind.REMINDED)
_OVER_UNHEARD = "it was over before it was to be heard of"


@dataclass(frozen=True, slots=True)
class Hush:
    """What people do not want to hear of."""

    silences: tuple[Silence, ...] = ()
    """Those that have not ended."""
    acks: frozenset[tuple[Symbol, str, date]] = frozenset()
    """Symbol, rule and episode."""
    resting: frozenset[str] = frozenset()
    """Rules that are not enabled."""

    @classmethod
    def of(cls, silences: Iterable[Silence], acks: Iterable[Ack], book: RuleBook) -> "Hush":
        """Return what silences, acks and the rules together say."""
        episodes = frozenset((ack.symbol, ack.rule, ack.episode) for ack in acks)
        return cls(tuple(silences), episodes, frozenset(rule.name for rule in book.rules if not rule.enabled))

    def held(self, notification: Notification, now: datetime) -> Held | None:
        """Return whether a notification is not wanted now; an ack lets the end of its episode through."""
        if notification.symbol == WATCHER:
            return None
        if notification.rule in self.resting:
            return Hold.RESTING, None
        ends = [each.ends for each in self.silences if each.starts <= now < each.ends and each.covers(notification)]
        if ends:
            return Hold.SILENCE, max(ends)
        episode = (notification.symbol, notification.rule, notification.episode)
        if notification.kind in _WHILE_FIRING and episode in self.acks:
            return Hold.ACK, None
        return None


@dataclass(frozen=True, slots=True)
class Composition:
    """What becomes of the notifications that wait for a channel; those in none of the three stay as they are."""

    told: tuple[Entry, ...] = ()
    """The next message."""
    held: tuple[Entry, ...] = ()
    """What is not told now, where that is news: as it is after."""
    dropped: tuple[Entry, ...] = ()
    """What is not to be told any more: as it is after."""


@dataclass(slots=True)
class _Sorted:
    told: list[Entry] = field(default_factory=list)
    held: list[Entry] = field(default_factory=list)
    dropped: list[Entry] = field(default_factory=list)


def compose(waiting: Sequence[Entry], policy: ChannelPolicy, hush: Hush, now: datetime) -> Composition:
    """Return the next message of a channel out of all that waits for it, oldest first, and what is kept back.

    A notification never overtakes an earlier one of its alert. What began and ended under a silence or an ack is
    dropped; what a silence or quiet hours held back is told when they end, as it is then. Notices to the operator make
    messages of their own.
    """
    found = _Sorted()
    by_alert = sorted(waiting, key=lambda entry: _alert(entry.notification))  # stable: the oldest first in each
    for _, entries in groupby(by_alert, key=lambda entry: _alert(entry.notification)):
        _sort(entries, policy, hush, now, found)
    told = {id(entry) for entry in found.told}
    in_order = [entry for entry in waiting if id(entry) in told]
    notices = [entry for entry in in_order if entry.notification.symbol == WATCHER]
    return Composition(tuple(notices or in_order), tuple(found.held), tuple(found.dropped))


def following(opening: Notification, later: Iterable[Entry]) -> Iterator[Entry]:
    """Yield what is still to be told of the episode that `opening` begins.

    `later` is what came after it of its alert, for the same channel, in order. Where nobody hears of an opening, nobody
    is to hear of its end; whoever hears of it in the place of a channel, is to hear of its end, too.
    """
    for entry in later:
        if entry.notification.episode != opening.episode or opening.kind is not Kind.OPENED:
            continue
        if entry.notification.kind is Kind.OPENED:  # a revision can open an episode anew
            return
        if entry.delivery.status is Status.PENDING:
            yield entry


def quiet(notifications: Iterable[Notification], policy: ChannelPolicy, now: datetime) -> Held | None:
    """Return until when quiet hours hold a message; what is critical passes, and takes along what it is sent with."""
    if policy.quiet is None or not policy.quiet.hold(now):
        return None
    if any(notification.severity is Severity.CRITICAL for notification in notifications):
        return None
    return Hold.QUIET_HOURS, policy.quiet.over(now)


def _alert(notification: Notification) -> tuple[str, str]:
    return notification.symbol, notification.rule


def _sort(entries: Iterable[Entry], policy: ChannelPolicy, hush: Hush, now: datetime, found: _Sorted) -> None:
    """Put each entry of one alert where it belongs."""
    blocked: Held | None = None
    never_told: set[date] = set()
    for entry in sorted(entries, key=lambda entry: entry.notification.number):
        notification, delivery = entry.notification, entry.delivery
        hushed = hush.held(notification, now)
        why = hushed[0] if hushed else delivery.held
        opening, over = notification.kind is Kind.OPENED, notification.over is not None
        unheard = over and notification.kind in _WHILE_FIRING and why is not None and why.hushes
        if unheard or (not opening and notification.episode in never_told):
            if opening:
                never_told.add(notification.episode)
            dropped = replace(delivery, status=Status.DROPPED, due=None, held=why, reason=_OVER_UNHEARD)
            found.dropped.append(Entry(notification, dropped))
            continue
        if opening:  # a revision can open an episode anew
            never_told.discard(notification.episode)
        blocked = blocked or hushed or quiet([notification], policy, now)
        if blocked is None:
            found.told.append(entry)
            continue
        after = replace(delivery, held=blocked[0], due=blocked[1])
        if after != delivery:
            found.held.append(Entry(notification, after))

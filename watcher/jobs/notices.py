"""Notices: tell the operator of a trouble once, and once that it is over."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from watcher.core.alert import Kind
from watcher.core.book import RuleBook
from watcher.core.notice import WATCHER, listeners, recovery, trouble
from watcher.core.notification import Notification, Report
from watcher.core.routing import numbered
from watcher.core.rule import Severity
from watcher.jobs.ports import Transaction


def announce_trouble(
    tx: Transaction,
    book: RuleBook,
    topic: str,
    text: str,
    now: datetime,
    *,
    severity: Severity = Severity.WARNING,
    about: str | None = None,
) -> tuple[Notification, ...]:
    """Record a trouble and enqueue the notices of it, which are returned; none while the topic's last one goes on.

    `topic` names it in a word or two, and is all that tells one trouble from another: `upstream`, `channel desk`.
    `text` is a sentence. A critical trouble passes quiet hours; one that is `about` a channel is not told there.
    """
    if open_trouble(tx, topic) is not None:
        return ()
    return _announced(tx, trouble(topic, text, now, severity), listeners(book, about), now)


def announce_recovery(
    tx: Transaction, book: RuleBook, topic: str, text: str, now: datetime
) -> tuple[Notification, ...]:
    """Record that a trouble is over and enqueue the notices for who was told of it; none if it does not go on."""
    began = open_trouble(tx, topic)
    if began is None:
        return ()
    episode = (WATCHER, topic, began.episode)
    told = tx.outbox.told([episode])[episode]
    return _announced(tx, recovery(began, text, now), sorted(told & book.channels.keys()), now)


def open_trouble(tx: Transaction, topic: str) -> Report | None:
    """Return how a trouble began that is not over yet."""
    last = tx.history.last(WATCHER, topic)
    return last if last is not None and last.kind is Kind.OPENED else None


def _announced(tx: Transaction, report: Report, channels: Iterable[str], now: datetime) -> tuple[Notification, ...]:
    key = (report.symbol, report.rule)
    (given,) = numbered([report], tx.alerts.last_numbers([key]))
    told = {each.name: getattr(given, each.name) for each in fields(Report)}
    notices = tuple(Notification(**told, channel=channel) for channel in channels)
    tx.alerts.add_transitions([given], now)
    tx.outbox.enqueue(notices, now)
    return notices

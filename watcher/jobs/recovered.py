"""Recovered: tell the operator that the state before was lost, and when what is told is news again."""

from datetime import datetime

from watcher.core.book import RuleBook
from watcher.core.notification import Notification
from watcher.core.rule import Severity
from watcher.jobs.notices import announce_recovery, announce_trouble, open_trouble
from watcher.jobs.ports import Store

_TOPIC = "state"


def tell_recovered(store: Store, book: RuleBook, now: datetime) -> tuple[Notification, ...]:
    """Enqueue the notices that the store had to be replaced when it was opened, if it had; return them."""
    if store.recovered is None:
        return ()
    text = f"{store.recovered}. The first cycle may tell again what was told before, and says so"
    with store.write() as tx:
        return announce_trouble(tx, book, _TOPIC, text, now, severity=Severity.CRITICAL)


def tell_news_again(store: Store, book: RuleBook, now: datetime) -> tuple[Notification, ...]:
    """Enqueue the notices that a first cycle has ended since, if it has; return them."""
    with store.read() as tx:
        if tx.recovered is not None or open_trouble(tx, _TOPIC) is None:
            return ()
    with store.write() as tx:
        return announce_recovery(tx, book, _TOPIC, "a whole cycle has ended: what is told is news again", now)

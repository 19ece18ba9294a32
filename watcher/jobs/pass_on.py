"""Pass on: when a channel could not be told, or may not have heard, its fallback and the operator know."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from watcher.core.book import RuleBook
from watcher.core.composition import following
from watcher.core.notification import Entry, Message, Notification
from watcher.core.outbox import Delivery, Failed, Outcome, Sent, Status, Unknown, unopened
from watcher.jobs.notices import announce_recovery, announce_trouble
from watcher.jobs.ports import Transaction


def tell_others(
    tx: Transaction, book: RuleBook, message: Message, outcome: Outcome, deliveries: Sequence[Delivery], now: datetime
) -> None:
    """Enqueue what follows for others from an attempt to send `message`, its `deliveries` being those after it."""
    channel = message.channel
    topic = f"channel {channel}"
    if isinstance(outcome, Sent):
        announce_recovery(tx, book, topic, f"{channel} takes messages again", now)
        return
    lost: dict[str, Notification] = {}
    dead: list[Entry] = []
    for notification, delivery in zip(message.notifications, deliveries, strict=True):
        if delivery.status is not Status.DEAD and not (isinstance(outcome, Unknown) and delivery.in_doubt):
            continue
        follow = list(following(notification, tx.outbox.later(notification)))
        lost |= {each.id: each for each in (notification, *(entry.notification for entry in follow))}
        if delivery.status is Status.DEAD:
            dead += [Entry(entry.notification, unopened(entry.delivery)) for entry in follow]
    if not lost:
        return
    tx.outbox.put(dead)
    policy = book.channels.get(channel)
    fallback = policy.fallback if policy else None
    if fallback is not None:
        tx.outbox.pass_on((replace(each, channel=fallback, instead_of=channel) for each in lost.values()), now)
    text = _trouble(channel, outcome, len(lost)) + (f"; {fallback} is told in its place" if fallback else "")
    announce_trouble(tx, book, topic, text, now, about=channel)


def _trouble(channel: str, outcome: Failed | Unknown, count: int) -> str:
    what = "1 notification" if count == 1 else f"{count} notifications"
    if isinstance(outcome, Unknown):
        return f"{channel} gives no answer, and may or may not have heard of {what}: {outcome.reason}"
    if outcome.permanent:
        return f"{channel} cannot be told of {what}: {outcome.reason}"
    return f"{channel} could not be told of {what} for 48 hours: {outcome.reason}"

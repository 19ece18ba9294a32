"""What a person does beside a running daemon: silences, acks, and the outbox, each in one short transaction."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from watcher.core.composition import following
from watcher.core.market import Symbol
from watcher.core.notification import Entry
from watcher.core.outbox import Status, dropped, retried
from watcher.core.silence import Ack, Silence
from watcher.errors import WatcherError
from watcher.jobs.ports import Store


@dataclass(frozen=True, slots=True)
class Chosen:
    """Notifications, by their ids or by their channel."""

    ids: Collection[str]
    channel: str | None

    def __contains__(self, entry: Entry) -> bool:
        """True for a notification that has one of the ids, or any if there are none, and goes to the channel."""
        notification = entry.notification
        return (not self.ids or notification.id in self.ids) and self.channel in (None, notification.channel)


def add_silence(store: Store, silence: Silence) -> None:
    """Let a silence begin; what is new is held from now on."""
    with store.write() as tx:
        tx.silences.add(silence)


def end_silence(store: Store, silence_id: str, now: datetime) -> Silence:
    """End a silence, which is returned; what it held of alerts that fire is told.

    Raises:
        WatcherError: there is no such silence, or it is over.
    """
    with store.write() as tx:
        found = next((each for each in tx.silences.all(ending_after=now) if each.id == silence_id), None)
        if found is None:
            raise WatcherError(f"no silence {silence_id} is in force; `watcher silence list` shows those that are")
        tx.silences.end(found, now)
        tx.outbox.look_again(now)
    return replace(found, ends=now)


def acknowledge(store: Store, rule: str, symbol: Symbol, now: datetime) -> Ack:
    """Acknowledge the episode of a rule on a symbol that is going on, and return the ack.

    Raises:
        WatcherError: the rule does not fire on the symbol.
    """
    with store.write() as tx:
        alert = tx.alerts.of([symbol]).get(symbol, {}).get(rule)
        if alert is None or alert.episode is None:
            raise WatcherError(f"{rule} does not fire on {symbol}; `watcher status` shows what does")
        ack = Ack(symbol, rule, alert.episode, now)
        tx.silences.acknowledge(ack)
    return ack


def retry(store: Store, chosen: Chosen, now: datetime) -> list[Entry]:
    """Make notifications that are pending or dead due at once, with 48 hours before them; return them.

    One that was dropped is so only by its own id: a silence, or a person, wanted it so.
    """
    with store.write() as tx:
        again = [
            Entry(entry.notification, delivery)
            for entry in tx.outbox.entries()
            if entry in chosen
            and (entry.delivery.status is not Status.DROPPED or entry.notification.id in chosen.ids)
            and (delivery := retried(entry.delivery, now)) is not None
        ]
        tx.outbox.put(again)
    return again


def drop(store: Store, chosen: Chosen) -> list[Entry]:
    """Take out notifications that are pending or dead, never to be told, and what follows an opening; return them."""
    with store.write() as tx:
        out: dict[str, Entry] = {}
        for entry in tx.outbox.entries():
            if entry not in chosen or (delivery := dropped(entry.delivery)) is None:
                continue
            told = entry.notification
            out[told.id] = Entry(told, delivery)
            for other in following(told, tx.outbox.later(told)):
                out[other.notification.id] = Entry(other.notification, dropped(other.delivery) or other.delivery)
        tx.outbox.put(out.values())
    return list(out.values())

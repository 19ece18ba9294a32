"""The outbox: every notification that is to be told, until it is, and after."""

from collections.abc import Iterable
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, select

from watcher.core.alert import Kind
from watcher.core.market import Symbol
from watcher.core.notification import Claim, Entry, Message, Notification
from watcher.core.outbox import Delivery, Status
from watcher.store.alerts import report_fields
from watcher.store.tables import outbox, transitions

_KEY = (outbox.c.symbol, outbox.c.rule, outbox.c.number, outbox.c.channel)


class Outbox:
    """Notifications by (symbol, rule, number, channel), each there once."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def enqueue(self, notifications: Iterable[Notification], now: datetime) -> None:
        """Put notifications in, due at once."""
        values = [
            {
                "symbol": notification.symbol,
                "rule": notification.rule,
                "number": notification.number,
                "channel": notification.channel,
                "status": Status.PENDING.value,
                "due": now,
                "attempts": 0,
                "unknowns": 0,
            }
            for notification in notifications
        ]
        if values:
            self._connection.execute(outbox.insert(), values)

    def told(self, episodes: Iterable[tuple[Symbol, str, date]]) -> dict[tuple[Symbol, str, date], set[str]]:
        """Return the channels that were told of the opening of each episode, or are still owed it."""
        wanted = set(episodes)
        key = (transitions.c.symbol, transitions.c.rule, transitions.c.episode)
        query = (
            select(*key, outbox.c.channel)
            .select_from(transitions.join(outbox))
            .where(
                transitions.c.symbol.in_({symbol for symbol, _, _ in wanted}),
                transitions.c.kind == Kind.OPENED.value,
                outbox.c.status != Status.DEAD.value,
            )
        )
        found: dict[tuple[Symbol, str, date], set[str]] = {episode: set() for episode in wanted}
        for symbol, rule, episode, channel in self._connection.execute(query) if wanted else ():
            if (symbol, rule, episode) in wanted:
                found[symbol, rule, episode].add(channel)
        return found

    def due_channels(self, now: datetime) -> list[str]:
        """Return the channels for which something is due."""
        query = select(outbox.c.channel).distinct().where(outbox.c.status == Status.PENDING.value, outbox.c.due <= now)
        return sorted(self._connection.execute(query).scalars())

    def next_due(self) -> datetime | None:
        """Return when the next notification is due, if any is to be attempted."""
        query = select(outbox.c.due).where(outbox.c.status == Status.PENDING.value).order_by(outbox.c.due).limit(1)
        return self._connection.execute(query).scalar()

    def claim(self, channel: str, now: datetime, holder: str) -> Claim | None:
        """Claim what is due for a channel: a message that is to be repeated, else all that is new, as one message.

        What follows a notification that is still on its way, of the same rule and symbol, waits for it: an end is
        never told before its opening.
        """
        pending = and_(outbox.c.channel == channel, outbox.c.status == Status.PENDING.value)
        repeated = self._connection.execute(
            select(outbox.c.message)
            .where(pending, outbox.c.due <= now, outbox.c.message.is_not(None))
            .order_by(outbox.c.due, outbox.c.message)
            .limit(1)
        ).scalar()
        if repeated is not None:
            return self._claim(self.entries(and_(pending, outbox.c.message == repeated)), repeated, holder)
        earlier = outbox.alias()
        waits = (
            select(earlier.c.number)
            .where(
                earlier.c.symbol == outbox.c.symbol,
                earlier.c.rule == outbox.c.rule,
                earlier.c.channel == outbox.c.channel,
                earlier.c.number < outbox.c.number,
                earlier.c.message.is_not(None),
                earlier.c.status.in_((Status.PENDING.value, Status.CLAIMED.value)),
            )
            .exists()
        )
        new = self.entries(and_(pending, outbox.c.due <= now, outbox.c.message.is_(None), ~waits))
        return self._claim(new, new[0].notification.id, holder) if new else None

    def _claim(self, entries: list[Entry], message: str, holder: str) -> Claim:
        claimed = {"status": Status.CLAIMED.value, "message": message, "claimed_by": holder}
        key = and_(*(column == bindparam(f"its_{column.name}") for column in _KEY))
        keys = [
            {f"its_{column.name}": getattr(entry.notification, column.name) for column in _KEY} for entry in entries
        ]
        self._connection.execute(outbox.update().where(key).values(claimed), keys)
        notifications = tuple(entry.notification for entry in entries)
        delivery = entries[0].delivery
        repeat = delivery.unknowns > 0
        return Claim(Message(message, notifications[0].channel, notifications, repeat=repeat), delivery)

    def settle(self, message: Message, delivery: Delivery) -> None:
        """Store what became of a claimed message."""
        self._connection.execute(
            outbox.update()
            .where(outbox.c.channel == message.channel, outbox.c.message == message.id)
            .values(
                status=delivery.status.value,
                due=delivery.due,
                attempts=delivery.attempts,
                first_attempt=delivery.first_attempt,
                unknowns=delivery.unknowns,
                reason=delivery.reason,
                claimed_by=None,
            )
        )

    def free_claims(self, now: datetime) -> None:
        """Free the claims of a process that died: its messages may have arrived, and are due at once."""
        self._connection.execute(
            outbox.update()
            .where(outbox.c.status == Status.CLAIMED.value)
            .values(status=Status.PENDING.value, due=now, unknowns=outbox.c.unknowns + 1, claimed_by=None)
        )

    def deliveries(self, since: datetime) -> dict[str, Delivery]:
        """Return how it stands with the notifications that were enqueued since, by their id."""
        return {entry.notification.id: entry.delivery for entry in self.entries(transitions.c.at >= since)}

    def depth(self) -> dict[str, int]:
        """Return how many notifications are in each status."""
        query = select(outbox.c.status, func.count().label("depth")).group_by(outbox.c.status)
        return {row.status: row.depth for row in self._connection.execute(query)}

    def entries(self, where: ColumnElement[bool] | None = None) -> list[Entry]:
        """Return notifications with their deliveries, oldest first; all of them without a condition."""
        query = (
            select(transitions, *(outbox.c[name] for name in _DELIVERY))
            .select_from(transitions.join(outbox))
            .order_by(transitions.c.at, transitions.c.trade_date, *_KEY)
        )
        if where is not None:
            query = query.where(where)
        return [
            Entry(
                Notification(**report_fields(row), channel=row.channel),
                Delivery(Status(row.status), row.due, row.attempts, row.first_attempt, row.unknowns, row.reason),
            )
            for row in self._connection.execute(query)
        ]


_DELIVERY = ("channel", "status", "due", "attempts", "first_attempt", "unknowns", "reason")

"""The outbox: every notification that is to be told, until it is, and after."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select

from watcher.core.alert import Kind
from watcher.core.health import Backlog
from watcher.core.market import Symbol
from watcher.core.notification import Claim, Entry, Notification
from watcher.core.outbox import LONGEST_WAIT, Delivery, Hold, Outcome, Status
from watcher.store.alerts import report_fields
from watcher.store.attempts import Attempts
from watcher.store.tables import outbox, transitions
from watcher.store.unclaimed import Messages

_KEY = (outbox.c.symbol, outbox.c.rule, outbox.c.number, outbox.c.channel)
_OF_THIS = and_(*(column == bindparam(f"its_{column.name}") for column in _KEY))
_DELIVERY = ("status", "due", "attempts", "first_attempt", "unknowns", "reason", "begun", "held", "claimed_by")
_ENDS = (Kind.RESOLVED.value, Kind.RETRACTED.value)

_PENDING = outbox.c.status == Status.PENDING.value
_earlier = outbox.alias()
_WAITS = (
    select(_earlier.c.number)
    .where(
        _earlier.c.symbol == outbox.c.symbol,
        _earlier.c.rule == outbox.c.rule,
        _earlier.c.channel == outbox.c.channel,
        _earlier.c.number < outbox.c.number,
        _earlier.c.begun == 1,
        _earlier.c.status.in_((Status.PENDING.value, Status.CLAIMED.value)),
    )
    .exists()
)
"""What follows a notification of its alert that may or may not have arrived, waits for the answer."""
_end = transitions.alias()
_OVER = (
    select(func.min(_end.c.trade_date))
    .where(
        _end.c.symbol == transitions.c.symbol,
        _end.c.rule == transitions.c.rule,
        _end.c.number > transitions.c.number,
        _end.c.episode == transitions.c.episode,
        _end.c.kind.in_(_ENDS),
    )
    .scalar_subquery()
)

_DUE = or_(
    outbox.c.due <= bindparam("now"),
    and_(outbox.c.held.is_(None), outbox.c.attempts == 0, outbox.c.due > bindparam("clock")),
    and_(or_(outbox.c.held.is_(None), outbox.c.held == Hold.QUIET_HOURS.value), outbox.c.due > bindparam("too_far")),
)
"""As `Delivery.is_due`; what is due too far from now was put off by a clock that was set back since."""

# made once: they are asked every second, and to make a statement takes longer than to run it
_DUE_CHANNELS = select(outbox.c.channel).distinct().where(_PENDING, _DUE, ~_WAITS)
_ANY_PENDING = select(outbox.c.channel).where(_PENDING).limit(1)


class Outbox:
    """Notifications by (symbol, rule, number, channel), each there once."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection
        self._attempts = Attempts(connection)

    def enqueue(self, notifications: Iterable[Notification], now: datetime) -> None:
        """Put notifications in, due at once."""
        values = [_new(notification, now) for notification in notifications]
        if values:
            self._connection.execute(outbox.insert(), values)

    def pass_on(self, notifications: Iterable[Notification], now: datetime) -> None:
        """Put notifications in for a fallback, due at once; what it is told, or was told, anyhow, stays as it is."""
        values = [_new(notification, now) for notification in notifications]
        if values:
            self._connection.execute(outbox.insert().prefix_with("OR IGNORE"), values)

    def told(self, episodes: Iterable[tuple[Symbol, str, date]]) -> dict[tuple[Symbol, str, date], set[str]]:
        """Return the channels that were told of the opening of each episode, or are still owed it."""
        wanted = set(episodes)
        key = (transitions.c.symbol, transitions.c.rule, transitions.c.episode)
        query = (
            select(*key, outbox.c.channel, outbox.c.status)
            .select_from(transitions.join(outbox))
            .where(
                transitions.c.symbol.in_({symbol for symbol, _, _ in wanted}), transitions.c.kind == Kind.OPENED.value
            )
            .order_by(transitions.c.number)
        )
        found: dict[tuple[Symbol, str, date], set[str]] = {episode: set() for episode in wanted}
        for symbol, rule, episode, channel, status in self._connection.execute(query) if wanted else ():
            heard = found.get((symbol, rule, episode))
            if heard is None:
                continue
            if status in (Status.DEAD.value, Status.DROPPED.value):  # a revision can open it anew: the last one counts
                heard.discard(channel)
            else:
                heard.add(channel)
        return found

    def due_channels(self, now: datetime, clock: datetime | None = None) -> list[str]:
        """Return the channels for which something is due."""
        return sorted(self._connection.execute(_DUE_CHANNELS, _moments(now, clock)).scalars())

    def is_idle(self) -> bool:
        """Return whether nothing waits to be told, due or not: without a change, nothing will be due."""
        return self._connection.execute(_ANY_PENDING).first() is None

    def begun(self, channel: str, now: datetime) -> Iterator[list[Entry]]:
        """Yield the messages that are due to be repeated as they are, the one that is due the longest first."""
        repeated = and_(_PENDING, outbox.c.channel == channel, outbox.c.begun == 1)
        query = select(outbox.c.message).where(repeated, _DUE).group_by(outbox.c.message)
        query = query.order_by(func.min(outbox.c.due), outbox.c.message)
        for message in self._connection.execute(query, _moments(now)).scalars():
            yield self.entries(and_(repeated, outbox.c.message == message))

    def later(self, notification: Notification) -> list[Entry]:
        """Return what came after a notification of its alert for the same channel, whatever became of it, in order."""
        return self.entries(
            and_(
                outbox.c.symbol == notification.symbol,
                outbox.c.rule == notification.rule,
                outbox.c.number > notification.number,
                outbox.c.channel == notification.channel,
            )
        )

    def waiting(self, channel: str) -> list[Entry]:
        """Return all of a channel that is to be told and has not begun, due or not, oldest first."""
        return self.entries(and_(_PENDING, outbox.c.channel == channel, outbox.c.begun == 0, ~_WAITS))

    def claim(self, claim: Claim, holder: str) -> None:
        """Note that `holder`, and no other, sends a message."""
        values = {"status": Status.CLAIMED.value, "message": claim.message.id, "claimed_by": holder, "held": None}
        keys = [_its(notification) for notification in claim.message.notifications]
        self._connection.execute(outbox.update().where(_OF_THIS).values(values), keys)

    def put(self, entries: Iterable[Entry]) -> None:
        """Store how deliveries stand."""
        values = [_its(entry.notification) | _columns(entry.delivery) for entry in entries]
        if values:
            self._connection.execute(outbox.update().where(_OF_THIS), values)

    def settle(self, claim: Claim, outcome: Outcome, deliveries: Sequence[Delivery], now: datetime) -> None:
        """Store what became of a claimed message, and the attempt."""
        entries = [
            Entry(notification, delivery)
            for notification, delivery in zip(claim.message.notifications, deliveries, strict=True)
        ]
        self.put(entries)
        self._attempts.add(claim.message.id, entries, outcome, now)

    def claim_belatedly(self, messages: Messages, holder: str) -> None:
        """Claim what a process that died sent without a claim, because the disk was full."""
        if not messages:
            return
        pending = {entry.notification.id: entry for entry in self.entries(_PENDING)}
        for ids in messages.values():
            if sent := [pending[each] for each in ids if each in pending]:
                self.claim(Claim.of(sent), holder)

    def free_claims(self, now: datetime) -> None:
        """Free the claims of a process that died: its messages may have arrived, and are due at once.

        How far it came with messages of several parts is forgotten too, so that these may be repeats from now on.
        """
        self._attempts.add_abandoned(now)
        self._connection.execute(
            outbox.update()
            .where(outbox.c.status == Status.CLAIMED.value)
            .values(
                status=Status.PENDING.value,
                due=now,
                attempts=outbox.c.attempts + 1,
                first_attempt=func.coalesce(outbox.c.first_attempt, bindparam("now", now, outbox.c.due.type)),
                unknowns=outbox.c.unknowns + 1,
                begun=1,
                claimed_by=None,
            )
        )
        parted = and_(_PENDING, outbox.c.begun == 1, outbox.c.unknowns == 0)
        self._connection.execute(outbox.update().where(parted).values(unknowns=1))

    def look_again(self, now: datetime, holds: Collection[Hold] = tuple(Hold)) -> None:
        """Make what is held for one of these reasons due at once: it may not be any more."""
        held = and_(_PENDING, outbox.c.held.in_([hold.value for hold in holds]))
        self._connection.execute(outbox.update().where(held).values(due=now))

    def deliveries(self, since: datetime) -> dict[str, Delivery]:
        """Return how it stands with the notifications that were enqueued since, by their id."""
        return {entry.notification.id: entry.delivery for entry in self.entries(transitions.c.at >= since)}

    def depth(self) -> dict[str, int]:
        """Return how many notifications are in each status, those that are pending and held as `held`."""
        held = and_(_PENDING, outbox.c.held.is_not(None))
        word = case((held, "held"), else_=outbox.c.status).label("word")
        query = select(word, func.count().label("depth")).group_by(word)
        return {row.word: row.depth for row in self._connection.execute(query)}

    def depths(self) -> dict[tuple[str, str], int]:
        """Return how many notifications of each channel are in each status that is no end, as `depth` words them."""
        word = case((and_(_PENDING, outbox.c.held.is_not(None)), "held"), else_=outbox.c.status).label("word")
        open_ones = outbox.c.status.in_((Status.PENDING.value, Status.CLAIMED.value, Status.DEAD.value))
        query = select(outbox.c.channel, word, func.count().label("depth")).where(open_ones)
        return {
            (row.channel, row.word): row.depth
            for row in self._connection.execute(query.group_by(outbox.c.channel, word))
        }

    def backlog(self, now: datetime) -> Backlog:
        """Return what is due and not told."""
        owing = or_(and_(_PENDING, outbox.c.due <= now, ~_WAITS), outbox.c.status == Status.CLAIMED.value)
        query = select(outbox.c.channel, func.min(outbox.c.due)).where(owing, outbox.c.due <= now)
        owed = dict(self._connection.execute(query.group_by(outbox.c.channel)).tuples().all())
        tried = and_(
            outbox.c.status.in_((Status.PENDING.value, Status.CLAIMED.value)),
            outbox.c.first_attempt.is_not(None),
            outbox.c.held.is_(None),
        )
        first = select(func.min(outbox.c.first_attempt)).where(tried)
        unheard = self._connection.execute(first).scalar()
        if unheard is not None and (last := self._attempts.last_sent()) is not None:
            unheard = self._connection.execute(first.where(outbox.c.first_attempt > last)).scalar()
        return Backlog(owed, unheard)

    def entries(self, where: ColumnElement[bool] | None = None) -> list[Entry]:
        """Return notifications with their deliveries, oldest first; all of them without a condition."""
        query = (
            select(transitions, outbox.c.channel, outbox.c.instead_of, _OVER.label("over"))
            .add_columns(*(outbox.c[name] for name in _DELIVERY))
            .select_from(transitions.join(outbox))
            .order_by(transitions.c.at, transitions.c.trade_date, *_KEY)
        )
        if where is not None:
            query = query.where(where)
        return [
            Entry(
                Notification(**report_fields(row), channel=row.channel, instead_of=row.instead_of, over=row.over),
                Delivery(
                    Status(row.status),
                    row.due,
                    row.attempts,
                    row.first_attempt,
                    row.unknowns,
                    row.reason,
                    bool(row.begun),
                    Hold(row.held) if row.held else None,
                    row.claimed_by,
                ),
            )
            for row in self._connection.execute(query)
        ]


def _moments(now: datetime, clock: datetime | None = None) -> dict[str, datetime]:
    clock = clock or now
    return {"now": now, "clock": clock, "too_far": clock + LONGEST_WAIT}


def _new(notification: Notification, now: datetime) -> dict[str, object]:
    key = {column.name: getattr(notification, column.name) for column in _KEY}
    return {**key, **_columns(Delivery(due=now)), "instead_of": notification.instead_of}


def _its(notification: Notification) -> dict[str, object]:
    return {f"its_{column.name}": getattr(notification, column.name) for column in _KEY}


def _columns(delivery: Delivery) -> dict[str, object]:
    stored = {name: getattr(delivery, name) for name in _DELIVERY}
    return stored | {"begun": int(delivery.begun)}

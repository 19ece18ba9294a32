"""Every attempt to tell a notification, and what became of it."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, literal, select

from watcher.core.notification import Entry
from watcher.core.outbox import Outcome, Sent, Status, Unknown
from watcher.store.tables import attempts, outbox

_SENT = "sent"
_ABANDONED = "the process ended during the attempt"


class Attempts:
    """Attempts by notification and their number, from 1."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def add(self, message: str, entries: Iterable[Entry], outcome: Outcome, now: datetime) -> None:
        """Store the attempt to send `message`, from the deliveries as they are after it."""
        word, reason = _told(outcome)
        values = [
            {
                "symbol": entry.notification.symbol,
                "rule": entry.notification.rule,
                "number": entry.notification.number,
                "channel": entry.notification.channel,
                "attempt": entry.delivery.attempts,
                "message": message,
                "at": now,
                "outcome": word,
                "reason": reason,
            }
            for entry in entries
        ]
        self._connection.execute(attempts.insert(), values)

    def last_sent(self) -> datetime | None:
        """Return when a channel last took a message, whichever it was."""
        query = select(func.max(attempts.c.at)).where(attempts.c.outcome == _SENT)
        return self._connection.execute(query).scalar()

    def add_abandoned(self, now: datetime) -> None:
        """Store the attempts that a process which died had begun: nobody knows what became of them."""
        key = (outbox.c.symbol, outbox.c.rule, outbox.c.number, outbox.c.channel)
        begun = select(
            *key,
            outbox.c.attempts + 1,
            outbox.c.message,
            literal(now, attempts.c.at.type),
            literal("unknown"),
            literal(_ABANDONED),
        ).where(outbox.c.status == Status.CLAIMED.value)
        self._connection.execute(attempts.insert().from_select([column.name for column in attempts.c], begun))


def _told(outcome: Outcome) -> tuple[str, str | None]:
    if isinstance(outcome, Sent):
        return _SENT, None
    return "unknown" if isinstance(outcome, Unknown) else "failed", outcome.reason

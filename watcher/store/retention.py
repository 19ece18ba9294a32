"""What is older than the retention, and what of it no alert, no window and no message needs any more."""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import Connection

from watcher.core.market import Symbol
from watcher.core.outbox import Status
from watcher.store.tables import instant_text

_OLD_ROWS = """
    SELECT s.symbol FROM symbols AS s
    WHERE (SELECT r.trade_date FROM rows AS r WHERE r.symbol = s.symbol ORDER BY r.trade_date LIMIT 1)
        < min(?, (SELECT r.trade_date FROM rows AS r WHERE r.symbol = s.symbol
                  ORDER BY r.trade_date DESC LIMIT 1 OFFSET ?))
    ORDER BY s.symbol
"""
_FORGET = """
    DELETE FROM {table} WHERE symbol = ? AND {on} < min(?, (
        SELECT kept.{on} FROM {table} AS kept WHERE kept.symbol = ? ORDER BY kept.{on} DESC LIMIT 1 OFFSET ?))
"""
_FORGET_ROWS = _FORGET.format(table="rows", on="trade_date")
_FORGET_POSITIONS = _FORGET.format(table="positions", on="as_of")
_FORGET_REVISIONS = "DELETE FROM revisions WHERE symbol = ? AND on_date < ? AND seen_at < ?"
_OLD_TRANSITIONS = """
    SELECT t.symbol, t.rule, t.number FROM transitions AS t
    WHERE t.at < :before
        -- it may yet be told
        AND NOT EXISTS (SELECT 1 FROM outbox AS o WHERE o.symbol = t.symbol AND o.rule = t.rule
                        AND o.number = t.number AND o.status IN (:pending, :claimed))
        -- its episode is open, or was until lately
        AND NOT EXISTS (SELECT 1 FROM alerts AS a WHERE a.symbol = t.symbol AND a.rule = t.rule
                        AND a.episode = t.episode)
        AND NOT EXISTS (SELECT 1 FROM transitions AS o WHERE o.symbol = t.symbol AND o.rule = t.rule
                        AND o.episode = t.episode AND o.at >= :before)
        -- numbers go on from the last one: given twice, the second would pass for a repeat of the first
        AND t.number < (SELECT max(l.number) FROM transitions AS l WHERE l.symbol = t.symbol AND l.rule = t.rule)
    LIMIT :count
"""
_THIS = "symbol = ? AND rule = ? AND number = ?"


class Retention:
    """Deletes what is old; rows that a window may still look at stay, however old they are."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def of_old_rows(self, before: date, keep: int) -> list[Symbol]:
        """Return the symbols with rows of before a trade date besides their newest `keep`."""
        found = self._connection.exec_driver_sql(_OLD_ROWS, (before.isoformat(), keep - 1))
        return [Symbol(symbol) for symbol in found.scalars()]

    def forget_rows(self, symbols: Sequence[Symbol], before: date, keep: int, seen_before: datetime) -> int:
        """Delete rows, positions and revisions of before a date, besides the newest `keep`; return how many rows."""
        cursor = self._connection.connection.cursor()
        when = before.isoformat()
        cursor.executemany(_FORGET_REVISIONS, [(symbol, when, instant_text(seen_before)) for symbol in symbols])
        cursor.executemany(_FORGET_POSITIONS, [(symbol, when, symbol, keep - 1) for symbol in symbols])
        cursor.executemany(_FORGET_ROWS, [(symbol, when, symbol, keep - 1) for symbol in symbols])
        return int(cursor.rowcount)

    def old_transitions(self, before: datetime, count: int) -> list[tuple[str, str, int]]:
        """Return symbol, rule and number of at most `count` transitions of before a moment that nothing needs."""
        found = self._connection.exec_driver_sql(
            _OLD_TRANSITIONS,
            {
                "before": instant_text(before),
                "pending": Status.PENDING.value,
                "claimed": Status.CLAIMED.value,
                "count": count,
            },
        )
        return [(symbol, rule, number) for symbol, rule, number in found]

    def forget_transitions(self, keys: Sequence[tuple[str, str, int]]) -> None:
        """Delete transitions, with what was told of them and every attempt to."""
        cursor = self._connection.connection.cursor()
        cursor.executemany(f"DELETE FROM outbox WHERE {_THIS}", keys)  # noqa: S608 - a constant
        cursor.executemany(f"DELETE FROM transitions WHERE {_THIS}", keys)  # noqa: S608

    def forget_wishes(self, before: datetime) -> None:
        """Delete what people wished that is over: silences, acks of episodes that have ended, refused contents."""
        execute = self._connection.exec_driver_sql
        when = instant_text(before)
        execute("DELETE FROM silences WHERE ends < ?", (when,))
        execute("DELETE FROM quarantine WHERE seen_at < ? AND on_date < ?", (when, before.date().isoformat()))
        execute(
            "DELETE FROM acks WHERE at < ? AND NOT EXISTS (SELECT 1 FROM alerts WHERE alerts.symbol = acks.symbol"
            " AND alerts.rule = acks.rule AND alerts.episode = acks.episode)",
            (when,),
        )

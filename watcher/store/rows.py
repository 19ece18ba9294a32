"""Rows, positions and the state of each symbol's data."""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import partial

from sqlalchemy import Connection, and_, func, select

from watcher.core.answer import DataState, SymbolState
from watcher.core.judgement import News
from watcher.core.market import HkRow, Market, Position, Row, Symbol, UsRow
from watcher.core.metrics import ROW_TYPES
from watcher.store.tables import instant_text, revisions


class _Dates(dict[str, date]):
    """Dates by their text: thousands of symbols share a few hundred sessions."""

    def __missing__(self, text: str) -> date:
        parsed = self[text] = date.fromisoformat(text)
        return parsed


_DATES = _Dates()


def _insert(table: str, fields: Sequence[str]) -> str:
    columns = ("symbol", "revision", "seen_at", *fields)
    marks = ", ".join("?" for _ in columns)
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of columns


_Values = tuple[object, ...]
# past _make, which checks a length that the query guarantees
_MAKE: dict[type[Row], Callable[[tuple[object, ...]], Row]] = {
    row_type: partial(tuple.__new__, row_type) for row_type in ROW_TYPES.values()
}
_NEWEST = {
    row_type: f"SELECT {', '.join(row_type._fields)} FROM rows WHERE symbol = ? ORDER BY trade_date DESC LIMIT ?"  # noqa: S608 - names of columns
    for row_type in ROW_TYPES.values()
}
_STATES = "SELECT symbol, state, since, reason, judged, judged_positions FROM symbols"
_PUT_STATE = (
    "INSERT OR REPLACE INTO symbols (symbol, state, since, reason, judged, judged_positions) VALUES (?, ?, ?, ?, ?, ?)"
)
_POSITIONS = f"SELECT {', '.join(Position._fields)} FROM positions WHERE symbol = ? ORDER BY as_of"  # noqa: S608
_PUT: dict[type[Row | Position], str] = {
    HkRow: _insert("rows", HkRow._fields),
    UsRow: _insert("rows", UsRow._fields),
    Position: _insert("positions", Position._fields),
}


class Rows:
    """What upstream published, by symbol and date."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def newest(self, wanted: Sequence[Symbol], count: int | None = None) -> dict[Symbol, tuple[Row, ...]]:
        """Return the newest `count` rows of each symbol, oldest first; all of them without a count."""
        # the driver's own tuples, a look into the index for each symbol: half the time of one query through SQLAlchemy
        cursor = self._connection.connection.cursor()
        found: dict[Symbol, tuple[Row, ...]] = {}
        for symbol in wanted:
            row_type = ROW_TYPES[symbol.market]
            cursor.execute(_NEWEST[row_type], (symbol, -1 if count is None else count))
            if newest_first := cursor.fetchall():
                # turned, and turned back with the dates read: two thirds of the time of row by row
                dates, *values = zip(*reversed(newest_first), strict=True)
                found[symbol] = tuple(map(_MAKE[row_type], zip(map(_DATES.__getitem__, dates), *values, strict=True)))
        return found

    def positions(self, wanted: Sequence[Symbol]) -> dict[Symbol, tuple[Position, ...]]:
        """Return all positions of each symbol, oldest first."""
        cursor = self._connection.connection.cursor()
        found: dict[Symbol, tuple[Position, ...]] = {}
        for symbol in wanted:
            if symbol.market is not Market.HK:
                continue
            cursor.execute(_POSITIONS, (symbol,))
            if of_symbol := [
                Position(_DATES[as_of], _DATES[trade_date], *values) for as_of, trade_date, *values in cursor.fetchall()
            ]:
                found[symbol] = tuple(of_symbol)
        return found

    def states(self, wanted: Sequence[Symbol] | None = None) -> dict[Symbol, SymbolState]:
        """Return the state of each symbol that was ever asked for; of all of them without `wanted`."""
        cursor = self._connection.connection.cursor()
        if wanted is None:
            cursor.execute(f"{_STATES} ORDER BY symbol")
            return {(symbol := Symbol(values[0])): _state(symbol, *values[1:]) for values in cursor.fetchall()}
        found: dict[Symbol, SymbolState] = {}
        for symbol in wanted:
            cursor.execute(f"{_STATES} WHERE symbol = ?", (symbol,))
            for values in cursor.fetchall():
                found[symbol] = _state(symbol, *values[1:])
        return found

    def put_states(self, states: Iterable[SymbolState]) -> None:
        """Set the states of symbols."""
        values = [
            (
                state.symbol,
                state.state.value,
                instant_text(state.since),
                state.reason,
                _text(state.judged),
                _text(state.judged_positions),
            )
            for state in states
        ]
        if values:
            self._connection.connection.cursor().executemany(_PUT_STATE, values)

    def put_news(self, changes: Iterable[tuple[Symbol, News]], now: datetime) -> None:
        """Store what is new, and what is revised with its old and new values."""
        seen_at = instant_text(now)
        written: dict[type[Row | Position], list[_Values]] = {HkRow: [], UsRow: [], Position: []}
        for symbol, news in changes:
            for row in (*news.rows, *news.positions):
                written[type(row)].append((symbol, 0, seen_at, *_texts(row)))
            for kind, revised in (("row", news.revised), ("position", news.revised_positions)):
                for before, after in revised:
                    number = self._revise(symbol, kind, before, after, now)
                    written[type(after)].append((symbol, number, seen_at, *_texts(after)))
        cursor = self._connection.connection.cursor()
        for row_type, values in written.items():
            if values:
                cursor.executemany(_PUT[row_type], values)

    def _revise(self, symbol: Symbol, kind: str, old: Row | Position, new: Row | Position, now: datetime) -> int:
        key = and_(revisions.c.symbol == symbol, revisions.c.kind == kind, revisions.c.on_date == old[0])
        last: int = self._connection.execute(
            select(func.coalesce(func.max(revisions.c.revision), 0)).where(key)
        ).scalar_one()
        self._connection.execute(
            revisions.insert(),
            {
                "symbol": symbol,
                "kind": kind,
                "on_date": old[0],
                "revision": last + 1,
                "seen_at": now,
                "old": _published(old),
                "new": _published(new),
            },
        )
        return last + 1


def _state(
    symbol: Symbol, state: str, since: str, reason: str | None, judged: str | None, judged_positions: str | None
) -> SymbolState:
    return SymbolState(
        symbol,
        DataState(state),
        datetime.fromisoformat(since),
        reason,
        None if judged is None else _DATES[judged],
        None if judged_positions is None else _DATES[judged_positions],
    )


def _text(when: date | None) -> str | None:
    return None if when is None else when.isoformat()


def _texts(dated: Row | Position) -> Sequence[object]:
    """Return the values as the columns hold them: dates as text."""
    if isinstance(dated, Position):
        return (dated.as_of.isoformat(), dated.trade_date.isoformat(), *dated[2:])
    return (dated.trade_date.isoformat(), *dated[1:])


def _published(dated: Row | Position) -> str:
    return json.dumps(dict(zip(dated._fields[1:], dated[1:], strict=True)), default=str)

"""Rows, positions and the state of each symbol's data."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from sqlalchemy import Connection, Select, and_, func, select

from watcher.core.answer import DataState, SymbolState
from watcher.core.judgement import News
from watcher.core.market import HkRow, Market, Position, Row, Symbol, UsRow
from watcher.store.tables import positions, revisions, rows, symbols

_TYPES: dict[Market, type[HkRow] | type[UsRow]] = {Market.HK: HkRow, Market.US: UsRow}


class Rows:
    """What upstream published, by symbol and date."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def newest(self, wanted: Sequence[Symbol], count: int | None = None) -> dict[Symbol, tuple[Row, ...]]:
        """Return the newest `count` rows of each symbol, oldest first; all of them without a count."""
        found: dict[Symbol, tuple[Row, ...]] = {}
        for market, row_type in _TYPES.items():
            of_market = [symbol for symbol in wanted if symbol.market is market]
            if not of_market:
                continue
            query = _newest_rows(row_type, of_market, count)
            make = row_type._make
            for symbol, of_symbol in groupby(self._connection.execute(query), itemgetter(0)):
                found[Symbol(symbol)] = tuple(make(values[1:]) for values in of_symbol)
        return found

    def positions(self, wanted: Sequence[Symbol]) -> dict[Symbol, tuple[Position, ...]]:
        """Return all positions of each symbol, oldest first."""
        hong_kong = [symbol for symbol in wanted if symbol.market is Market.HK]
        if not hong_kong:
            return {}
        columns = [positions.c[name] for name in Position._fields]
        query = (
            select(positions.c.symbol, *columns)
            .where(positions.c.symbol.in_(hong_kong))
            .order_by(positions.c.symbol, positions.c.as_of)
        )
        return {
            Symbol(symbol): tuple(Position._make(values[1:]) for values in of_symbol)
            for symbol, of_symbol in groupby(self._connection.execute(query), itemgetter(0))
        }

    def states(self, wanted: Sequence[Symbol] | None = None) -> dict[Symbol, SymbolState]:
        """Return the state of each symbol that was ever asked for; of all of them without `wanted`."""
        query = select(symbols)
        if wanted is not None:
            query = query.where(symbols.c.symbol.in_(wanted))
        return {
            Symbol(found.symbol): SymbolState(
                Symbol(found.symbol),
                DataState(found.state),
                found.since,
                found.reason,
                found.judged,
                found.judged_positions,
            )
            for found in self._connection.execute(query)
        }

    def put_states(self, states: Iterable[SymbolState]) -> None:
        """Set the states of symbols."""
        values = [
            {
                "symbol": state.symbol,
                "state": state.state.value,
                "since": state.since,
                "reason": state.reason,
                "judged": state.judged,
                "judged_positions": state.judged_positions,
            }
            for state in states
        ]
        if values:
            self._connection.execute(symbols.insert().prefix_with("OR REPLACE"), values)

    def put_news(self, changes: Iterable[tuple[Symbol, News]], now: datetime) -> None:
        """Store what is new, and what is revised with its old and new values."""
        inserted: list[dict[str, object]] = []
        held: list[dict[str, object]] = []
        for symbol, news in changes:
            inserted += [_values(symbol, row, now) for row in news.rows]
            held += [_values(symbol, position, now) for position in news.positions]
            for before, row in news.revised:
                number = self._revise(symbol, "row", before, row, now)
                inserted.append(_values(symbol, row, now) | {"revision": number})
            for old, position in news.revised_positions:
                number = self._revise(symbol, "position", old, position, now)
                held.append(_values(symbol, position, now) | {"revision": number})
        for table, values in ((rows, inserted), (positions, held)):
            for _, alike in groupby(sorted(values, key=_market), _market):  # and so of the same columns
                self._connection.execute(table.insert().prefix_with("OR REPLACE"), list(alike))

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


def _newest_rows(
    row_type: type[HkRow] | type[UsRow], wanted: Sequence[Symbol], count: int | None
) -> Select[tuple[object, ...]]:
    columns = [rows.c[name] for name in row_type._fields]
    query = select(rows.c.symbol, *columns).where(rows.c.symbol.in_(wanted))
    if count is not None:
        # the date of the count-th newest row of each symbol: one look into the index, however long the history
        other = rows.alias()
        first = (
            select(other.c.trade_date)
            .where(other.c.symbol == symbols.c.symbol)
            .order_by(other.c.trade_date.desc())
            .limit(1)
            .offset(count - 1)
            .scalar_subquery()
        )
        query = (
            select(rows.c.symbol, *columns)
            .select_from(symbols.join(rows, rows.c.symbol == symbols.c.symbol))
            .where(symbols.c.symbol.in_(wanted), rows.c.trade_date >= func.coalesce(first, ""))
        )
    return query.order_by(rows.c.symbol, rows.c.trade_date)


def _values(symbol: Symbol, dated: Row | Position, now: datetime) -> dict[str, object]:
    return {"symbol": symbol, "revision": 0, "seen_at": now, **dated._asdict()}


def _market(values: dict[str, object]) -> str:
    return str(values["symbol"])[:2]


def _published(dated: Row | Position) -> str:
    return json.dumps(dict(zip(dated._fields[1:], dated[1:], strict=True)), default=str)

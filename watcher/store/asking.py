"""Requests that did not bring the row that was due: what the next one depends on, also after a restart."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date

from sqlalchemy import Connection, select

from watcher.core.market import Market, Symbol
from watcher.core.watched import Ask
from watcher.store.tables import asks, rows, symbols


class Asking:
    """The last request in vain of each symbol; one that brought the row leaves no record, and none is taken away."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def all(self) -> dict[Symbol, Ask]:
        """Return them, by symbol."""
        found = self._connection.execute(select(asks.c.symbol, asks.c.at, asks.c.misses))
        return {Symbol(symbol): Ask(Symbol(symbol), at, misses) for symbol, at, misses in found}

    def of(self, wanted: Iterable[Symbol]) -> dict[Symbol, Ask]:
        """Return those of some symbols."""
        query = select(asks.c.symbol, asks.c.at, asks.c.misses).where(asks.c.symbol.in_(list(wanted)))
        return {
            Symbol(symbol): Ask(Symbol(symbol), at, misses) for symbol, at, misses in self._connection.execute(query)
        }

    def put(self, missed: Iterable[Ask]) -> None:
        """Store requests in place of the symbols' earlier ones."""
        values = [asdict(ask) for ask in missed]
        if values:
            self._connection.execute(asks.insert().prefix_with("OR REPLACE"), values)

    def forget(self, gone: Iterable[Symbol]) -> None:
        """Drop those of symbols that are watched no more: should one come back, it is asked for at once."""
        dropped = list(gone)
        if dropped:
            self._connection.execute(asks.delete().where(asks.c.symbol.in_(dropped)))

    def was_held(self, market: Market, trade_date: date) -> bool:
        """Return whether any symbol of the market has a row of that session."""
        query = (
            select(rows.c.symbol)
            .select_from(symbols.join(rows, rows.c.symbol == symbols.c.symbol))
            .where(symbols.c.symbol >= f"{market}.", symbols.c.symbol < f"{market}/", rows.c.trade_date == trade_date)
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

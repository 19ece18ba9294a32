"""Contents that are refused as implausible, each there once, and which of them a person released."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, and_, delete, select

from watcher.core.market import Position, Row, Symbol
from watcher.core.metrics import ROW_TYPES
from watcher.core.quarantine import MOST_HELD, Held, Quarantined
from watcher.store.tables import quarantine


class Quarantine:
    """Quarantined contents by (symbol, kind, date, content)."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def contents(self, wanted: Sequence[Symbol]) -> dict[Symbol, dict[str, bool]]:
        """Return the contents that are known of each symbol, and whether they are released."""
        query = select(quarantine.c.symbol, quarantine.c.content, quarantine.c.released_at)
        found: dict[Symbol, dict[str, bool]] = {}
        for symbol, content, released_at in self._connection.execute(query.where(quarantine.c.symbol.in_(wanted))):
            found.setdefault(Symbol(symbol), {})[content] = released_at is not None
        return found

    def put(self, refused: Iterable[tuple[Symbol, Quarantined]], now: datetime) -> None:
        """Hold contents; one that is known stays as it is. Of a symbol, the newest ninety are held, no more."""
        values = [
            {
                "symbol": symbol,
                "kind": each.kind,
                "on_date": each.on_date,
                "content": each.content,
                "seen_at": now,
                "reason": each.reason,
                "published": json.dumps(dict(zip(each.row._fields[1:], each.row[1:], strict=True)), default=str),
            }
            for symbol, each in refused
        ]
        if not values:
            return
        self._connection.execute(quarantine.insert().prefix_with("OR IGNORE"), values)
        for symbol in sorted({str(value["symbol"]) for value in values}):
            self._trim(symbol)

    def _trim(self, symbol: str) -> None:
        held = and_(quarantine.c.symbol == symbol, quarantine.c.released_at.is_(None))
        newest_first = (quarantine.c.seen_at.desc(), quarantine.c.on_date.desc(), quarantine.c.content)
        query = select(quarantine.c.kind, quarantine.c.on_date, quarantine.c.content).where(held)
        for kind, on_date, content in self._connection.execute(query.order_by(*newest_first).offset(MOST_HELD)).all():
            key = (quarantine.c.kind == kind, quarantine.c.on_date == on_date, quarantine.c.content == content)
            self._connection.execute(delete(quarantine).where(held, *key))

    def entries(self, wanted: Sequence[Symbol] | None = None) -> list[Held]:
        """Return what is, or was, quarantined, by symbol and date; of all symbols without `wanted`."""
        query = select(quarantine).order_by(quarantine.c.symbol, quarantine.c.on_date, quarantine.c.seen_at)
        if wanted is not None:
            query = query.where(quarantine.c.symbol.in_(wanted))
        return [
            Held(
                Symbol(found.symbol),
                Quarantined(_row(Symbol(found.symbol), found.kind, found.on_date, found.published), found.reason),
                found.seen_at,
                found.released_at,
                found.why,
            )
            for found in self._connection.execute(query)
        ]

    def release(self, held: Held, why: str, now: datetime) -> None:
        """Take a content as published from now on; another one of its date that was released is held again."""
        of_date = and_(
            quarantine.c.symbol == held.symbol,
            quarantine.c.kind == held.quarantined.kind,
            quarantine.c.on_date == held.quarantined.on_date,
        )
        self._connection.execute(quarantine.update().where(of_date).values(released_at=None, why=None))
        released = of_date & (quarantine.c.content == held.quarantined.content)
        self._connection.execute(quarantine.update().where(released).values(released_at=now, why=why))


def _row(symbol: Symbol, kind: str, on_date: date, published: str) -> Row | Position:
    figures = json.loads(published)
    if kind == "position":
        return Position(on_date, **figures | {"trade_date": date.fromisoformat(figures["trade_date"])})
    return ROW_TYPES[symbol.market](on_date, **figures)

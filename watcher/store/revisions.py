"""Values that were published otherwise before: the old and the new ones of every revision."""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple, TypeAlias

from sqlalchemy import Connection, func, select

from watcher.core.market import Symbol
from watcher.store.tables import revisions

Published: TypeAlias = Mapping[str, float | str | None]


class Revision(NamedTuple):
    """One row, or position, whose published values changed."""

    kind: str
    """`row` or `position`."""
    on_date: date
    """Trade date of a row, as-of date of a position."""
    number: int
    """From 1, of this row."""
    seen_at: datetime
    old: Published
    new: Published

    @property
    def changes(self) -> tuple[tuple[str, float | str | None, float | str | None], ...]:
        """Field, old and new value of what changed."""
        return tuple(
            (name, self.old.get(name), value) for name, value in self.new.items() if self.old.get(name) != value
        )


class Revisions:
    """Revisions by symbol, kind, date and number."""

    def __init__(self, connection: Connection) -> None:
        """Work in the transaction of `connection`."""
        self._connection = connection

    def newest(self, symbol: Symbol, count: int) -> tuple[int, list[Revision]]:
        """Return how many revisions of a symbol there are, and those that were seen last, the newest first."""
        of_symbol = revisions.c.symbol == symbol
        total: int = self._connection.execute(select(func.count()).select_from(revisions).where(of_symbol)).scalar_one()
        order = (revisions.c.seen_at.desc(), revisions.c.on_date.desc(), revisions.c.kind, revisions.c.revision.desc())
        query = select(revisions).where(of_symbol).order_by(*order).limit(count)
        return total, [
            Revision(row.kind, row.on_date, row.revision, row.seen_at, json.loads(row.old), json.loads(row.new))
            for row in self._connection.execute(query)
        ]

"""What upstream said when it was asked for one symbol."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TypeAlias

from watcher.core.market import Position, Row, Symbol
from watcher.core.quarantine import Quarantined, newest, parted


class DataState(StrEnum):
    """How it stands with a symbol's data; none of these ever ends an alert."""

    OK = "ok"
    LATE = "late"
    MISSING = "missing"
    NO_DATA = "no_data"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    DENIED = "denied"
    ERROR = "error"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class SymbolState:
    """How it stands with a symbol's data, and how far it was judged."""

    symbol: Symbol
    state: DataState
    since: datetime
    """When it came into this state."""
    reason: str | None = None
    judged: date | None = None
    """Trade date of the newest row that was judged."""
    judged_positions: date | None = None
    """As-of date of the newest position that was judged."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A usable answer."""

    symbol: Symbol
    rows: tuple[Row, ...]
    """Oldest first, one per trade date; may be empty."""
    position: Position | None = None
    quarantined: tuple[Quarantined, ...] = ()
    """Rows that are refused as implausible; those in `rows` count all the same."""

    def admitting(self, released: Container[str]) -> "Answered":
        """Return the answer in which the quarantined contents that a person released are rows like any other."""
        stays, passes = parted(self.quarantined, released)
        if not passes:
            return self
        # what a person says is as published goes before another row of its date
        rows = {row.trade_date: row for row in self.rows}
        position = self.position
        for each in passes:
            if isinstance(each.row, Position):
                position = each.row
            else:
                rows[each.row.trade_date] = each.row
        return Answered(self.symbol, tuple(rows[when] for when in sorted(rows)), position, stays)

    def withheld(self, today: date) -> Quarantined | None:
        """Return the refused row of the newest session, if no row of that session or a newer one counts."""
        refused = newest(self.quarantined, today)
        if refused is None or (self.rows and self.rows[-1].trade_date >= refused.on_date):
            return None
        return refused


@dataclass(frozen=True, slots=True)
class Refused:
    """No rows, and why; `reason` is a sentence that names symbol and cause, for a person to read."""

    symbol: Symbol
    state: DataState
    reason: str
    retry: bool = False
    """True if the same request may well succeed soon."""
    retry_after: float | None = None
    """Seconds upstream asks us to wait before any further request."""


Answer: TypeAlias = Answered | Refused

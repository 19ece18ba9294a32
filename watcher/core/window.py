"""The sessions an expression looks at: of one symbol, oldest first, read metric by metric, each metric once."""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

from watcher.core.market import Market, Position, Row
from watcher.core.metrics import METRICS, ROW_TYPES, Column

Read: TypeAlias = Callable[[str, Mapping[str, Column]], Column]
"""Reads a metric for all sessions; given the other metrics, read when they are asked for."""
_PLACES = {
    market: {
        metric.name: row_type._fields.index(metric.fields[market])
        for metric in METRICS.values()
        if market in metric.fields
    }
    for market, row_type in ROW_TYPES.items()
}
"""Where in a row the metrics are that it has as they are."""


class _Columns(dict[str, Column]):
    def __init__(self, read: Read) -> None:
        self.read = read

    def __missing__(self, name: str) -> Column:
        column = self[name] = self.read(name, self)
        return column


class Window:
    """Sessions of one symbol by index, oldest first.

    A window over rows has trade dates, and on each row the position that held then; a window over positions has
    as-of dates, and nothing but positions.
    """

    __slots__ = ("columns", "dates", "memo")

    def __init__(self, dates: Sequence[date], read: Read) -> None:
        """Take the dates of the sessions, ascending, and what reads a metric for each of them."""
        self.dates = dates
        self.columns = _Columns(read)
        """Values by metric name, None where missing."""
        self.memo: dict[tuple[str, int], float | None] = {}
        """Values of function calls, by their text and the index: rules on the same symbol share them."""

    @classmethod
    def of_rows(cls, market: Market, rows: Sequence[Row], positions: Sequence[Position] = ()) -> "Window":
        """Return the window over `rows`, ascending by trade date, with `positions`, ascending by as-of date."""
        # turned once: that is quicker than to take the columns one by one, and the dates come with it
        turned: list[tuple[Any, ...]] = list(zip(*rows, strict=False))  # Any: a date, then numbers or None
        places = _PLACES[market]

        def read(name: str, columns: Mapping[str, Column]) -> Column:
            if name in places:
                return turned[places[name]] if turned else ()
            metric = METRICS[name]
            if metric.formula is not None:
                return metric.formula(columns)
            return _held(name, rows, positions) if metric.of_positions else [None] * len(rows)

        return cls(turned[0] if turned else (), read)

    @classmethod
    def of_positions(cls, positions: Sequence[Position]) -> "Window":
        """Return the window over `positions`, ascending by as-of date."""

        def read(name: str, _columns: Mapping[str, Column]) -> Column:
            return [getattr(position, name, None) for position in positions]

        return cls([position.as_of for position in positions], read)


def _held(name: str, rows: Sequence[Row], positions: Sequence[Position]) -> Column:
    # an older as-of date can come with a newer row; what holds is what came last
    arrived = sorted(positions, key=lambda position: (position.trade_date, position.as_of))
    starts = [position.trade_date for position in arrived]
    held = [bisect_right(starts, row.trade_date) for row in rows]
    return [getattr(arrived[count - 1], name) if count else None for count in held]

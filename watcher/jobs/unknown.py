"""Why a condition is unknown on a row: what is missing, and since when and for how long that matters."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import NamedTuple

from watcher.core.expression import Expression, Part
from watcher.core.market import Symbol
from watcher.core.metrics import METRICS
from watcher.core.window import Window

WARMING_UP = "warming_up"
_SHOWN = 3
"""Dates that a reason names."""


class Why(NamedTuple):
    """A reason: a word for programs, a sentence for people."""

    code: str
    text: str


def unknown_because(expression: Expression, symbol: Symbol, window: Window, index: int) -> tuple[Why, ...]:
    """Return why an expression is unknown on row `index`, each reason once; nothing if it is known.

    Of several windows that are not full yet only the longest is named: when it is, they all are.
    """
    found = dict.fromkeys(_because(expression, expression.root, symbol, window, index))
    short = [why for why in found if why.code == WARMING_UP]
    longest = max(short, key=lambda why: int(why.text.split()[-2]), default=None)
    return tuple(why for why in found if why.code != WARMING_UP or why == longest)


def _because(expression: Expression, part: Part, symbol: Symbol, window: Window, index: int) -> Iterator[Why]:
    if part.evaluate(window, index) is not None:
        return
    if part.is_metric:
        yield _missing(expression.source(part), symbol, window.dates[index])
        return
    if _looks_back(part) and index + 1 < part.lookback:
        yield Why(WARMING_UP, f"warming up: {index + 1} of {part.lookback} rows")
        return
    now = [why for inner in part.parts for why in _because(expression, inner, symbol, window, index)]
    yield from now or _earlier(expression, part, window, index)


def _looks_back(part: Part) -> bool:
    """True for what needs several rows at once; a streak is known as soon as there is one row."""
    return part.unit != "rows" and _rows(part) > 1


def _rows(part: Part) -> int:
    """Rows on which it asks for the values of its own parts."""
    return part.lookback - max((inner.lookback for inner in part.parts), default=0) + 1


def _missing(metric: str, symbol: Symbol, day: date) -> Why:
    if symbol.market not in METRICS[metric].markets:
        return Why("other_market", f"{metric} is not published for {symbol.market}")
    derived = " cannot be computed" if METRICS[metric].derived else " was not published"
    return Why("missing", f"{metric}{derived} on {day}")


def _earlier(expression: Expression, part: Part, window: Window, index: int) -> Iterator[Why]:
    """Yield the holes in what it looks back on, or, if there is none, that it has no value."""
    span = range(max(index - _rows(part) + 1, 0), index)
    source, any_hole = expression.source(part), False
    for inner in part.parts:
        holes = [window.dates[i] for i in span if inner.evaluate(window, i) is None]
        if holes:
            any_hole = True
            yield Why("hole", f"{expression.source(inner)} is unknown on {_listed(holes)}, which {source} looks at")
    if not any_hole:
        yield Why("no_value", f"{source} has no value: it divides by zero, or is too large for a number")


def _listed(days: Sequence[date]) -> str:
    shown = ", ".join(map(str, days[:_SHOWN]))
    return shown if len(days) <= _SHOWN else f"{shown} and {len(days) - _SHOWN} more"

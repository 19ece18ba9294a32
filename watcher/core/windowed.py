"""Evaluators of what the `when` language can say of more than one row.

Each takes evaluators, `(window, index) -> value`, and returns one. Unknown is None everywhere: a value that is
missing, a window with a hole or not yet full, a result that is no finite number.
"""

import math
from collections.abc import Callable, Sequence
from operator import mul
from typing import TypeAlias, TypeVar, cast

from watcher.core.arithmetic import TESTS, finite, near, sliver
from watcher.core.window import Window

Number: TypeAlias = Callable[[Window, int], float | None]
Condition: TypeAlias = Callable[[Window, int], bool | None]
Fold: TypeAlias = Callable[[Sequence[float]], float | None]
_T = TypeVar("_T")

MAX_STREAK = 90
"""Rows a streak looks back: the longest answer upstream gives."""


def _newest(x: Number, n: int, column: str | None) -> Callable[[Window, int], Sequence[float] | None]:
    """Return what reads the last n values of x, the asked row included; None if one is unknown.

    `column` names the metric that x is, if it is one and nothing else: its values are there, side by side.
    """

    def sliced(window: Window, index: int) -> Sequence[float] | None:
        if index < n - 1:
            return None
        values = window.columns[column or ""][index - n + 1 : index + 1]
        return None if None in values else cast(Sequence[float], values)

    def evaluated(window: Window, index: int) -> Sequence[float] | None:
        if index < n - 1:
            return None
        values: list[float] = []
        for i in range(index - n + 1, index + 1):
            value = x(window, i)
            if value is None:
                return None
            values.append(value)
        return values

    return sliced if column else evaluated


def _folded(fold: Callable[[Sequence[float]], _T | None], values: Sequence[float] | None) -> _T | None:
    """Return what a fold makes of values; None if they are not all known, or too large for it."""
    if values is None:
        return None
    try:
        return fold(values)
    except OverflowError:
        return None


def _over_rows(newest: Callable[[Window, int], Sequence[float] | None], fold: Fold) -> Number:
    """Fold the last rows, this one included."""

    def evaluate(window: Window, index: int) -> float | None:
        folded = _folded(fold, newest(window, index))
        return folded if folded is not None and math.isfinite(folded) else None

    return evaluate


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _median(values: Sequence[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _stdev(values: Sequence[float]) -> float | None:
    return _deviation(values, _mean(values))


def _spread(values: Sequence[float]) -> tuple[float, float | None]:
    mean = _mean(values)
    return mean, _deviation(values, mean)


def _deviation(values: Sequence[float], mean: float) -> float | None:
    """Return the sample standard deviation of values with that mean."""
    if len(values) < 2:
        return None
    low, high = sliver(values[0])  # a quick look first: where the ends differ, all do
    if low <= values[-1] <= high and near(min(values), max(values)):
        return 0.0  # what is left of values that are equal on paper is rounding
    away = [value - mean for value in values]
    return finite(math.sqrt(math.fsum(map(mul, away, away)) / (len(values) - 1)))


def _rank(values: Sequence[float]) -> float:
    newest = values[-1]
    return 100.0 * sum(TESTS["<="](value, newest) for value in values) / len(values)


FOLDS: dict[str, Fold] = {"mean": _mean, "median": _median, "stdev": _stdev, "min": min, "max": max, "rank": _rank}


def prev(x: Callable[[Window, int], _T | None], n: int) -> Callable[[Window, int], _T | None]:
    """`prev(x, n)`: x, n rows earlier."""
    return lambda window, index: x(window, index - n) if index >= n else None


def change(x: Number, n: int) -> Number:
    """`change(x, n)`: x − prev(x, n)."""

    def evaluate(window: Window, index: int) -> float | None:
        new = x(window, index)
        old = x(window, index - n) if index >= n else None
        return None if new is None or old is None else finite(new - old)

    return evaluate


def pct_change(x: Number, n: int) -> Number:
    """`pct_change(x, n)`: the change in percent of prev(x, n)."""

    def evaluate(window: Window, index: int) -> float | None:
        new = x(window, index)
        old = x(window, index - n) if index >= n else None
        return None if new is None or not old else finite((new - old) / old * 100)

    return evaluate


def zscore(x: Number, n: int, column: str | None) -> Number:
    """`zscore(x, n)`: how many sample standard deviations x is off the mean of the n rows before."""
    newest = _newest(x, n, column)

    def evaluate(window: Window, index: int) -> float | None:
        value, before = x(window, index), _folded(_spread, newest(window, index - 1))
        if value is None or before is None:
            return None
        mean, deviation = before
        return finite((value - mean) / deviation) if deviation else None

    return evaluate


def streak(c: Condition) -> Number:
    """`streak(c)`: rows in a row, ending with this one, on which c holds."""

    def evaluate(window: Window, index: int) -> float | None:
        if c(window, index) is None:
            return None
        count = 0
        while count < min(MAX_STREAK, index + 1) and c(window, index - count):
            count += 1
        return float(count)

    return evaluate


def absolute(x: Number) -> Number:
    """`abs(x)`."""

    def evaluate(window: Window, index: int) -> float | None:
        value = x(window, index)
        return None if value is None else abs(value)

    return evaluate


def crosses(beyond: Condition) -> Condition:
    """`crosses_above(x, y)`, with `beyond` x > y: did not hold one row earlier, and does; `crosses_below` likewise."""

    def evaluate(window: Window, index: int) -> bool | None:
        now = beyond(window, index) if index >= 0 else None
        if now is False:
            return False
        before = beyond(window, index - 1) if index >= 1 else None
        if before is True:
            return False
        return None if now is None or before is None else True

    return evaluate


def over(name: str, x: Number, n: int, column: str | None = None) -> Number:
    """Return the evaluator of the windowed function `name` of numbers; `column` names the metric that x is, if any."""
    match name:
        case "prev":
            return prev(x, n)
        case "change":
            return change(x, n)
        case "pct_change":
            return pct_change(x, n)
        case "zscore":
            return zscore(x, n, column)
        case _:
            return _over_rows(_newest(x, n, column), FOLDS[name])


def rows_before(name: str, n: int) -> int:
    """Rows that the windowed function `name` reads before the one it is asked for."""
    return n if name in {"prev", "change", "pct_change", "zscore"} else n - 1

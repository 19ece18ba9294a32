"""What the operators of the `when` language do with evaluators, `(window, index) -> value`; unknown is None.

`and`, `or` and `not` follow three-valued logic: false and unknown is false, true and unknown is unknown.
"""

from collections.abc import Sequence
from math import inf, isfinite

from watcher.core.arithmetic import Operation, Test, sliver
from watcher.core.window import Window
from watcher.core.windowed import Condition, Number


def constant(number: float) -> Number:
    """The same number on every row."""
    return lambda _window, _index: number


def metric(name: str) -> Number:
    """The metric as published or derived."""
    return lambda window, index: window.columns[name][index]


def negative(x: Number) -> Number:
    """`-x`."""

    def evaluate(window: Window, index: int) -> float | None:
        value = x(window, index)
        return None if value is None else -value

    return evaluate


def arithmetic(operation: Operation, x: Number, y: Number) -> Number:
    """`x + y` and its like; a division by zero is unknown."""

    def evaluate(window: Window, index: int) -> float | None:
        a, b = x(window, index), y(window, index)
        if a is None or b is None:
            return None
        try:
            value = operation(a, b)
        except ZeroDivisionError:
            return None
        return value if isfinite(value) else None

    return evaluate


def compared(test: Test, x: Number, y: Number) -> Condition:
    """`x > y` and its like."""

    def evaluate(window: Window, index: int) -> bool | None:
        a, b = x(window, index), y(window, index)
        return None if a is None or b is None else test(a, b)

    return evaluate


def held_to(test: Test, x: Number, limit: float) -> Condition:
    """`x > 15` and its like: whether two numbers are equal on paper is asked only where they are close."""
    low, high = sliver(limit)
    below, above = test(-inf, limit), test(inf, limit)

    def evaluate(window: Window, index: int) -> bool | None:
        value = x(window, index)
        if value is None:
            return None
        if value > high:
            return above
        return below if value < low else test(value, limit)

    return evaluate


def metric_held_to(test: Test, name: str, limit: float) -> Condition:
    """`volume > 15` and its like: `held_to`, for a metric as it is, which is what most rules ask."""
    low, high = sliver(limit)
    below, above = test(-inf, limit), test(inf, limit)

    def evaluate(window: Window, index: int) -> bool | None:
        value = window.columns[name][index]
        if value is None:
            return None
        if value > high:
            return above
        return below if value < low else test(value, limit)

    return evaluate


def negated(c: Condition) -> Condition:
    """`not c`."""

    def evaluate(window: Window, index: int) -> bool | None:
        value = c(window, index)
        return None if value is None else not value

    return evaluate


def all_of(conditions: Sequence[Condition]) -> Condition:
    """`a and b and c`."""

    def evaluate(window: Window, index: int) -> bool | None:
        verdict: bool | None = True
        for condition in conditions:
            value = condition(window, index)
            if value is False:
                return False
            if value is None:
                verdict = None
        return verdict

    return evaluate


def any_of(conditions: Sequence[Condition]) -> Condition:
    """`a or b or c`."""

    def evaluate(window: Window, index: int) -> bool | None:
        verdict: bool | None = False
        for condition in conditions:
            value = condition(window, index)
            if value is True:
                return True
            if value is None:
                verdict = None
        return verdict

    return evaluate


def remembered(text: str, x: Number) -> Number:
    """Evaluate x, written `text`, once per row, whoever asks: rules that share a window share its value."""

    def evaluate(window: Window, index: int) -> float | None:
        key, memo = (text, index), window.memo
        if key in memo:
            return memo[key]
        value = memo[key] = x(window, index)
        return value

    return evaluate

"""Numbers as a trader wants to read them: units, sensible digits, distance, change, and the last sessions as a line."""

import math
from collections.abc import Sequence
from typing import TypeGuard

from watcher.core.arithmetic import TESTS
from watcher.core.notification import Facts

UNKNOWN = "unknown"

_BARS = "▁▂▃▄▅▆▇█"
_BEYOND = {"crosses above": ">", "crosses below": "<"}
_UNIT = {"%": " %", "×": " ×", "shares": " shares"}
_GAP_UNIT = _UNIT | {"%": " points"}
"""Of a difference: 15.42 % is 0.42 points over 15 %, not 0.42 %."""
_MOST_DIGITS = 6
"""After the point, to show that two numbers differ."""
_MOST_SHARE = 10.0
"""Of the limit; a distance beyond that says nothing as a percentage."""


def figure(value: float | None, unit: str) -> str:
    """Return `15.42 %`, `46,242,547 shares`, `0.255`, or `unknown`."""
    if not _known(value):
        return UNKNOWN
    return _decimal(value, _digits(value, unit)) + _UNIT.get(unit, "")


def compared(facts: Facts) -> tuple[str, str]:
    """Return the value and what it is held against, `("15.42 %", "> 15")`, with digits enough to tell them apart."""
    value, limit, unit = facts.value, facts.limit, facts.unit
    if not _known(limit):
        return figure(value, unit), f"{facts.operator} {UNKNOWN}"

    limit_digits = _written_digits(limit, unit)
    if not _known(value):
        return UNKNOWN, f"{facts.operator} {_trimmed(_decimal(limit, limit_digits))}"

    digits = _digits(value, unit)
    while digits < _MOST_DIGITS and value != limit and _decimal(value, digits) == _decimal(limit, digits):
        digits += 1
    return _decimal(value, digits) + _UNIT.get(unit, ""), f"{facts.operator} {_trimmed(_decimal(limit, limit_digits))}"


def comparison(facts: Facts) -> str:
    """Return the value against its limit, `15.42 % > 15`; where that is not so, `14.20 %, limit > 15`.

    An alert goes on though the value is back below the limit, until it is below that of `until`.
    """
    value, limit = compared(facts)
    return f"{value} {limit}" if _holds(facts) else f"{value}, limit {limit}"


def distance(facts: Facts) -> str | None:
    """Return how far the value is from its limit, `0.42 points over`; None where that is unknown."""
    gap = _difference(facts.value, facts.limit)
    if gap is None:
        return None
    amount = _shown_gap(gap, facts.unit)
    if amount is None:
        return "at the limit"
    text = f"{amount}{_GAP_UNIT.get(facts.unit, '')} {'over' if gap > 0 else 'under'}"
    share = abs(gap / facts.limit) if facts.limit else math.inf
    return text if facts.unit == "%" or share >= _MOST_SHARE else f"{text} ({share * 100:,.1f} %)"


def change(facts: Facts) -> str | None:
    """Return the change since the row before, `+1.11 points from 14.31 %`; None where that is unknown."""
    gap = _difference(facts.value, facts.previous)
    if gap is None:
        return None
    amount = _shown_gap(gap, facts.unit)
    before = figure(facts.previous, facts.unit)
    if amount is None:
        return f"unchanged from {before}"
    return f"{'+' if gap > 0 else '-'}{amount}{_GAP_UNIT.get(facts.unit, '')} from {before}"


def short_change(facts: Facts) -> str:
    """Return the change since the row before as a bare number, `+1.11`; empty where that is unknown."""
    gap = _difference(facts.value, facts.previous)
    if gap is None:
        return ""
    amount = _shown_gap(gap, facts.unit)
    return "0" if amount is None else f"{'+' if gap > 0 else '-'}{amount}"


def sparkline(trend: Sequence[float | None]) -> str:
    """Return a bar for each value, from the lowest of them to the highest, and a space for each that is missing."""
    values = [value for value in trend if _known(value)]
    low, span = min(values, default=0.0), max(values, default=0.0) - min(values, default=0.0)

    def bar(value: float | None) -> str:
        if not _known(value):
            return " "
        if not span or not math.isfinite(span):
            return _BARS[3]
        return _BARS[min(int((value - low) / span * len(_BARS)), len(_BARS) - 1)]

    return "".join(map(bar, trend)).strip()


def _holds(facts: Facts) -> bool:
    test = TESTS.get(_BEYOND.get(facts.operator, facts.operator))
    return test is None or not _known(facts.value) or not _known(facts.limit) or test(facts.value, facts.limit)


def _known(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _difference(after: float | None, before: float | None) -> float | None:
    if not _known(after) or not _known(before):
        return None
    gap = after - before
    return gap if _known(gap) else None


def _digits(value: float, unit: str) -> int:
    match unit:
        case "shares":
            return 0
        case "money":
            return 0 if abs(value) >= 1000 else 2
        case "price":
            return 2 if abs(value) >= 10 else 3
        case "%" | "×":
            return 2
        case _:
            return 0 if abs(value) >= 100_000 else 2


def _written_digits(limit: float, unit: str) -> int:
    """A limit that was written as a number is shown as written, one that was computed like any value."""
    digits = range(_MOST_DIGITS + 1)
    return next((count for count in digits if round(limit, count) == limit), _digits(limit, unit))


def _decimal(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    return text if _nonzero(text) else text.removeprefix("-")


def _nonzero(text: str) -> bool:
    return any(digit in text for digit in "123456789")


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _shown_gap(gap: float, unit: str) -> str | None:
    """Return the size of a difference, with digits enough to show it; None if it is nothing."""
    shown = (_decimal(abs(gap), digits) for digits in range(_digits(gap, unit), _MOST_DIGITS + 1))
    return next(filter(_nonzero, shown), None)

"""Numbers as they are on paper: what counts as equal, and what is no number at all."""

import math
import operator
from collections.abc import Callable
from typing import TypeAlias

Test: TypeAlias = Callable[[float, float], bool]
Operation: TypeAlias = Callable[[float, float], float]


def near(a: float, b: float) -> bool:
    """Equal on paper: within 1e-9 relatively or 1e-12 absolutely."""
    return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)


def finite(value: float) -> float | None:
    """Return the value, or None if it is infinite or no number."""
    return value if math.isfinite(value) else None


def applied(operation: Operation, a: float, b: float) -> float | None:
    """Return the result of one of OPERATIONS, or None if it has no finite one."""
    try:
        return finite(operation(a, b))
    except ZeroDivisionError:
        return None


def sliver(limit: float) -> tuple[float, float]:
    """Return two numbers around the limit: beyond them nothing is near it, and a plain comparison is exact."""
    reach = 2e-9 * abs(limit) + 2e-12
    return limit - reach, limit + reach


TESTS: dict[str, Test] = {
    ">": lambda a, b: a > b and not near(a, b),
    ">=": lambda a, b: a >= b or near(a, b),
    "<": lambda a, b: a < b and not near(a, b),
    "<=": lambda a, b: a <= b or near(a, b),
    "==": near,
    "!=": lambda a, b: not near(a, b),
}
MIRRORED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
"""How a comparison is written with its sides exchanged."""
OPERATIONS: dict[str, Operation] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}

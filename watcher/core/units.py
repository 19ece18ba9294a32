"""Units of the parts of an expression: what can be compared and added, and what arithmetic leaves of them."""

from watcher.core.expression import Part

_PERCENT = frozenset({"short_percent", "short_ratio", "short_turnover_ratio", "daily_trade_avg_ratio"})


def unlike(left: Part, right: Part) -> bool:
    """Return whether both have a unit, and not the same."""
    return left.unit is not None and right.unit is not None and left.unit != right.unit


def unit_of(left: Part, sign: str, right: Part) -> str | None:
    """Return the unit of `left sign right`; None if it has none, or one that we have no name for."""
    # a number may be a factor or an amount; two units together make one we have no name for
    known = [part.unit for part in (left, right) if part.constant is None]
    additive = sign in "+-"
    keeps = additive or sign != "/" or right.constant is not None
    return known[0] if keeps and (len(known) == 1 or (additive and known[0] == known[1])) else None


def in_percent(part: Part) -> bool:
    """Return whether it is a metric whose figures are percentages."""
    return part.is_metric and part.metrics <= _PERCENT

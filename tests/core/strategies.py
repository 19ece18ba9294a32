"""Random rows and random expressions, of the kind that finds mistakes: ties, zeros, holes, runs of equal values."""

from collections.abc import Callable
from datetime import date

from hypothesis import strategies as st

from tests.builders import sessions
from watcher.core.market import Market, Position, Row
from watcher.core.metrics import METRICS, ROW_TYPES

Draw = Callable[[st.SearchStrategy[str]], str]

# the third is the second on paper, as is the fifth the fourth
FIGURES = (None, 0, 0.1, 0.1 + 1e-14, 15, 15 * (1 + 1e-13), 15.1, 100, 50_000_000)
NUMBERS = ("0", "0.1", "0.3", "1", "2", "15", "15.1", "50", "100", "50_000_000", "-3", "1e-9", "50", "1e300")
COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


@st.composite
def histories(draw: st.DrawFn, market: Market, most: int = 14) -> tuple[list[Row], list[Position]]:
    """Rows, oldest first, of which many are alike, and the positions that came with some of them."""
    fields = ROW_TYPES[market]._fields[1:]
    figure = st.sampled_from(FIGURES)
    pool = draw(st.lists(st.fixed_dictionaries(dict.fromkeys(fields, figure)), min_size=1, max_size=4))
    chosen = draw(st.lists(st.sampled_from(range(len(pool))), min_size=3, max_size=most))
    dates = sessions(len(chosen))
    rows = [ROW_TYPES[market](when, **pool[i]) for when, i in zip(dates, chosen, strict=True)]
    if market is Market.US:
        return rows, []
    arrivals = draw(st.lists(st.tuples(st.sampled_from(dates), figure, figure), max_size=3))
    as_of = sessions(len(arrivals), date(2025, 12, 1))
    return rows, [Position(held, *arrival) for held, arrival in zip(as_of, arrivals, strict=True)]


@st.composite
def conditions(draw: st.DrawFn, market: Market, depth: int = 2) -> str:
    """A condition over the metrics of one market."""
    return _condition(draw, market, depth)


def _condition(draw: Draw, market: Market, depth: int) -> str:
    kinds = ["limit", "limit", "two", "chain", "crosses"] + ["not", "and", "or"] * (depth > 0)
    kind = draw(st.sampled_from(kinds))
    sign = st.sampled_from(COMPARISONS)
    constant = st.sampled_from(NUMBERS)
    if kind in {"and", "or"}:
        return f"({_condition(draw, market, depth - 1)} {kind} {_condition(draw, market, depth - 1)})"
    if kind == "not":
        return f"(not {_condition(draw, market, depth - 1)})"

    unit = draw(st.sampled_from(("%", "%", "shares", "price", "×", "rows", "σ", "any")))
    x = _number(draw, market, unit, depth)
    if kind == "limit":
        sides = [x, draw(sign), draw(constant)]
        return f"({' '.join(sides if draw(st.sampled_from('ab')) == 'a' else sides[::-1])})"
    y = _number(draw, market, unit, depth)
    if kind == "two":
        return f"({x} {draw(sign)} {y})"
    if kind == "chain":
        return f"({draw(constant)} {draw(sign)} {x} {draw(sign)} {y})"
    against = draw(st.sampled_from((y, draw(constant))))
    return f"{draw(st.sampled_from(('crosses_above', 'crosses_below')))}({x}, {against})"


def _number(draw: Draw, market: Market, unit: str, depth: int) -> str:
    window = draw(st.sampled_from(("1", "2", "3", "5")))
    inner = max(depth - 1, 0)
    other = draw(st.sampled_from(("%", "shares", "price", "×")))
    match unit:
        case "rows":
            return f"streak({_condition(draw, market, inner)})"
        case "σ":
            return f"zscore({_number(draw, market, other, inner)}, {window})"
        case "any":
            x, y = _number(draw, market, other, inner), _number(draw, market, "%", inner)
            return f"({x} {draw(st.sampled_from('*/'))} {y})"
    names = sorted(name for name, metric in METRICS.items() if metric.unit == unit and market in metric.markets)
    kinds = ["metric", "metric"]
    if depth:
        kinds += ["fold", "fold", "earlier", "abs", "minus", "sum", "scaled"] + ["of percent"] * (unit == "%")
    kind = draw(st.sampled_from(kinds))
    if kind == "metric":
        return draw(st.sampled_from(names))
    if kind == "of percent":
        function = draw(st.sampled_from(("rank", "pct_change")))
        return f"{function}({_number(draw, market, other, inner)}, {window})"
    x = _number(draw, market, unit, inner)
    match kind:
        case "fold":
            return f"{draw(st.sampled_from(('mean', 'median', 'stdev', 'min', 'max')))}({x}, {window})"
        case "earlier":
            function = draw(st.sampled_from(("prev", "change")))
            return f"{function}({x}{draw(st.sampled_from(('', f', {window}')))})"
        case "abs":
            return f"abs({x})"
        case "minus":
            return f"(-{x})"
        case "sum":
            return f"({x} {draw(st.sampled_from('+-'))} {_number(draw, market, unit, inner)})"
    return f"({x} {draw(st.sampled_from('*/+'))} {draw(st.sampled_from(NUMBERS))})"

"""What is to be said of `when` and `until` beyond their own text: markets that lack a metric, ends that never come."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from watcher.core.expression import Comparison, Expression, Part
from watcher.core.language import Flaw
from watcher.core.market import Market, Symbol
from watcher.core.metrics import METRICS
from watcher.core.window import Window


def market_flaws(expression: Expression, rule: str, symbols: Sequence[Symbol]) -> Iterator[Flaw]:
    """Yield a flaw for each metric that not all of the rule's symbols have: an error if none has it."""
    for name, part in _first_mentions(expression.root):
        markets = METRICS[name].markets
        if all(symbol[:2] not in markets for symbol in symbols):
            message = f"{name!r} is published for {_and(sorted(markets))} only: rule {rule!r} has no symbol there"
            yield Flaw(part.start, part.end, message, _instead(name, symbols))
        elif flaw := partial_flaw(name, part.start, part.end, symbols):
            yield flaw


def partial_flaw(name: str, start: int, end: int, symbols: Sequence[Symbol]) -> Flaw | None:
    """Return a warning for the metric at characters `start` to `end`, if some of the symbols lack it: names them."""
    markets = METRICS[name].markets
    lacking = [symbol for symbol in symbols if symbol[:2] not in markets]
    if not lacking:
        return None
    message = f"{name!r} is published for {_and(sorted(markets))} only: it is unknown for {_some(lacking)}"
    return Flaw(start, end, message, _instead(name, symbols), warning=True)


def overlap(when: Expression, until: Expression) -> float | None:
    """Return a value for which both hold, if each is one comparison of the same metric with a number and there is one.

    Between and beyond the two limits neither comparison changes: a value from each stretch decides for all. They are
    put to the compiled expressions themselves, so that what counts as equal is the same as when rows are judged.
    """
    fires, ends = when.limit, until.limit
    if fires is None or ends is None or fires.value.metrics != ends.value.metrics:
        return None
    for value in _stretches(fires, ends):
        window = Window([date.min], lambda *_, value=value: [value])
        if when(window, 0) and until(window, 0):
            return value
    return None


def _stretches(*comparisons: Comparison) -> Iterator[float]:
    """Yield the limits themselves, a value below, one between and one above them."""
    low, high = sorted(comparison.limit.constant or 0.0 for comparison in comparisons)
    yield from (low - abs(low) - 1, low, low / 2 + high / 2, high, high + abs(high) + 1)


def _first_mentions(root: Part) -> Iterable[tuple[str, Part]]:
    first: dict[str, Part] = {}
    waiting = [root]
    while waiting:
        part = waiting.pop()
        waiting.extend(part.parts)
        for name in part.metrics if part.is_metric else ():
            if name not in first or part.start < first[name].start:
                first[name] = part
    return sorted(first.items(), key=lambda item: item[1].start)


def _instead(name: str, symbols: Sequence[Symbol]) -> str | None:
    """Return the metric that says the same in all of the symbols' markets, if there is one."""
    known = {
        "short_percent": "short_ratio",
        "short_sell_shares_traded": "short_shares",
        "total_shares_short": "short_shares",
        "shares_traded": "traded_shares",
        "volume": "traded_shares",
    }.get(name)
    markets = {Market(symbol[:2]) for symbol in symbols}
    return f"{known} is there for both" if known and markets <= METRICS[known].markets else None


def _some(symbols: Sequence[Symbol]) -> str:
    if len(symbols) <= 4:
        return _and(symbols)
    return f"{', '.join(symbols[:3])} and {len(symbols) - 3} more"


def _and(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))

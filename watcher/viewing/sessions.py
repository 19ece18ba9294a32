"""The sessions of a symbol as a rule sees them: curves, and the same as a table."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from watcher.core.alert import Alert, Phase, replay
from watcher.core.expression import Expression
from watcher.core.language import parse
from watcher.core.market import Symbol
from watcher.core.metrics import METRICS
from watcher.core.rule import Rule
from watcher.core.window import Window
from watcher.core.windowed import Number
from watcher.delivery.figures import figure
from watcher.viewing.lines import over, spread
from watcher.web.lines import Chart, Curve, Session

SHOWN = 90
_AVERAGE, _RATIO = "daily_trade_avg_ratio", "short_ratio"
_RATIOS = frozenset({_RATIO, "short_percent", "short_turnover_ratio"})
_AVERAGED = 20
_BESIDE = ("close_price", "short_shares", "traded_shares")
_FIRING = (Phase.FIRING, Phase.RECOVERING)


@dataclass(frozen=True, slots=True)
class _Column:
    """A number on each of the sessions that are shown."""

    name: str
    unit: str
    values: tuple[float | None, ...]
    role: str = ""
    """Of its curve; empty if it is only in the table."""

    @property
    def known(self) -> bool:
        """True if it is known on any session."""
        return any(value is not None for value in self.values)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Charts of the newest sessions, and the table of the same."""

    charts: tuple[Chart, ...] = ()
    columns: tuple[tuple[str, str], ...] = ()
    sessions: tuple[Session, ...] = ()


def drawn(rule: Rule | None, symbol: Symbol, window: Window, revised: Collection[date]) -> Drawn:
    """Return how a rule sees the newest sessions of a window; without one, the ratio and its average.

    `window` is all there is of a symbol, so that what is shaded is where the rule, as it is now, fires.
    """
    if not window.dates:
        return Drawn()
    shown = range(max(len(window.dates) - SHOWN, 0), len(window.dates))
    phases = _phases(rule, symbol, window)[shown.start :]
    columns = list(_of_rule(rule, window, shown) if rule else _ratios(window, shown))
    if rule is None or not rule.reads_positions_only:
        there = {column.name for column in columns}
        columns += [_metric(name, window, shown) for name in _BESIDE if name not in there]
    # what is nowhere known is nothing to be looked at, but for the value itself; a limit that stays is said above
    columns = [column for column in columns if column.role in {"value", "limit"} or column.known]
    in_table = [column for column in columns if column.role != "limit" or len(set(column.values)) > 1]
    dates = tuple(window.dates[shown.start :])
    sessions = [
        Session(
            when,
            phases[index] if rule else None,
            when in revised,
            tuple(_bare(column.values[index], column.unit) for column in in_table),
        )
        for index, when in enumerate(dates)
    ]
    return Drawn(
        tuple(_charts(columns, dates, tuple(_shaded(phases)))),
        tuple((column.name, column.unit if column.unit in {"%", "×"} else "") for column in in_table),
        tuple(reversed(sessions)),
    )


def _phases(rule: Rule | None, symbol: Symbol, window: Window) -> list[Phase]:
    if rule is None:
        return [Phase.QUIET] * len(window.dates)
    return [alert.phase for _, alert, _ in replay(rule, Alert(rule.name, symbol), window, 0)]


def _of_rule(rule: Rule, window: Window, shown: range) -> Iterator[_Column]:
    comparison = rule.when.first_comparison
    name, unit = rule.when.source(comparison.value), comparison.value.unit or ""
    yield _Column(name, unit, _values(comparison.value.number, window, shown), "value")
    yield from _companion(name, unit, rule, window, shown)
    limit = rule.when.source(comparison.limit)
    limit = limit if comparison.limit.constant is None else f"limit {limit}"
    yield _Column(limit, unit, _values(comparison.limit.number, window, shown), "limit")


def _companion(name: str, unit: str, rule: Rule, window: Window, shown: range) -> Iterator[_Column]:
    """Yield what the value is to be seen beside: the ratio of an average, the average of a ratio."""
    if rule.reads_positions_only:
        return
    if name == _AVERAGE:
        yield _metric(_RATIO, window, shown, "average")
        return
    if name in _RATIOS:
        yield _metric(_AVERAGE, window, shown, "average")
        return
    average = _average(name)
    if average is not None:
        number = average.first_comparison.value.number
        yield _Column(f"mean of {_AVERAGED}", unit, _values(number, window, shown), "average")


def _average(name: str) -> Expression | None:
    expression, _ = parse(f"mean({name}, {_AVERAGED}) > 0")
    return expression


def _ratios(window: Window, shown: range) -> Iterator[_Column]:
    yield _metric(_RATIO, window, shown, "value")
    yield _metric(_AVERAGE, window, shown, "average")


def _metric(name: str, window: Window, shown: range, role: str = "") -> _Column:
    role = "price" if name == "close_price" and not role else role
    return _Column(name, METRICS[name].unit, tuple(window.columns[name][shown.start :]), role)


def _values(number: Number, window: Window, shown: range) -> tuple[float | None, ...]:
    return tuple(number(window, index) for index in shown)


def _charts(
    columns: Sequence[_Column], dates: tuple[date, ...], shaded: tuple[tuple[int, int], ...]
) -> Iterator[Chart]:
    """Yield the value with its companions, and the close price beside it."""
    for price in (False, True):
        curves = [
            Curve(column.name, column.role, column.values, column.unit)
            for column in columns
            if column.role and (column.role == "price") is price
        ]
        if not curves:
            continue
        described = "; ".join(f"{curve.name}: {spread(curve.values, curve.unit)}" for curve in curves)
        words = f"{over(len(dates), dates[0], dates[-1])}. {described}"
        episodes = f". {len(shaded)} shaded: where the rule fires" if shaded else ""
        yield Chart("Close price" if price else curves[0].name, f"{words}{episodes}", dates, tuple(curves), shaded)


def _shaded(phases: Sequence[Phase]) -> Iterator[tuple[int, int]]:
    for firing, run in groupby(range(len(phases)), key=lambda index: phases[index] in _FIRING):
        if firing:
            indices = list(run)
            yield indices[0], indices[-1]


def _bare(value: float | None, unit: str) -> str | None:
    """Return a figure without its unit, which is in the column's head."""
    return None if value is None else figure(value, unit).removesuffix(f" {unit}")

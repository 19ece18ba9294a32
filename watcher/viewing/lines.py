"""The alerts as lines: which are wanted, in what order, and what each of them says."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import inf

from watcher.core.alert import Alert, Phase
from watcher.core.answer import DataState, SymbolState
from watcher.core.book import RuleBook
from watcher.core.market import Position, Row, Symbol
from watcher.core.notification import Facts
from watcher.core.report import TREND
from watcher.core.rule import Rule, Severity
from watcher.core.window import Window
from watcher.delivery.figures import UNKNOWN, compared, distance, figure
from watcher.web.lines import Line, Trend
from watcher.web.wanted import OverviewWanted

PHASES = (Phase.FIRING, Phase.RECOVERING, Phase.PENDING, Phase.QUIET)


@dataclass(frozen=True, slots=True)
class Watched:
    """A rule on a symbol, and how both stand; no rule, where all that name the symbol rest."""

    symbol: Symbol
    state: SymbolState | None
    rule: Rule | None
    alert: Alert

    @property
    def troubled(self) -> bool:
        """True if the symbol's data is not as it should be."""
        return self.state is None or self.state.state is not DataState.OK

    @property
    def rank(self) -> tuple[int, bool, int, int, Symbol, str]:
        """What comes first is worse: by phase, trouble and severity, then what began last."""
        severity = self.rule.severity.rank if self.rule else -1
        since = self.alert.since.toordinal() if self.alert.since else 0
        return PHASES.index(self.alert.phase), not self.troubled, -severity, -since, self.symbol, self.alert.rule

    def fits(self, wanted: OverviewWanted) -> bool:
        """Return whether it is one of those that are asked for."""
        text = wanted.text.lower()
        return (
            wanted.phase in (None, self.alert.phase)
            and wanted.market in (None, self.symbol.market)
            and wanted.rule in ("", self.alert.rule)
            and (wanted.severity is None or (self.rule is not None and self.rule.severity is wanted.severity))
            and (not wanted.troubled or self.troubled)
            and (text in self.symbol.lower() or text in self.alert.rule.lower())
        )


def watched(
    book: RuleBook, states: Mapping[Symbol, SymbolState], alerts: Mapping[Symbol, Mapping[str, Alert]]
) -> list[Watched]:
    """Return every rule on every symbol; of rules that rest, only what was not quiet when they came to rest."""
    found = []
    named: set[Symbol] = set()
    for rule in book.rules:
        for symbol in rule.symbols:
            alert = alerts.get(symbol, {}).get(rule.name)
            if rule.enabled or alert is not None:
                named.add(symbol)
                found.append(Watched(symbol, states.get(symbol), rule, alert or Alert(rule.name, symbol)))
    rest = (symbol for symbol in book.by_symbol if symbol not in named)
    return [*found, *(Watched(symbol, states.get(symbol), None, Alert("", symbol)) for symbol in rest)]


def windows(
    each: Symbol, rows: Mapping[Symbol, Sequence[Row]], positions: Mapping[Symbol, Sequence[Position]]
) -> tuple[Window, Window]:
    """Return the window over a symbol's rows, and the one over its positions."""
    held = positions.get(each, ())
    return Window.of_rows(each.market, rows.get(each, ()), held), Window.of_positions(held)


def closeness(rule: Rule, window: Window) -> float:
    """Return how far the newest value is from its limit, in parts of the limit; infinite where it is not known."""
    if not window.dates:
        return inf
    newest, comparison = len(window.dates) - 1, rule.when.first_comparison
    value, limit = comparison.value.number(window, newest), comparison.limit.number(window, newest)
    if value is None or limit is None:
        return inf
    return abs(value - limit) / (abs(limit) or 1.0)


def line(each: Watched, window: Window) -> Line:
    """Return what is said of an alert, by the newest session of the window that its rule looks at."""
    rule, alert = each.rule, each.alert
    if rule is None:
        return Line(each.symbol, each.state, None, Severity.INFO, alert.phase, None)
    of_rule = Line(
        symbol=each.symbol,
        state=each.state,
        rule=rule.name,
        severity=rule.severity,
        phase=alert.phase,
        since=alert.since,
        progress=_progress(rule, alert),
        metric=rule.when.source(rule.when.first_comparison.value),
        condition=None if rule.when.limit else " ".join(rule.when.text.split()),
        until=" ".join(rule.until.text.split()) if rule.until and alert.firing else None,
    )
    return _with_figures(of_rule, rule, window) if window.dates else of_rule


def _with_figures(of_rule: Line, rule: Rule, window: Window) -> Line:
    newest = len(window.dates) - 1
    comparison = rule.when.first_comparison
    shown = range(max(newest - TREND + 1, 0), newest + 1)
    values = tuple(comparison.value.number(window, index) for index in shown)
    limits = tuple(comparison.limit.number(window, index) for index in shown)
    unit = comparison.value.unit or ""
    facts = Facts(of_rule.metric, comparison.operator, unit, values[-1], limits[-1], None)
    value, limit = compared(facts)
    first, last = window.dates[shown.start], window.dates[newest]
    words = f"{of_rule.metric}, {over(len(shown), first, last)}: {spread(values, unit)}; limit {limit}"
    return replace(
        of_rule,
        trade_date=last,
        value=value,
        limit=limit,
        distance=distance(facts),
        verdict=rule.when(window, newest),
        trend=Trend(first, values, limits, words),
    )


def over(count: int, first: date, last: date) -> str:
    """Return `30 sessions from 2026-01-05 to 2026-02-13`."""
    return f"the session of {last}" if count == 1 else f"{count} sessions from {first} to {last}"


def spread(values: Sequence[float | None], unit: str) -> str:
    """Return lowest, highest and newest of some values in words."""
    known = [value for value in values if value is not None]
    if not known:
        return UNKNOWN
    low, high, newest = figure(min(known), unit), figure(max(known), unit), figure(values[-1], unit)
    if low == high == newest:
        return newest
    return f"between {low} and {high}, {newest} at the end"


def _progress(rule: Rule, alert: Alert) -> str | None:
    if not alert.streak:
        return None
    wanted = rule.until_for if alert.firing else rule.for_
    return f"{alert.streak} of {wanted} sessions"


def counts(all_of_them: Sequence[Watched]) -> dict[str, int]:
    """Return how many alerts there are in each phase, and how many are of symbols whose data is in trouble."""
    found = dict.fromkeys((phase.value for phase in PHASES), 0)
    for each in all_of_them:
        found[each.alert.phase.value] += 1
    return found | {"troubled": sum(each.troubled for each in all_of_them)}


def in_portions(symbols: Sequence[Symbol], size: int) -> Iterator[Sequence[Symbol]]:
    """Yield them a few at a time: what looks at each is not to keep the store from others."""
    for start in range(0, len(symbols), size):
        yield symbols[start : start + size]

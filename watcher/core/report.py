"""What is told of a transition: value, limit and trend of the row that made it, and the rule's own words."""

from watcher.core.alert import Transition
from watcher.core.metrics import METRICS
from watcher.core.notification import Facts, Report
from watcher.core.rule import Rule
from watcher.core.template import fill
from watcher.core.window import Window

TREND = 30
"""Rows of a message's sparkline."""


def report(rule: Rule, change: Transition, window: Window, index: int, note: str | None = None) -> Report:
    """Return what is to be told of a transition that row `index` made."""
    return Report(
        rule=rule.name,
        symbol=change.symbol,
        number=0,
        kind=change.kind,
        severity=rule.severity,
        episode=change.episode,
        trade_date=change.trade_date,
        note=note,
        facts=facts(rule, change, window, index),
    )


def facts(rule: Rule, change: Transition, window: Window, index: int) -> Facts:
    """Return value, limit and trend of the rule's first comparison on row `index`."""
    comparison = rule.when.first_comparison
    value, limit = comparison.value.number, comparison.limit.number
    return Facts(
        metric=rule.when.source(comparison.value),
        operator=comparison.operator,
        unit=comparison.value.unit or "",
        value=value(window, index),
        limit=limit(window, index),
        previous=value(window, index - 1) if index else None,
        trend=tuple(value(window, i) for i in range(max(0, index - TREND + 1), index + 1)),
        text=_own_words(rule, change, window, index),
    )


def _own_words(rule: Rule, change: Transition, window: Window, index: int) -> str | None:
    if rule.message is None:
        return None
    values = {name: window.columns[name][index] for name in METRICS}
    return fill(
        rule.message,
        values
        | {
            "symbol": change.symbol,
            "rule": rule.name,
            "trade_date": change.trade_date.isoformat(),
            "since": change.episode.isoformat(),
            "severity": rule.severity.value,
        },
    )

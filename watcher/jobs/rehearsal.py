"""Rehearse: what rules tell of answers that come in one after the other, with nothing stored and nothing sent."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from watcher.core.answer import Answered
from watcher.core.book import RuleBook
from watcher.core.judgement import Judgement, Known, judge, merged, news
from watcher.core.market import Symbol
from watcher.core.notification import Report
from watcher.core.routing import numbered, route
from watcher.core.rule import Rule


def rehearse(symbol: Symbol, rules: Sequence[Rule], answers: Iterable[Answered], book: RuleBook) -> tuple[Report, ...]:
    """Return what some channel of the book is told of a symbol, in order; the rules are there before the first row."""
    known = Known(symbol)
    told: list[Report] = []
    for answer in answers:
        changes = news(known, answer)
        if changes:
            judgement = judge(known, changes, rules)
            told += judgement.reports
            known = _after(known, judgement)
    given = numbered(told, {})
    heard = {(each.rule, each.number) for each in route(given, book, {})}
    return tuple(each for each in given if (each.rule, each.number) in heard)


def _after(known: Known, judgement: Judgement) -> Known:
    """Return what is known once a judgement is stored."""
    changes = judgement.news
    alerts = {**known.alerts, **{alert.rule: alert for alert in judgement.alerts}}
    return replace(
        known,
        rows=merged(known.rows, changes.rows, changes.revised),
        positions=merged(known.positions, changes.positions, changes.revised_positions),
        judged=judgement.judged,
        judged_positions=judgement.judged_positions,
        alerts={name: alert for name, alert in alerts.items() if alert.firing or alert.streak},
        watches={**known.watches, **{watch.rule: watch for watch in judgement.watches}},
    )

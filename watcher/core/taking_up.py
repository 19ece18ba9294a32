"""Taking up a rule: what it says of a symbol at first sight, after an edit, and when it is gone."""

from dataclasses import replace
from datetime import date

from watcher.core.alert import Alert, Kind, Transition, replay
from watcher.core.notification import Facts, Report
from watcher.core.report import report
from watcher.core.rule import Rule, Severity
from watcher.core.window import Window


def first_sight(rule: Rule, alert: Alert, window: Window) -> tuple[Alert, list[Report]]:
    """Fold a rule silently over a symbol's history; what fires at its end is reported once, as of its newest row."""
    for _, after, _ in replay(rule, alert, window, 0):
        alert = after
    if alert.episode is None:
        return alert, []
    newest = len(window.dates) - 1
    opened = Transition(rule.name, alert.symbol, Kind.OPENED, alert.episode, window.dates[newest])
    note = None if alert.episode == window.dates[newest] else f"true since {alert.episode}"
    return alert, [report(rule, opened, window, newest, note)]


def judged_anew(rule: Rule, before: Alert, window: Window) -> tuple[Alert, list[Report]]:
    """Return what an edited rule says of a symbol now; where it differs from what the old text said, it is reported.

    `window` has a session at least: for a rule over positions that is judged on none, the rows.
    """
    after, reports = first_sight(rule, Alert(rule.name, before.symbol), window)
    if before.episode is None:
        return after, [replace(told, note=_joined("rule changed", told.note)) for told in reports]
    if after.episode is not None:  # the same episode, which may have been told: it keeps its name
        return replace(after, episode=before.episode), []
    newest = len(window.dates) - 1
    over = max(window.dates[newest], before.episode)  # sessions of positions lie a week or two before those of rows
    ended = Transition(rule.name, before.symbol, Kind.RESOLVED, before.episode, over)
    return after, [report(rule, ended, window, newest, "rule changed")]


def removed(alert: Alert, newest: date) -> Report | None:
    """Return the silent end of an alert whose rule, or whose symbol in the rule, is gone."""
    if alert.episode is None:
        return None
    return Report(
        rule=alert.rule,
        symbol=alert.symbol,
        number=0,
        kind=Kind.RESOLVED,
        severity=Severity.INFO,
        episode=alert.episode,
        trade_date=newest,
        note="no longer watched",
        facts=Facts(metric="", operator="", unit="", value=None, limit=None, previous=None),
    )


def _joined(*notes: str | None) -> str:
    return ", ".join(note for note in notes if note)

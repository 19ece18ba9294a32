"""Notices: what the watcher tells its operator of its own troubles.

A trouble is an alert that the watcher is about itself: `rule` is its topic, `symbol` is WATCHER, and it opens and
resolves like any other. So it has a natural key, is told once and in order, backs off and is kept by the same outbox.
"""

from dataclasses import replace
from datetime import datetime

from watcher.core.alert import Kind
from watcher.core.book import CONSOLE, RuleBook
from watcher.core.market import Symbol
from watcher.core.notification import Facts, Report
from watcher.core.rule import Severity

WATCHER = Symbol("watcher")
"""Stands where alerts of the market have their symbol; upstream can have none of this name, for it has no market."""


def trouble(topic: str, text: str, now: datetime, severity: Severity = Severity.WARNING) -> Report:
    """Return the report, not numbered yet, that a trouble began; `text` says what it is and what it means."""
    return Report(
        rule=topic,
        symbol=WATCHER,
        number=0,
        kind=Kind.OPENED,
        severity=severity,
        episode=now.date(),
        trade_date=now.date(),
        facts=_worded(text),
    )


def recovery(began: Report, text: str, now: datetime) -> Report:
    """Return the report, not numbered yet, that the trouble which `began` tells of is over."""
    return replace(began, number=0, kind=Kind.RESOLVED, trade_date=now.date(), facts=_worded(text))


def listeners(book: RuleBook, about: str | None = None) -> tuple[str, ...]:
    """Return the channels that hear of a trouble: the operator's, but for the one it is about, else the console.

    Severity is no matter here: whom the watcher's own troubles concern is what `[operator]` says.
    """
    channels = [name for name in dict.fromkeys(book.operator) if name != about]
    return tuple(channels or [name for name in (CONSOLE,) if name != about])


def _worded(text: str) -> Facts:
    return Facts(metric="", operator="", unit="", value=None, limit=None, previous=None, text=text)

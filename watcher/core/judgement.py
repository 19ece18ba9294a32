"""What an answer changes: rows that are new or revised, alerts, and what there is to report.

Pure: it is given what is known of a symbol and what upstream answered, and returns what is to be written.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from watcher.core.alert import Alert, Watch, replay
from watcher.core.answer import Answered
from watcher.core.market import Position, Row, Symbol
from watcher.core.notification import Report
from watcher.core.report import report
from watcher.core.revision import rejudge
from watcher.core.rule import Rule
from watcher.core.taking_up import first_sight
from watcher.core.window import Window

AWAY = "while the watcher was away"
"""Note of what happened in sessions that were missed."""
_Dated = TypeVar("_Dated", bound=Row | Position)


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds of a symbol, as far as judging its next rows needs it."""

    symbol: Symbol
    rows: tuple[Row, ...] = ()
    """The newest ones, oldest first."""
    positions: tuple[Position, ...] = ()
    """All of them, oldest first."""
    judged: date | None = None
    """Trade date of the newest row that was judged; None before the first."""
    judged_positions: date | None = None
    """As-of date of the newest position that was judged."""
    alerts: Mapping[str, Alert] = field(default_factory=dict)
    """Those that are not quiet, by rule."""
    watches: Mapping[str, Watch] = field(default_factory=dict)
    """By rule, as it was last taken up; needed where the changes touch what was judged."""


@dataclass(frozen=True, slots=True)
class News:
    """What of an answer is not known yet."""

    rows: tuple[Row, ...] = ()
    """Oldest first; of trade dates that had no row."""
    revised: tuple[tuple[Row, Row], ...] = ()
    """Old and new row of trade dates whose published values changed."""
    positions: tuple[Position, ...] = ()
    revised_positions: tuple[tuple[Position, Position], ...] = ()

    def __bool__(self) -> bool:
        """True if there is any."""
        return bool(self.rows or self.revised or self.positions or self.revised_positions)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from news of one symbol."""

    symbol: Symbol
    news: News
    judged: date | None
    judged_positions: date | None
    alerts: tuple[Alert, ...] = ()
    """Those that changed, as they are now."""
    watches: tuple[Watch, ...] = ()
    """Those that changed: of rules that were taken up with these rows, and where revisions moved episodes."""
    reports: tuple[Report, ...] = ()
    """In order of trade date, not numbered yet."""


def news(known: Known, answer: Answered) -> News:
    """Return what the answer says that is not known; asking again for the same rows is no news."""
    rows = {row[0]: row for row in known.rows}
    fresh: list[Row] = []
    revised: list[tuple[Row, Row]] = []
    for row in answer.rows:
        before = rows.get(row[0])
        if before is None:
            fresh.append(row)
        elif before != row:
            revised.append((before, row))
    position = answer.position
    if position is None:
        return News(tuple(fresh), tuple(revised))
    held = {other.as_of: other for other in known.positions}.get(position.as_of)
    if held is None:
        return News(tuple(fresh), tuple(revised), (position,))
    position = position._replace(trade_date=held.trade_date)  # the row it first came with stays
    changed = () if held == position else ((held, position),)
    return News(tuple(fresh), tuple(revised), (), changed)


def touches_judged(known: Known, changes: News) -> bool:
    """Return whether something changes on or before a session that was judged: all history is needed to judge again."""
    return any(_changed_since(known, changes, positions_only) is not None for positions_only in (False, True))


def judge(known: Known, changes: News, rules: Iterable[Rule], *, away: bool = False) -> Judgement:
    """Fold the rules over what is new of a symbol; the first time, silently over all there is.

    `known.rows` must reach back as many rows before the first new one as the rules look back, and must be all there
    are where the changes touch what was judged. `away` marks what is told as having happened while nobody looked.
    """
    symbol = known.symbol
    of_rows, of_positions = _sessions(known, changes)
    alerts: list[Alert] = []
    watches: list[Watch] = []
    reports: list[Report] = []
    for rule in rules:
        sessions = of_positions if rule.reads_positions_only else of_rows
        window, judged = sessions.window, sessions.judged
        before = alert = known.alerts.get(rule.name) or Alert(rule.name, symbol)
        if judged is None:
            alert, told = first_sight(rule, alert, window)
            reports += told
            if window.dates:
                watches.append(Watch.of(rule, symbol, window.dates[-1], alert))
        else:
            if sessions.since is not None:
                watch = known.watches.get(rule.name) or Watch.of(rule, symbol)
                alert, renamed, told = rejudge(rule, alert, sessions.old, window, judged, watch)
                reports += told
                if renamed != watch:
                    watches.append(renamed)
            alert, told = _judged_on(rule, alert, sessions, AWAY if away else None)
            reports += told
        if alert != before:
            alerts.append(alert)
    reports.sort(key=lambda report: report.trade_date)
    return Judgement(
        symbol,
        changes,
        of_rows.newest,
        of_positions.newest,
        tuple(alerts),
        tuple(watches),
        tuple(reports),
    )


@dataclass(frozen=True, slots=True)
class _Sessions:
    """What rules look at: trade dates and their rows, or as-of dates and nothing but positions."""

    window: Window
    old: Window
    """As it was before the changes."""
    judged: date | None
    since: date | None
    """The first judged date on which something changed."""

    @property
    def newest(self) -> date | None:
        return self.window.dates[-1] if self.window.dates else None

    @property
    def first(self) -> int:
        """Index of the first session that was not judged."""
        return bisect_right(self.window.dates, self.judged or date.min)


def _sessions(known: Known, changes: News) -> tuple[_Sessions, _Sessions]:
    """Return what rules over rows look at, and rules over positions only."""
    rows = merged(known.rows, changes.rows, changes.revised)
    positions = merged(known.positions, changes.positions, changes.revised_positions)
    of_rows = Window.of_rows(known.symbol.market, rows, positions)
    of_positions = Window.of_positions(positions)
    old_rows, old_positions = of_rows, of_positions
    since = _changed_since(known, changes, positions_only=False)
    since_positions = _changed_since(known, changes, positions_only=True)
    if since is not None or since_positions is not None:
        old_rows = Window.of_rows(known.symbol.market, known.rows, known.positions)
        old_positions = Window.of_positions(known.positions)
    return (
        _Sessions(of_rows, old_rows, known.judged, since),
        _Sessions(of_positions, old_positions, known.judged_positions, since_positions),
    )


def _changed_since(known: Known, changes: News, positions_only: bool) -> date | None:
    """Return the first judged date on which something changed, if any did: a revision, or what came late."""
    judged = known.judged_positions if positions_only else known.judged
    if judged is None:
        return None
    changed_positions = (*changes.positions, *(after for _, after in changes.revised_positions))
    if positions_only:
        dates = [position.as_of for position in changed_positions]
    else:
        dates = [row.trade_date for row in changes.rows] + [after.trade_date for _, after in changes.revised]
        dates += [position.trade_date for position in changed_positions]
    return min((when for when in dates if when <= judged), default=None)


def merged(
    known: tuple[_Dated, ...], new: tuple[_Dated, ...], revised: Iterable[tuple[_Dated, _Dated]]
) -> tuple[_Dated, ...]:
    """Return rows, or positions, with the new and the revised ones in their places, oldest first."""
    if not new and not revised:
        return known
    by_date = {dated[0]: dated for dated in known} | {dated[0]: dated for dated in new}
    by_date |= {after[0]: after for _, after in revised}
    return tuple(by_date[when] for when in sorted(by_date))


def _judged_on(rule: Rule, alert: Alert, sessions: _Sessions, note: str | None) -> tuple[Alert, list[Report]]:
    window = sessions.window
    reports = []
    for index, after, change in replay(rule, alert, window, sessions.first):
        alert = after
        if change is not None:
            reports.append(report(rule, change, window, index, note))
    return alert, reports

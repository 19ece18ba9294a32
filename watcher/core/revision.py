"""Judging again, after published values changed: which episodes are the same, which are new, which never were."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from watcher.core.alert import Alert, Kind, Transition, Watch, replay
from watcher.core.notification import Report
from watcher.core.report import report
from watcher.core.rule import Rule
from watcher.core.window import Window

REVISED = "after revision"
"""Note of what a revision brought about."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One unbroken firing run."""

    opened: date
    resolved: date | None = None
    """Date of the row that ended it; None while firing."""

    def overlaps(self, other: "Episode") -> bool:
        """Return whether there is a moment at which both fire."""
        return self.opened < (other.resolved or date.max) and other.opened < (self.resolved or date.max)


def rejudge(
    rule: Rule, before: Alert, old: Window, new: Window, judged: date, watch: Watch | None
) -> tuple[Alert, list[Report]]:
    """Return the alert after the sessions up to `judged` were judged again, and what is to be told of it.

    `before` is the alert as it stands; `old` and `new` are the windows before and after the revision, from the
    watch's checkpoint on at least. Nothing up to the checkpoint is judged again. An old and a new episode that
    overlap are the same one, and nothing is said of its moved ends.
    """
    checkpoint = watch.checkpoint if watch and watch.checkpoint else date.min
    base = (watch.base if watch else None) or Alert(before.rule, before.symbol)
    _, were = _episodes(rule, base, old, bisect_right(old.dates, checkpoint), judged)
    after, are = _episodes(rule, base, new, bisect_right(new.dates, checkpoint), judged)
    were = _as_stored(were, before)
    gone = (episode for episode in were if not any(episode.overlaps(other) for other in are))
    reports = [_retracted(rule, before, old, new, episode) for episode in gone]
    for episode in are:
        same = [other for other in were if episode.overlaps(other)]
        if not same:
            reports += _appeared(rule, before, new, episode, judged)
    if after.episode is not None:
        open_now = Episode(after.episode)
        # of several that have become one, the last that was told of: its end is still to be told
        name = next((each.opened for each in reversed(were) if each.overlaps(open_now)), after.episode)
        return replace(after, episode=name), reports
    if before.episode is not None:
        open_then = Episode(before.episode)
        for ended in [each.resolved for each in are if each.overlaps(open_then) and each.resolved][-1:]:
            change = Transition(rule.name, before.symbol, Kind.RESOLVED, before.episode, ended)
            reports.append(report(rule, change, new, _index(new, ended), REVISED))
    return after, reports


def _episodes(rule: Rule, alert: Alert, window: Window, first: int, judged: date) -> tuple[Alert, list[Episode]]:
    """Fold from index `first` to the session of `judged`; return the alert then, and all episodes on the way."""
    found = [Episode(alert.episode)] if alert.episode else []
    for index, after, change in replay(rule, alert, window, first):
        if window.dates[index] > judged:
            break
        alert = after
        match change:
            case Transition(kind=Kind.OPENED):
                found.append(Episode(change.episode))
            case Transition(kind=Kind.RESOLVED):
                found[-1] = Episode(found[-1].opened, change.trade_date)
    return alert, found


def _as_stored(episodes: Sequence[Episode], alert: Alert) -> list[Episode]:
    """Return the episodes with the open one under the name it was told by: an edit may have kept an older one."""
    closed = [episode for episode in episodes if episode.resolved is not None]
    if alert.episode is None:
        return closed
    fires = Episode(alert.episode)
    return [*(episode for episode in closed if not episode.overlaps(fires)), fires]


def _retracted(rule: Rule, alert: Alert, old: Window, new: Window, episode: Episode) -> Report:
    """Return the retraction of an episode that never was, with the old and the new value of the row that opened it."""
    value, unit = rule.when.first_comparison.value.number, rule.when.first_comparison.value.unit or ""
    was = _figure(value(old, _index(old, episode.opened)), unit)
    index = _index(new, episode.opened)
    note = f"{REVISED}: {episode.opened} was {was}, is {_figure(value(new, index), unit)}"
    change = Transition(rule.name, alert.symbol, Kind.RETRACTED, episode.opened, episode.opened)
    return report(rule, change, new, index, note)


def _appeared(rule: Rule, alert: Alert, new: Window, episode: Episode, judged: date) -> Iterable[Report]:
    """Yield the opening of an episode that nobody knew of, and its end if it is over."""
    opened = _index(new, episode.opened)
    if episode.resolved is None:
        newest = bisect_right(new.dates, judged) - 1
        change = Transition(rule.name, alert.symbol, Kind.OPENED, episode.opened, new.dates[newest])
        yield report(rule, change, new, newest, f"{REVISED}, true since {episode.opened}")
        return
    change = Transition(rule.name, alert.symbol, Kind.OPENED, episode.opened, episode.opened)
    yield report(rule, change, new, opened, REVISED)
    change = Transition(rule.name, alert.symbol, Kind.RESOLVED, episode.opened, episode.resolved)
    yield report(rule, change, new, _index(new, episode.resolved), REVISED)


def _index(window: Window, when: date) -> int:
    """Index of the session of a date, or of the first after it, should its row be gone."""
    return min(bisect_left(window.dates, when), len(window.dates) - 1)


def _figure(value: float | None, unit: str) -> str:
    return "unknown" if value is None else f"{value:,.2f} {unit}".rstrip()

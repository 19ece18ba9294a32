"""Judging again, after published values changed: which episodes are the same, which are new, which never were."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from watcher.core.alert import Alert, Kind, Transition, Watch, replay
from watcher.core.notification import Report
from watcher.core.report import report
from watcher.core.rule import Rule
from watcher.core.window import Window

REVISED = "after revision"
"""Note of what a revision brought about."""
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Episode:
    """One unbroken firing run."""

    opened: date
    resolved: date | None = None
    """Date of the row that ended it; None while firing."""
    names: tuple[date, ...] = ()
    """The dates by which it was told: that of its opening, unless it was moved, joined or split since."""

    def overlaps(self, other: "Episode") -> bool:
        """Return whether there is a moment at which both fire, or fired by the rows by which they were told."""
        return self.begin < other.end and other.begin < self.end

    @property
    def begin(self) -> date:
        """The first day on which it fires, or fired when it was told."""
        return min((self.opened, *self.names))

    @property
    def end(self) -> date:
        """The first day after it, or after it was told."""
        return date.max if self.resolved is None else max((self.resolved, *(name + _DAY for name in self.names)))


def rejudge(
    rule: Rule, before: Alert, old: Window, new: Window, judged: date, watch: Watch
) -> tuple[Alert, Watch, list[Report]]:
    """Return the alert and the watch after the sessions up to `judged` were judged again, and what is to be told.

    `before` is the alert as it stands; `old` and `new` are the windows before and after the revision, from the
    watch's checkpoint on at least. Nothing up to the checkpoint is judged again. An old and a new episode that
    overlap are the same one, and nothing is said of its moved ends: it goes by the name it was told by, until nothing
    is left of it.
    """
    _, were = _episodes(rule, watch, old, judged)
    after, are = _episodes(rule, watch, new, judged)
    were = _as_told(were, before, watch)
    are = [replace(each, names=_names(other for other in were if each.overlaps(other))) for each in are]
    left = {name for episode in are for name in episode.names}
    gone = {name: episode for episode in reversed(were) for name in episode.names if name not in left}
    reports = [_retracted(rule, before, old, new, episode, name) for name, episode in sorted(gone.items())]
    for episode in are:
        if not episode.names:
            reports += _appeared(rule, before, new, episode, judged)
    names = {each.opened: each.names for each in are if each.names not in {(), (each.opened,)}}
    watch = replace(watch, names=names)
    if after.episode is not None:
        # of several that have become one, the last that was told of: its end is still to be told
        return replace(after, episode=(are[-1].names or (after.episode,))[-1]), watch, reports
    if before.episode is not None:
        for ended in [each.resolved for each in are if before.episode in each.names and each.resolved][-1:]:
            change = Transition(rule.name, before.symbol, Kind.RESOLVED, before.episode, ended)
            reports.append(report(rule, change, new, _index(new, ended), REVISED))
    return after, watch, reports


def _episodes(rule: Rule, watch: Watch, window: Window, judged: date) -> tuple[Alert, list[Episode]]:
    """Fold from the checkpoint to the session of `judged`; return the alert then, and all episodes on the way."""
    alert, checkpoint = watch.base or Alert(watch.rule, watch.symbol), watch.checkpoint or date.min
    # a name may be later than the checkpoint: a trade date, where the rule was edited to look at as-of dates
    found = [Episode(min(alert.episode, checkpoint), names=(alert.episode,))] if alert.episode else []
    for index, after, change in replay(rule, alert, window, bisect_right(window.dates, checkpoint)):
        if window.dates[index] > judged:
            break
        alert = after
        match change:
            case Transition(kind=Kind.OPENED):
                found.append(Episode(change.episode))
            case Transition(kind=Kind.RESOLVED):
                found[-1] = replace(found[-1], resolved=change.trade_date)
    return alert, found


def _as_told(episodes: Sequence[Episode], alert: Alert, watch: Watch) -> list[Episode]:
    """Return the episodes by the names they were told by; the one that goes on is the alert's, whatever it was."""
    told = [replace(each, names=watch.names.get(each.opened, each.names)) for each in episodes]
    closed = [replace(each, names=each.names or (each.opened,)) for each in told if each.resolved]
    if alert.episode is None:
        return closed
    fires = next((each for each in told if each.resolved is None), Episode(alert.episode))
    earlier = (name for name in fires.names if name != alert.episode)
    return [*closed, replace(fires, names=(*earlier, alert.episode))]


def _names(told: Iterable[Episode]) -> tuple[date, ...]:
    """Return the names of what has become one episode."""
    return tuple(dict.fromkeys(name for episode in told for name in episode.names))


def _retracted(rule: Rule, alert: Alert, old: Window, new: Window, episode: Episode, name: date) -> Report:
    """Return the retraction of what never was, with the old and the new value of the row that opened it."""
    value, unit = rule.when.first_comparison.value.number, rule.when.first_comparison.value.unit or ""
    was = _figure(value(old, _index(old, episode.opened)), unit)
    index = _index(new, episode.opened)
    note = f"{REVISED}: {episode.opened} was {was}, is {_figure(value(new, index), unit)}"
    change = Transition(rule.name, alert.symbol, Kind.RETRACTED, name, episode.opened)
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

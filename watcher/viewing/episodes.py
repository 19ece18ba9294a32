"""Episodes as they were recorded, with what became of each notification."""

from collections.abc import Iterable
from itertools import groupby

from watcher.core.alert import Kind
from watcher.core.history import Recorded
from watcher.core.history import Telling as Kept
from watcher.core.notification import Report
from watcher.delivery.figures import UNKNOWN, comparison, figure
from watcher.store.history import EpisodeKey
from watcher.web.told import Episode, Event, Telling

_EVENTS, _TELLINGS = 3, 3
"""Of one episode, and of one event: a rule that reminds every session has hundreds."""


def episodes(keys: Iterable[EpisodeKey], recorded: Iterable[Recorded]) -> tuple[Episode, ...]:
    """Return the episodes in the order of `keys`, of whose transitions all are in `recorded`."""
    by_key = sorted(recorded, key=_key)  # stable: in order of their numbers within each
    found = {key: _episode(tuple(of_it)) for key, of_it in groupby(by_key, key=_key)}
    return tuple(found[key] for key in keys if key in found)


def _key(each: Recorded) -> EpisodeKey:
    return each.report.symbol, each.report.rule, each.report.episode


def _episode(of_it: tuple[Recorded, ...]) -> Episode:
    newest = of_it[-1].report
    shown = of_it if len(of_it) <= _EVENTS else (of_it[0], *of_it[1 - _EVENTS :])
    events = tuple(map(_event, shown))
    return Episode(
        newest.symbol, newest.rule, newest.severity, newest.episode, events, left_out=len(of_it) - len(shown)
    )


def _event(each: Recorded) -> Event:
    report = each.report
    tellings = tuple(map(_telling, each.tellings[:_TELLINGS]))
    more = len(each.tellings) - len(tellings)
    return Event(report.kind, report.trade_date, each.at, _value(report), report.note, tellings, more)


def _value(report: Report) -> str:
    facts = report.facts
    if not facts.metric:
        return facts.text or ""
    if report.kind in (Kind.OPENED, Kind.REMINDED):
        return f"{facts.metric} {comparison(facts)}"
    value = figure(facts.value, facts.unit)
    return "" if value == UNKNOWN else f"{facts.metric} {value}"


def _telling(kept: Kept) -> Telling:
    told, delivery = kept.notification, kept.delivery
    reason = ", ".join(filter(None, [delivery.held.value if delivery.held else None, delivery.reason]))
    return Telling(
        told.id, told.channel, delivery.word, reason or None, delivery.due, delivery.attempts, told.instead_of
    )

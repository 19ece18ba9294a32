"""A glance at everything: what the pages have in common, of one moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.core.alert import Alert
from watcher.core.answer import SymbolState
from watcher.core.book import RuleBook
from watcher.core.circuit import Circuit
from watcher.core.market import Market, Symbol
from watcher.core.outbox import Status
from watcher.core.sessions import Timetables
from watcher.jobs.asked import circuit
from watcher.jobs.cycle import states_now
from watcher.jobs.notices import open_trouble
from watcher.reloading import TOPIC
from watcher.store.noted import Noted, last_cycle, last_note
from watcher.viewing.rules_file import RulesOnDisk
from watcher.web.head import Head, LastCycle, MarketHours, RulesFile, Upstream
from watcher.wiring import Live, schedule

_ENDS = frozenset({Status.SENT.value, Status.DROPPED.value})


@dataclass(frozen=True, slots=True)
class Glance:
    """What the store says of everything, as of one moment."""

    now: datetime
    book: RuleBook
    states: Mapping[Symbol, SymbolState]
    alerts: Mapping[Symbol, Mapping[str, Alert]]
    depth: Mapping[str, int]
    upstream: Circuit
    timetables: Timetables
    every: timedelta | None
    cycle: LastCycle | None
    loaded_at: datetime | None
    refused: str | None
    """Why the rules in force are not those of the file, as the operator was told."""
    noted: Noted | None
    """What the daemon noted of itself last."""


def glance(live: Live) -> Glance:
    """Look at the store, in the thread that may.

    Raises:
        StoreError: it cannot be read now.
    """
    now, book, every = live.clock.now(), live.book, live.settings.schedule.every
    # what overrules the calendar overrules what it has to say of rows that are late
    of_calendar = schedule(live.settings)
    with live.store.read() as tx:
        states = states_now(tx, book.by_symbol, of_calendar, now)
        alerts, depth, upstream, loaded_at = tx.alerts.of(), tx.outbox.depth(), circuit(tx), tx.note("book_at")
        refused = open_trouble(tx, TOPIC)
    return Glance(
        now,
        book,
        states,
        alerts,
        depth,
        upstream,
        {} if every else of_calendar.timetables(now),
        every,
        _last_cycle(live),
        datetime.fromisoformat(loaded_at) if loaded_at else None,
        refused.facts.text if refused else None,
        last_note(live.settings.state_directory),
    )


def head(seen: Glance, file: RulesOnDisk) -> Head:
    """Return what every page begins with."""
    return Head(
        now=seen.now,
        upstream=_upstream(seen),
        cycle=seen.cycle,
        next_look=seen.noted.following if seen.noted and seen.noted.following else _expected(seen),
        markets=tuple(_hours(market, seen) for market in _markets(seen.book)),
        outbox={word: count for word, count in sorted(seen.depth.items()) if word not in _ENDS},
        rules=_rules(seen, file),
        troubles=tuple(reason.text for reason in seen.noted.reasons) if seen.noted else (),
    )


def _last_cycle(live: Live) -> LastCycle | None:
    noted = last_cycle(live.settings.state_directory)
    if noted is None:
        return None
    try:
        return LastCycle(
            datetime.fromisoformat(str(noted["ended"])),
            int(str(noted["symbols"])),
            int(str(noted["troubled"])),
            int(str(noted.get("waiting", 0))),
        )
    except (KeyError, ValueError):
        return None


def _upstream(seen: Glance) -> Upstream:
    if seen.upstream.failing:
        word = "down" if seen.upstream.down else "failing"
        return Upstream(word, seen.upstream.since, seen.upstream.reason)
    return Upstream("answers" if seen.states else "not asked yet")


def _expected(seen: Glance) -> datetime | None:
    """Return when the next cycle is to be expected, where nobody says: by the interval, or by the calendar."""
    if seen.every is not None:
        return seen.cycle.ended + seen.every if seen.cycle else None
    dues = [due for each in seen.timetables.values() if (due := each.next_due(seen.now))]
    return min(dues, default=None)


def _markets(book: RuleBook) -> list[Market]:
    watched = {symbol.market for symbol in book.by_symbol}
    return [market for market in Market if market in watched]


def _hours(market: Market, seen: Glance) -> MarketHours:
    judged = [state.judged for symbol, state in seen.states.items() if symbol.market is market and state.judged]
    timetable = seen.timetables.get(market)
    return MarketHours(market, max(judged, default=None), timetable.next_due(seen.now) if timetable else None)


def _rules(seen: Glance, file: RulesOnDisk) -> RulesFile:
    taken_up = file.digest == seen.book.digest
    return RulesFile(
        file=file.path,
        valid=file.digest is not None,
        taken_up=taken_up,
        problem=file.first_error or (None if taken_up else seen.refused),
        rules=len(seen.book.rules),
        symbols=len(seen.book.by_symbol),
        loaded_at=seen.loaded_at,
    )

"""Measures: takes the snapshot of the daemon that its telemetry tells."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import product

from watcher import __version__
from watcher.core.alert import Alert, Phase
from watcher.core.answer import SymbolState
from watcher.core.health import Check
from watcher.core.sessions import Timetable
from watcher.daemon.pulse import Pulse
from watcher.daemon.turns import Turns
from watcher.errors import StoreError
from watcher.jobs.asked import circuit
from watcher.jobs.cycle import states_now
from watcher.jobs.notices import open_trouble
from watcher.reloading import TOPIC
from watcher.store.file import FILE
from watcher.store.store import Store
from watcher.web.telemetry import Snapshot, Stored, SymbolFigures
from watcher.wiring import Live, schedule

_PATIENCE = 4.0
"""Seconds for what the store says: whoever collects metrics waits ten, and the rest is worth having without it."""
_STATUSES = ("pending", "held", "claimed", "dead")


class Measures:
    """Where snapshots come from."""

    def __init__(self, live: Live, turns: Turns, pulse: Pulse) -> None:
        """Measure these parts."""
        self._live = live
        self._turns = turns
        self._pulse = pulse
        self._started = live.clock.now()
        self._reading: asyncio.Task[Stored | None] | None = None

    async def snapshot(self, symbols: bool) -> Snapshot:
        """Return how it stands now, with every symbol if asked so; without what the store says if that takes long."""
        live, turns, tally = self._live, self._turns, self._live.tally
        # a read that is not done yet was begun for somebody who asked otherwise, and went: it is not ours
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(asyncio.to_thread(self._stored, symbols, live.clock.now()))
        await asyncio.wait({self._reading}, timeout=_PATIENCE)
        unwell = {reason.check for reason in self._pulse.reasons()}
        return Snapshot(
            version=__version__,
            started=self._started,
            checks={check.value: check not in unwell for check in Check if check is not Check.DAEMON},
            rules=len(live.book.rules),
            watched=len(live.book.by_symbol),
            cycles=tally.cycles,
            complete=turns.complete,
            following=turns.following,
            requests=tally.requests,
            requests_limit=live.pacing.rate.limit,
            requests_period=live.pacing.rate.period,
            requests_available=live.pacing.available,
            attempts={**_zero(live.channels, ("sent", "failed", "unknown")), **tally.attempts},
            reloads=tally.reloads,
            heartbeats=tally.heartbeats,
            stored=self._reading.result() if self._reading.done() else None,
        )

    def _stored(self, symbols: bool, now: datetime) -> Stored | None:
        """Read what the store says, through a connection of its own: its thread may be at something long."""
        try:
            return self._read(symbols, now)
        except StoreError:
            return None  # /readyz says so, and why

    def _read(self, symbols: bool, now: datetime) -> Stored:
        live, directory = self._live, self._live.settings.state_directory
        book, planned = live.book, schedule(live.settings)
        store = Store.open_beside(directory)
        try:
            with store.read() as tx:
                states = states_now(tx, book.by_symbol, planned, now)
                of_watched = [state for symbol, state in states.items() if symbol in book.by_symbol]
                alerts = [alert for of_symbol in tx.alerts.of().values() for alert in of_symbol.values()]
                backlog, loaded_at = tx.outbox.backlog(now), tx.note("book_at")
                return Stored(
                    size=(directory / FILE).stat().st_size,
                    upstream_down=circuit(tx).down,
                    rules_valid=open_trouble(tx, TOPIC) is None,
                    rules_loaded=datetime.fromisoformat(loaded_at) if loaded_at else None,
                    alerts=_by_phase(alerts),
                    outbox={**_zero(book.channels, _STATUSES), **tx.outbox.depths()},
                    owed={
                        **dict.fromkeys(book.channels, 0.0),
                        **{channel: (now - since).total_seconds() for channel, since in backlog.owed.items()},
                    },
                    lateness={
                        market.value: lateness(of_watched, timetable, now).total_seconds()
                        for market, timetable in planned.timetables(now).items()
                    },
                    states=Counter((state.symbol.market.value, state.state.value) for state in of_watched),
                    symbols=_figures(of_watched, alerts) if symbols else (),
                )
        finally:
            store.close()


def lateness(states: Sequence[SymbolState], timetable: Timetable, now: datetime) -> timedelta:
    """Return since when a market's newest session is due of which none of these symbols has a row; zero if one has."""
    judged = [state.judged for state in states if state.judged and state.symbol.market is timetable.market]
    due = timetable.due(now)
    if due is None or not judged or max(judged) >= due.trade_date:
        return timedelta()
    return now - timetable.due_after(max(judged), now)[0].at


def _zero(channels: Iterable[str], words: Iterable[str]) -> dict[tuple[str, str], int]:
    """Return 0 for each channel and word: a rate cannot be taken of what was not there before."""
    return dict.fromkeys(product(channels, words), 0)


def _by_phase(alerts: Sequence[Alert]) -> dict[str, int]:
    found = Counter(alert.phase.value for alert in alerts)
    return {phase.value: found[phase.value] for phase in Phase if phase is not Phase.QUIET}


def _figures(states: Sequence[SymbolState], alerts: Sequence[Alert]) -> list[SymbolFigures]:
    loud: dict[str, list[tuple[str, str]]] = {}
    for alert in alerts:
        loud.setdefault(alert.symbol, []).append((alert.rule, alert.phase.value))
    return [
        SymbolFigures(
            state.symbol,
            state.state.value,
            datetime.combine(state.judged, time(), UTC) if state.judged else None,
            loud.get(state.symbol, ()),
        )
        for state in sorted(states, key=lambda state: state.symbol)
    ]
